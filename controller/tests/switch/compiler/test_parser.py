# SPDX-License-Identifier: Apache-2.0
"""The parser: select, lookahead, advance, verify, and every way to fail."""

from typing import Any

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    case,
    const,
    extract,
    field,
    header,
    lookahead,
    op,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
)
from compiled import compiled

BYTE: Fields = [("x", 8)]
PAIR: Fields = [("high", 4), ("low", 12)]
REPORT: Fields = [("error", 32), ("value", 64)]

NO_ERROR, TOO_SHORT, TIMEOUT, INVALID_ARGUMENT = 0, 1, 5, 6


def reporting(states: list[Json], value: Json | None = None, **headers: Fields) -> Json:
    """Emits, before what is left of the packet, the parser's error and one value."""
    report = action(
        "tell",
        primitive("add_header", header("report")),
        assign(field("report", "error"), standard("parser_error")),
        assign(field("report", "value"), value or const(0)),
    )
    return program(
        {**headers, "report": REPORT},
        metadata={"meta": [("m8", 8), ("m64", 64), ("i8", 8, True), ("wide", 128)]},
        states=states,
        actions=[report],
        ingress=pipeline("tbl_tell", synthetic("tell", "tbl_forward"), synthetic("forward")),
        deparser=["report"],
    )


def run(made: Json, *frames: bytes, port: int = 1) -> list[tuple[int, int, bytes]]:
    """Error, value and the rest of each frame."""
    results: list[tuple[int, int, bytes]] = []
    with compiled(made) as switch:
        for frame in frames:
            out = switch.payload(frame, port)
            results.append(
                (int.from_bytes(out[:4], "big"), int.from_bytes(out[4:12], "big"), out[12:])
            )
    return results


def set_m8(value: Json) -> Json:
    return parser_op("set", field("meta", "m8"), value)


def marking(key: list[Json], cases: list[Json], ops: list[Json] | None = None) -> Json:
    """States a and b, and what is neither, leave 1, 2 or 3 in meta.m8."""
    states = [
        state("start", [extract("pair"), *(ops or [])], key, cases, "c"),
        *(state(name, [set_m8(const(n))]) for n, name in enumerate("abc", 1)),
    ]
    return reporting(states, field("meta", "m8"), pair=PAIR)


HIGH, LOW = field("pair", "high"), field("pair", "low")


@pytest.mark.parametrize(
    ("key", "cases", "expected"),
    [
        ([LOW], [case("0x0abc", "a"), case("0x0000", "b")], {"1abc": 1, "f000": 2, "1abd": 3}),
        # The first of two that match; a padding bit that no key can have.
        ([LOW], [case("0x0abc", "a"), case("0x0abc", "b"), case("0x1abd", "b")], {"1abc": 1}),
        ([LOW], [case("0x1abd", "b")], {"1abd": 3}),
        ([LOW], [case("0x0a00", "a", "0x0f00"), case("0x000c", "b", "0x000f")], {"0abc": 1}),
        ([LOW], [case("0x0a00", "a", "0x0f00"), case("0x000c", "b", "0x000f")], {"0bbc": 2}),
        ([HIGH, LOW], [case("0x050abc", "a"), case("0x060abc", "b")], {"5abc": 1, "6abc": 2}),
        ([HIGH, LOW], [case("0x050000", "a", "0x0f0000")], {"5fff": 1, "6fff": 3}),
        ([HIGH, LOW], [case("0x000000", "a", "0x000000")], {"5fff": 1}),
        ([lookahead(0, 8)], [case("0x77", "a")], {"000077": 1, "000078": 3}),
        ([lookahead(4, 12)], [case("0x0777", "a")], {"0000f777": 1, "0000f778": 3}),
        ([lookahead(0, 128)], [case("0x" + "ab" * 16, "b")], {"0000" + "ab" * 16: 2}),
        ([standard("ingress_port")], [case("0x0001", "a")], {"0000": 1}),
        ([field("pair", "$valid$")], [case("0x01", "b")], {"0000": 2}),
    ],
)
def test_select(key: list[Json], cases: list[Json], expected: dict[str, int]) -> None:
    made = marking(key, cases)
    results = run(made, *(bytes.fromhex(frame) for frame in expected))
    assert [(error, value) for error, value, _ in results] == [
        (NO_ERROR, value) for value in expected.values()
    ]


def test_select_on_a_signed_field_takes_its_bits() -> None:
    states = [
        state("start", [extract("s")], [field("s", "x")], [case("0xff", "a")], "b"),
        state("a", [set_m8(const(1))]),
        state("b", [set_m8(const(2))]),
    ]
    made = reporting(states, field("meta", "m8"), s=[("x", 8, True)])
    assert [value for _, value, _ in run(made, b"\xff", b"\x7f")] == [1, 2]


