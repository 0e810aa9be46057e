# SPDX-License-Identifier: Apache-2.0
"""Varbits: how long they are the packet says, and where they begin need not be a byte's start."""

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    argument,
    assign,
    const,
    extract,
    field,
    header,
    op,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
)
from compiled import compiled, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

MOST = 6
"""Bytes of the varbits here."""
NO_ERROR, TOO_SHORT, INVALID_ARGUMENT, HEADER_TOO_SHORT = 0, 1, 6, 4


def extract_varbit(name: str, bits: Json) -> Json:
    return parser_op("extract_VL", {"type": "regular", "value": name}, argument(bits))


def varied(*primitives: Json, before: int = 8, behind: int = 0, **more: object) -> Json:
    """h with the length in bits, v and w with a varbit between `before` and `behind` bits."""
    fields: list[tuple[str, int]] = [("kind", before), ("data", 0)]
    fields += [("tail", behind)] if behind else []
    made = program(
        {"h": [("bits", 8), ("a", 8), ("c", 16)], "v": fields, "w": fields},
        states=[
            state("start", [extract("h"), extract_varbit("v", field("h", "bits")),
                            extract_varbit("w", const(16))])
        ],
        actions=[action("act", *primitives)],
        ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
        **more,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    (of,) = (each for each in made["header_types"] if each["name"] == "v_t")
    of["fields"][1] = ["data", "*"]
    of["max_length"] = MOST + (before + behind) // 8
    return made


def frame(octets: bytes, *, bits: int | None = None, rest: bytes = b"\x02AB") -> bytes:
    """A varbit behind 8 bits, and another one of two bytes."""
    return bytes([8 * len(octets) if bits is None else bits, 0, 0, 0, 1]) + octets + rest


@given(st.integers(1, 30), st.integers(0, 30), st.binary(max_size=MOST), st.binary(min_size=20))
@settings(max_examples=12, deadline=None)
def test_a_varbit_lies_anywhere_in_its_header(
    before: int, behind: int, octets: bytes, more: bytes
) -> None:
    behind += -(before + behind) % 8
    with compiled(varied(before=before, behind=behind)) as switch:
        for size in range(MOST + 1):
            packet = bytes([8 * size, 0, 0, 0]) + octets + more
            assert switch.payload(packet) == packet


def test_what_lies_behind_it_is_read_at_its_place() -> None:
    tail = assign(field("h", "a"), field("v", "tail"))
    with compiled(varied(tail, before=4, behind=4)) as switch:
        out = switch.payload(bytes([16, 0, 0, 0]) + b"\x1a\xbc\xd2" + b"\x3e\xf0\x14" + b"rest")
        assert out == bytes([16, 2, 0, 0]) + b"\x1a\xbc\xd2" + b"\x3e\xf0\x14" + b"rest"


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (frame(bytes(MOST)), NO_ERROR),
        (frame(b""), NO_ERROR),
        (frame(b"", bits=9), INVALID_ARGUMENT),
        (frame(bytes(2), bits=48, rest=b""), TOO_SHORT),
        (frame(bytes(MOST + 1)), HEADER_TOO_SHORT),
        (frame(bytes(2), bits=56, rest=b""), TOO_SHORT),  # before too long for the header
    ],
)
def test_every_way_to_fail(packet: bytes, error: int) -> None:
    with compiled(varied(assign(field("h", "c"), standard("parser_error")))) as switch:
        out = switch.payload(packet)
        assert int.from_bytes(out[2:4], "big") == error
        assert out[4:] == packet[4:]


def test_a_varbit_is_assigned_with_its_length() -> None:
    given_ = [primitive("assign_VL", field("w", "data"), field("v", "data"))]
    with compiled(varied(*given_)) as switch:
        for size in range(MOST + 1):
            packet = frame(bytes(range(size)))
            assert switch.payload(packet + b"!") == packet[:-3] + b"\x02" + packet[5:-3] + b"!"


