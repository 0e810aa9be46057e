# SPDX-License-Identifier: Apache-2.0
"""Calculations: every algorithm against one in Python, over bits put together without padding."""

import binascii
import random
from collections.abc import Callable

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    argument,
    const,
    extract,
    field,
    op,
    pipeline,
    primitive,
    program,
    state,
    synthetic,
)
from compiled import compiled, refusal

FIELDS: Fields = [("a", 3), ("b", 48), ("c", 13), ("d", 128)]


def crc16(data: bytes) -> int:
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder


def xor16(data: bytes) -> int:
    value = 0
    for at in range(0, len(data), 2):
        value ^= int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
    return value


def csum16(data: bytes) -> int:
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
                for at in range(0, len(data), 2))  # fmt: skip
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def identity(data: bytes) -> int:
    return int.from_bytes(data[:8], "big")


MODELS: dict[str, Callable[[bytes], int]] = {
    "crc16": crc16,
    "crc16_custom": crc16,
    "crc32": binascii.crc32,
    "crc32_custom": binascii.crc32,
    "xor16": xor16,
    "csum16": csum16,
    "identity": identity,
}


def packed(values: list[tuple[int, int]]) -> bytes:
    """Values of so many bits, one after the other; zeros fill the last byte."""
    bits = "".join(f"{value:0{width}b}" for value, width in values if width)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def hashing(algorithm: str, inputs: list[Json], *, base: Json | None = None,
            size: Json | None = None, bits: int = 64) -> Json:  # fmt: skip
    """Header out arrives and gets the hash, of header h, and of header o if there is one."""
    calculation = {"name": "calc", "id": 0, "algo": algorithm, "input": inputs}
    named = {"type": "calculation", "value": "calc"}
    run = primitive(
        "modify_field_with_hash_based_offset",
        field("out", "result"),
        base or const(0),
        named,
        size or const((1 << 64) - 1),
    )
    return program(
        {"out": [("result", bits), ("size", 8)], "h": FIELDS, "o": [("x", 16)]},
        states=[state("start", [extract("out"), extract("h"), extract("o")])],
        actions=[action("act", run)],
        ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
        calculations=[calculation],
    )


INPUTS = [
    field("h", "c"),
    {"type": "hexstr", "value": "0x05", "bitwidth": 3},
    field("h", "b"),
    field("h", "d"),
    field("h", "a"),
]


@pytest.mark.parametrize("algorithm", MODELS)
@pytest.mark.parametrize("optional", [False, True], ids=["all there", "not all"])
def test_algorithms(algorithm: str, optional: bool) -> None:
    """What lies in a header that is not there is left out, and the rest moves up."""
    rng = random.Random(5)
    inputs = [field("o", "x"), *INPUTS] if optional else INPUTS
    with compiled(hashing(algorithm, inputs)) as switch:
        for _ in range(20):
            a, b, c, d, x = (rng.getrandbits(each) for each in (3, 48, 13, 128, 16))
            header = packed([(a, 3), (b, 48), (c, 13), (d, 128)])
            there = rng.random() < 0.5
            frame = bytes(9) + header + (x.to_bytes(2, "big") if there else b"!")
            out = switch.payload(frame)
            values = [(c, 13), (5, 3), (b, 48), (d, 128), (a, 3)]
            data = packed([(x, 16), *values] if optional and there else values)
            assert int.from_bytes(out[:8], "big") == MODELS[algorithm](data)


def test_base_and_size() -> None:
    octets = packed([(0, 3), (7, 48), (0, 13), (0, 128)])
    frame = bytes(8) + b"\x07" + octets
    hashed = crc16(packed([(7, 48)]))
    computed = argument(op("+", field("out", "size"), const(3)))
    for base, size, expected in (
        (const(0), const(7), hashed % 7),
        (const(100), const(0), 100),
        (const(100), field("out", "size"), hashed % 7 + 100),
        (field("out", "size"), computed, hashed % 10 + 7),
        (const((1 << 64) - 1), const(7), (hashed % 7 - 1) % (1 << 64)),
    ):
        made = hashing("crc16", [field("h", "b")], base=base, size=size)
        with compiled(made) as switch:
            assert int.from_bytes(switch.payload(frame)[:8], "big") == expected
    with compiled(hashing("crc16", [field("h", "b")], size=field("out", "size"))) as switch:
        assert switch.payload(bytes(9) + octets)[:8] == bytes(8)  # modulo 0


def test_a_hash_is_cut_to_its_field() -> None:
    octets = packed([(0, 3), (7, 48), (0, 13), (0, 128)])
    for bits in (8, 16, 24, 32):
        with compiled(hashing("crc32", [field("h", "b")], bits=bits)) as switch:
            out = switch.payload(bytes(bits // 8 + 1) + octets)
        hashed = binascii.crc32(packed([(7, 48)])) & ((1 << bits) - 1)
        assert int.from_bytes(out[: bits // 8], "big") == hashed


def test_checksums_cover_the_payload() -> None:
    """From the next byte on, wherever the fields end."""
    for algorithm, model in (("csum16", csum16), ("crc16", crc16), ("crc32", binascii.crc32)):
        for names in (["b"], ["b", "a"], ["c"], ["b", "c"], ["a", "d", "c"]):
            made = checked(algorithm, names)
            with compiled(made) as switch:
                for size in (0, 1, 2, 7, 1200):
                    payload = random.Random(size).randbytes(size)
                    values = dict(zip("abcd", (5, 0x123456789ABC, 0x1FF0, 3 << 126), strict=True))
                    widths = {each[0]: each[1] for each in FIELDS}
                    header = packed([(values[name], widths[name]) for name in "abcd"])
                    out = switch.payload(bytes(4) + header + payload)
                    data = packed([(values[name], widths[name]) for name in names]) + payload
                    assert int.from_bytes(out[:4], "big") == model(data)


def checked(algorithm: str, names: list[str]) -> Json:
    inputs: list[Json] = [field("h", name) for name in names]
    inputs.append({"type": "payload", "value": None})
    return program(
        {"out": [("result", 32)], "h": FIELDS},
        calculations=[{"name": "calc", "id": 0, "algo": algorithm, "input": inputs}],
        checksums=[{"name": "c", "id": 0, "type": "generic", "calculation": "calc",
                    "update": True, "verify": False, "target": ["out", "result"],
                    "if_cond": {"type": "bool", "value": True}}],
    )  # fmt: skip


REFUSED = {
    "the hash algorithm 'random'": hashing("random", INPUTS),
    "xor16 over the payload": checked("xor16", ["b"]),
    "a hash between signed or very wide bounds": hashing(
        "crc16", INPUTS, base=argument(op("-", field("h", "a"), const(1)))
    ),
}


@pytest.mark.parametrize(("what", "made"), REFUSED.items())
def test_refused_by_name(what: str, made: Json) -> None:
    assert f"{what}: not supported" in refusal(made)