@pytest.mark.parametrize(
    ("ops", "frame", "expected"),
    [
        ([extract("one")], "", (TOO_SHORT, "")),
        ([extract("one")], "aabb", (NO_ERROR, "bb")),
        ([extract("one"), extract("pair")], "aabb", (TOO_SHORT, "bb")),
        ([parser_op("advance", const(16))], "aabbcc", (NO_ERROR, "cc")),
        ([parser_op("advance", const(16))], "aa", (TOO_SHORT, "aa")),
        ([parser_op("advance", const(0))], "aa", (NO_ERROR, "aa")),
        ([parser_op("advance", const(12))], "aabb", (INVALID_ARGUMENT, "aabb")),
        ([parser_op("shift", 2)], "aabbcc", (NO_ERROR, "cc")),
        ([extract("one"), parser_op("advance", field("one", "x"))], "10aabbcc", (NO_ERROR, "cc")),
        ([extract("one"), parser_op("advance", field("one", "x"))], "11aabbcc", (6, "aabbcc")),
        ([extract("one"), parser_op("advance", field("one", "x"))], "f0aabb", (1, "aabb")),
        (
            [
                extract("one"),
                parser_op(
                    "advance",
                    {"type": "expression", "value": op("*", field("one", "x"), const(8))},
                ),
            ],
            "01aabb",
            (NO_ERROR, "bb"),
        ),
    ],
)
def test_how_far_the_parser_gets(ops: list[Json], frame: str, expected: tuple[int, str]) -> None:
    made = reporting([state("start", ops)], one=BYTE, pair=PAIR)
    ((error, _, rest),) = run(made, bytes.fromhex(frame))
    assert (error, rest.hex()) == expected


@pytest.mark.parametrize(
    ("target", "value", "frame", "expected"),
    [
        ("m8", const(0x1FF), "", 0xFF),
        ("m8", standard("ingress_port"), "", 1),
        ("m8", {"type": "expression", "value": op("+", const(7), const(8))}, "", 15),
        ("m8", lookahead(0, 8), "ab", 0xAB),
        ("m8", lookahead(4, 4), "ab", 0x0B),
        ("m8", lookahead(0, 16), "abcd", 0xCD),
        ("m64", lookahead(3, 10), "abcd", (0xABCD >> 3) & 0x3FF),
        ("m64", lookahead(1, 64), "01" * 9, (int("01" * 9, 16) >> 7) & (2**64 - 1)),
        ("i8", lookahead(0, 8), "80", 2**64 - 128),
    ],
)
def test_set(target: str, value: Json, frame: str, expected: int) -> None:
    start = state("start", [parser_op("set", field("meta", target), value)])
    ((error, got, rest),) = run(reporting([start], field("meta", target)), bytes.fromhex(frame))
    assert (error, got, rest.hex()) == (NO_ERROR, expected, frame)


def test_lookahead_beyond_the_end() -> None:
    start = state("start", [set_m8(const(1)), set_m8(lookahead(4, 8)), set_m8(const(2))])
    ((error, value, rest),) = run(reporting([start], field("meta", "m8")), b"\xaa")
    assert (error, value, rest) == (TOO_SHORT, 1, b"\xaa")


def test_verify_reports_the_programs_error() -> None:
    condition = op("==", field("one", "x"), const(4))
    ops = [extract("one"), parser_op("verify", condition, const(3)), extract("pair")]
    results = run(reporting([state("start", ops)], one=BYTE, pair=PAIR), b"\4abc", b"\5abc")
    assert [(error, rest) for error, _, rest in results] == [(NO_ERROR, b"c"), (3, b"abc")]


def test_core_errors_have_the_programs_numbers() -> None:
    made = reporting([state("start", [extract("one")])], one=BYTE)
    made["errors"] = [["Mine", 0], ["PacketTooShort", 9], ["NoError", 5]]
    assert [error for error, _, _ in run(made, b"", b"x")] == [9, 5]


def test_primitives_in_a_state() -> None:
    ops = [
        extract("one"),
        parser_op("primitive", primitive("add_header", header("pair"))),
        parser_op("primitive", assign(LOW, const(0x123))),
    ]
    made = reporting([state("start", ops)], LOW, one=BYTE, pair=PAIR)
    assert run(made, b"x") == [(NO_ERROR, 0x123, b"")]


def test_a_loop_ends_with_the_packet() -> None:
    """Each turn takes a byte: until one is zero, or none is left."""
    start = state("start", [extract("one")], [field("one", "x")], [case("0x00", None)], "start")
    results = run(reporting([start], one=BYTE), b"\1\2\3\0\4", b"\1\2\3")
    assert [(error, rest) for error, _, rest in results] == [(NO_ERROR, b"\4"), (TOO_SHORT, b"")]


def test_a_packet_without_a_parser_is_payload() -> None:
    made: dict[str, Any] = reporting([])
    made["parsers"][0]["init_state"] = None
    assert run(made, b"all of it") == [(NO_ERROR, 0, b"all of it")]


def counting(step: int) -> Json:
    """Adds to meta.m8 until it is 0 again, and then what it finds to the packet's first byte."""
    count = field("meta", "m8")
    turn = [
        set_m8({"type": "expression", "value": op("+", count, const(step))}),
        parser_op(
            "set", field("meta", "m64"), argument_of(op("+", field("meta", "m64"), const(1)))
        ),
    ]
    states = [
        state("start", [set_m8(const(1))], default="turn"),
        state("turn", turn, [count], [case("0x00", None)], "turn"),
    ]
    return reporting(states, field("meta", "m64"))


def argument_of(expression: Json) -> Json:
    return {"type": "expression", "value": expression}


def test_a_loop_need_not_take_bytes() -> None:
    assert run(counting(1), b"rest") == [(NO_ERROR, 255, b"rest")]


def test_a_loop_without_end_is_a_timeout() -> None:
    assert run(counting(2), b"rest") == [(TIMEOUT, 65536, b"rest")]