def test_headers_with_a_varbit_are_copied_added_and_removed() -> None:
    packet = frame(b"xyz")
    for primitives, expected in (
        ([primitive("assign_header", header("w"), header("v"))], b"\x01xyz\x01xyz"),
        ([primitive("remove_header", header("v"))], b"\x02AB"),
        ([primitive("remove_header", header("v")), primitive("add_header", header("v"))],
         b"\0\x02AB"),
        ([primitive("add_header", header("v"))], b"\x01xyz\x02AB"),
    ):  # fmt: skip
        with compiled(varied(*primitives)) as switch:
            assert switch.payload(packet)[4:] == expected


def test_the_packets_length_counts_varbits() -> None:
    see: list[Json] = [assign(field("h", "c"), standard("packet_length"))]
    made = varied(primitive("remove_header", header("v")))
    made["actions"].append({"name": "see", "id": 9, "runtime_data": [], "primitives": see})
    seen: Json = {**synthetic("see"), "action_ids": [9]}
    seen["default_entry"]["action_id"] = 9
    made["pipelines"][1] |= {"init_table": "tbl_see", "tables": [seen]}
    with compiled(made) as switch:
        packet = frame(b"abcde")
        assert int.from_bytes(switch.payload(packet)[2:4], "big") == len(packet) - 6


def test_equal_is_as_long_and_the_same() -> None:
    """BMv2 compares the numbers: 0x0001 and 0x01 are equal to it."""
    varbits = op("b2d", None, op("==", field("v", "data"), field("w", "data")))
    headers = op("b2d", None, op("==", header("v"), header("w")))
    made = varied(assign(field("h", "a"), op("|", op("<<", headers, const(1)), varbits)))
    with compiled(made) as switch:
        for octets, rest, expected in (
            (b"AB", b"\x01AB", 3),
            (b"AB", b"\x02AB", 1),
            (b"AC", b"\x01AB", 0),
            (b"\x01", b"\x01\0\x01", 0),
            (b"AB\0", b"\x01AB", 0),
        ):
            assert switch.payload(frame(octets, rest=rest))[1] == expected


def test_a_checksum_over_varbits() -> None:
    inputs = [field("v", "kind"), field("v", "data"), field("w", "data")]
    made = varied(
        calculations=[{"name": "sum", "id": 0, "algo": "csum16", "input": inputs}],
        checksums=[{"name": "c", "id": 0, "type": "generic", "calculation": "sum", "update": True,
                    "verify": False, "target": ["h", "c"], "if_cond": None}],
    )  # fmt: skip
    with compiled(made) as switch:
        for size in range(MOST + 1):
            out = switch.payload(frame(bytes(range(1, size + 1))))
            octets = b"\x01" + bytes(range(1, size + 1)) + b"AB"
            octets += bytes(len(octets) % 2)
            words = [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)]
            total = sum(words)
            while total >> 16:
                total = (total & 0xFFFF) + (total >> 16)
            assert int.from_bytes(out[2:4], "big") == ~total & 0xFFFF


OTHER: Fields = [("data", 8)]


def number(made: Json) -> None:
    made["actions"][1]["primitives"] = [assign(field("h", "a"), field("v", "data"))]


def key(made: Json) -> None:
    made["parsers"][0]["parse_states"][0]["transition_key"] = [field("v", "data")]


def second(made: Json) -> None:
    (of,) = (each for each in made["header_types"] if each["name"] == "v_t")
    of["fields"].append(["more", "*"])


def without_length(made: Json) -> None:
    made["parsers"][0]["parse_states"][0]["parser_ops"][1] = extract("v")


def choice(made: Json) -> None:
    either = op("?", field("v", "data"), field("w", "data"), op("valid", None, header("v")))
    made["actions"][1]["primitives"] = [assign(field("h", "a"), either)]


def too_large(made: Json) -> None:
    (of,) = (each for each in made["header_types"] if each["name"] == "v_t")
    of["max_length"] = 5000


REFUSED = {
    "a varbit as an integer: not supported": number,
    "a varbit here: not supported": key,
    "a second varbit in a header: not supported": second,
    "a varbit's length is given, and there is none, or the other way round": without_length,
    "a choice between varbits: not supported": choice,
    "a header of 5000 bytes with a varbit: not supported": too_large,
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_by_name(message: str) -> None:
    made = varied()
    assert refusal(made) == ""
    REFUSED[message](made)
    assert message in refusal(made)
