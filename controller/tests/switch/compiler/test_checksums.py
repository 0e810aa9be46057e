# SPDX-License-Identifier: Apache-2.0
"""RFC 1071 checksums, against one that adds up the bytes."""

from typing import Any

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    boolean,
    case,
    extract,
    field,
    op,
    pipeline,
    program,
    standard,
    state,
    synthetic,
)
from compiled import compiled, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER: Fields = [
    ("kind", 8),
    ("nibble", 4),
    ("twelve", 12),
    ("odd", 3),
    ("rest", 13),
    ("word", 16),
    ("long", 32),
    ("wide", 128),
    ("signed", 8, True),
    ("byte", 8),
    ("sum", 16),
]
NAMES = [each[0] for each in HEADER if each[0] != "sum"]
WIDTHS = {each[0]: each[1] for each in HEADER}
SIZE = sum(WIDTHS.values()) // 8

Input = tuple[str, str] | tuple[int, int]
"""A header's field, or a constant and its bits."""


def as_json(part: Input) -> Json:
    if isinstance(part[0], str):
        return field(part[0], str(part[1]))
    value, bits = part
    digits = (int(bits) + 7) // 8 * 2
    return {"type": "hexstr", "value": f"0x{value:0{digits}x}", "bitwidth": bits}


def summed(
    inputs: list[Input], condition: Json | None = None, target: str = "a", **more: Any
) -> Json:
    """Header b follows a if a.kind is 1; the checksum goes to, or is checked against, a.sum."""
    tell = assign(field("a", "kind"), standard("checksum_error"))
    checksum = {
        "name": "cksum",
        "id": 0,
        "target": [target, "sum"],
        "type": "generic",
        "calculation": "calc",
        "if_cond": condition,
        "update": False,
        "verify": False,
        **more,
    }
    return program(
        {"a": HEADER, "b": HEADER},
        metadata={"meta": [("x", 8), ("y", 16)]},
        states=[
            state("start", [extract("a")], [field("a", "kind")], [case("0x01", "both")]),
            state("both", [extract("b")]),
        ],
        actions=[action("tell", *([tell] if more.get("verify") else []))],
        ingress=pipeline("tbl_tell", synthetic("tell", "tbl_forward"), synthetic("forward")),
        calculations=[
            {"name": "calc", "id": 0, "algo": "csum16", "input": [as_json(each) for each in inputs]}
        ],
        checksums=[checksum],
    )


def rfc1071(data: bytes) -> int:
    """Inverted; a last odd byte is the high one of its word."""
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[n : n + 2], "big") for n in range(0, len(padded), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def expected(inputs: list[Input], headers: dict[str, bytes]) -> int:
    """Inputs put one after the other, without those whose header is not there."""
    bits = ""
    for part in inputs:
        if isinstance(part[0], int):
            bits += f"{part[0]:0{part[1]}b}"
        elif part[0] in headers:
            whole = "".join(f"{byte:08b}" for byte in headers[part[0]])
            start = sum(WIDTHS[name] for name in WIDTHS if list(WIDTHS).index(name)
                        < list(WIDTHS).index(str(part[1])))  # fmt: skip
            bits += whole[start : start + WIDTHS[str(part[1])]]
        elif part[0] == "meta":
            bits += "0" * (8 if part[1] == "x" else 16)
    bits += "0" * (-len(bits) % 8)
    return rfc1071(bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)))


def check_update(inputs: list[Input], rng: Any, frames: int = 6) -> None:
    with compiled(summed(inputs, update=True)) as switch:
        for number in range(frames):
            first = bytes([number % 2]) + rng.randbytes(SIZE - 1)
            headers = {"a": first} | ({"b": rng.randbytes(SIZE)} if number % 2 else {})
            out = switch.payload(b"".join(headers.values()))
            got = int.from_bytes(out[SIZE - 2 : SIZE], "big")
            assert got == expected(inputs, headers), (inputs, headers)


PARTS = st.one_of(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(NAMES)),
    st.sampled_from([("meta", "x"), ("meta", "y")]),
    st.integers(1, 24).flatmap(lambda bits: st.tuples(st.integers(0, 2**bits - 1), st.just(bits))),
)


@given(st.lists(PARTS, min_size=1, max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_update_over_anything(inputs: list[Input], rng: Any) -> None:
    """Also where a header that is not there shifts what follows by half a word."""
    check_update(inputs, rng)


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_both_zeros(byte: int) -> None:
    inputs: list[Input] = [("a", "long"), ("a", "word")]
    frame = bytes([0]) + bytes([byte]) * (SIZE - 1)
    with compiled(summed(inputs, update=True)) as switch:
        out = switch.payload(frame)
        assert out[SIZE - 2 :].hex() == ("ffff" if byte == 0 else "0000")


@pytest.mark.parametrize(
    ("condition", "target", "wrong"),
    [
        (None, "a", True),
        (boolean(True), "a", True),
        (boolean(False), "a", False),
        (op("d2b", None, field("a", "byte")), "a", True),
        (op("d2b", None, field("b", "$valid$")), "a", False),
        # What lies in a header that is not there is not verified.
        (None, "b", False),
    ],
)
def test_verify(condition: Json | None, target: str, wrong: bool) -> None:
    inputs: list[Input] = [("a", "kind"), ("a", "byte"), ("a", "wide")]
    frame = bytes([0]) + bytes(range(1, SIZE - 2))
    right = expected(inputs, {"a": frame + bytes(2)}).to_bytes(2, "big")
    with compiled(summed(inputs, condition, target, verify=True)) as switch:
        assert switch.payload(frame + right)[0] == 0
        assert switch.payload(frame + b"\x12\x34")[0] == int(wrong)


def test_update_only_where_its_condition_holds() -> None:
    condition = op("and", op("d2b", None, field("a", "$valid$")), op("==", field("a", "kind"),
                   {"type": "hexstr", "value": "0x2"}))  # fmt: skip
    frame = bytes(range(SIZE))
    with compiled(summed([("a", "word")], condition, update=True)) as switch:
        assert switch.payload(frame) == frame
        assert switch.payload(b"\2" + frame[1:]) != b"\2" + frame[1:]


def test_a_whole_header_as_input() -> None:
    made = summed([("a", "word")], update=True)
    made["calculations"][0]["input"] = [{"type": "header", "value": "b"}]
    frame = b"\1" + bytes(range(1, SIZE)) + bytes(range(100, 100 + SIZE))
    with compiled(made) as switch:
        out = switch.payload(frame)
        assert int.from_bytes(out[SIZE - 2 : SIZE], "big") == rfc1071(frame[SIZE:])


def test_other_checksums_are_refused() -> None:
    made = summed([("a", "word")], update=True)
    made["calculations"][0]["algo"] = "round_robin"
    what = "the hash algorithm 'round_robin': not supported"
    assert refusal(made) == f"UnsupportedFeature: calculations[calc]: {what}"
