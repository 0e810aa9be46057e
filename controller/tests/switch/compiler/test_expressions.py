# SPDX-License-Identifier: Apache-2.0
"""Every operator of BMv2, against arithmetic with integers of any size."""

import random
from typing import Any

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    assign,
    boolean,
    const,
    field,
    op,
    pipeline,
    program,
    synthetic,
)
from compiled import compiled, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Values, evaluate, stored

INPUTS: Fields = [
    ("u1", 1),
    ("u7", 7),
    ("u8", 8),
    ("u16", 16),
    ("u31", 31),
    ("u33", 33),
    ("u48", 48),
    ("u64", 64),
    ("u65", 65),
    ("u127", 127),
    ("u128", 128),
    ("i2", 2, True),
    ("i8", 8, True),
    ("i15", 15, True),
    ("i32", 32, True),
    ("i63", 63, True),
    ("i64", 64, True),
    ("i65", 65, True),
    ("i127", 127, True),
    ("pad", 8),
]
OUTPUTS: Fields = [
    ("o1", 1),
    ("o9", 9),
    ("o16", 16),
    ("o32", 32),
    ("o64", 64),
    ("o128", 128),
    ("o70", 70),
    ("s8", 8, True),
    ("s33", 33, True),
    ("s64", 64, True),
    ("s96", 96, True),
    ("pad", 7),
]
CONSTANTS = [
    *(0, 1, 2, 7, 8, 0x7F, 0xFF, 0xFFFF, 0x8000),
    *((1 << 32) - 1, (1 << 64) - 1, 1 << 63, (1 << 128) - 1, 1 << 127),
    *(-1, -2, -128, -(1 << 31), -(1 << 63)),
]


def width(fields: Fields) -> int:
    return sum(each[1] for each in fields)


def encode(fields: Fields, values: Values) -> bytes:
    bits = 0
    for name, size, *_ in fields:
        bits = bits << size | values["in", name] & ((1 << size) - 1)
    return bits.to_bytes(width(fields) // 8, "big")


def decode(fields: Fields, data: bytes) -> dict[str, int]:
    bits = int.from_bytes(data, "big")
    found: dict[str, int] = {}
    for name, size, *_ in reversed(fields):
        found[name] = bits & ((1 << size) - 1)
        bits >>= size
    return found


def random_values(rng: random.Random) -> dict[tuple[str, str], int]:
    """Corners more often than chance would have them."""
    values: dict[tuple[str, str], int] = {}
    for name, size, *signed in INPUTS:
        ones = (1 << size) - 1
        corners = [0, 1, ones, ones >> 1, (ones >> 1) + 1, rng.getrandbits(size)]
        value = rng.choice([*corners, rng.getrandbits(size), rng.getrandbits(max(1, size // 2))])
        values["in", name] = value - (1 << size) if signed and value >> (size - 1) else value
    return values


def outputs(assignments: dict[str, Json]) -> Json:
    """A program that stores each expression in the output field of that name."""
    steps = [assign(field("out", name), value) for name, value in assignments.items()]
    return program(
        {"in": INPUTS, "out": OUTPUTS},
        actions=[action("compute", *steps)],
        ingress=pipeline("tbl_compute", synthetic("compute", "tbl_forward"), synthetic("forward")),
    )


def check(assignments: dict[str, Json], seed: int, frames: int = 20) -> None:
    rng = random.Random(seed)
    types = {each[0]: (each[1], len(each) > 2) for each in OUTPUTS}
    with compiled(outputs(assignments)) as switch:
        for _ in range(frames):
            values = random_values(rng)
            out = switch.payload(encode(INPUTS, values) + bytes(width(OUTPUTS) // 8))
            got = decode(OUTPUTS, out[width(INPUTS) // 8 :])
            for name, expression in assignments.items():
                bits, signed = types[name]
                want = stored(evaluate(expression, values), bits, signed=signed)
                assert got[name] == want & ((1 << bits) - 1), (name, expression, values)


COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
WIDTHS = [1, 2, 8, 9, 16, 32, 33, 64, 65, 127, 128]
AMOUNTS = [
    *(const(n) for n in (0, 1, 7, 31, 32, 63, 64, 65, 127, 128, 200)),
    *(field("in", name) for name in ("u1", "u7", "u8", "u64")),
]
LEAVES = [field("in", each[0]) for each in INPUTS] + [const(value) for value in CONSTANTS]
UNSIGNED = [field("in", each[0]) for each in INPUTS if len(each) == 2]


def masked(data: Json, bits: int) -> Json:
    return op("&", data, const((1 << bits) - 1))


@st.composite
def integers(draw: st.DrawFn, depth: int = 4) -> Json:
    def inner() -> Json:
        return draw(integers(depth - 1))

    def pick(of: list[Any]) -> Any:
        return draw(st.sampled_from(of))

    kind = pick(["leaf", "binary", "shift", "divide", "unary", "mask", "cast", "?", "b2d"])
    if depth == 0 or kind == "leaf":
        return pick(LEAVES)
    if kind == "binary":
        return op(pick(["+", "-", "*", "&", "|", "^"]), inner(), inner())
    if kind == "shift":
        shifted = op(pick(["<<", ">>"]), inner(), pick(AMOUNTS))
        return masked(shifted, pick(WIDTHS)) if shifted["value"]["op"] == "<<" else shifted
    if kind == "divide":
        return op(pick(["/", "%"]), pick(UNSIGNED), pick([const(3), const(256)]))
    if kind == "unary":
        return op(pick(["~", "-"]), None, inner())
    if kind == "mask":
        return masked(inner(), pick(WIDTHS))
    if kind == "cast":
        casts = ["two_comp_mod", "usat_cast", "sat_cast"]
        return op(pick(casts), inner(), const(pick(WIDTHS)))
    if kind == "?":
        return op("?", inner(), inner(), draw(truths(depth - 1)))
    return op("b2d", None, draw(truths(depth - 1)))


@st.composite
def truths(draw: st.DrawFn, depth: int) -> Json:
    kind = draw(st.sampled_from(["bool", "compare", "d2b", "logical", "not", "?"]))
    if depth <= 0 or kind == "bool":
        return boolean(draw(st.booleans()))
    if kind == "compare":
        name = draw(st.sampled_from(COMPARISONS))
        return op(name, draw(integers(depth - 1)), draw(integers(depth - 1)))
    if kind == "d2b":
        return op("d2b", None, draw(integers(depth - 1)))
    first, second = draw(truths(depth - 1)), draw(truths(depth - 1))
    if kind == "logical":
        return op(draw(st.sampled_from(["and", "or", "==", "!="])), first, second)
    return op("not", None, first) if kind == "not" else op("?", first, second, first)


@given(st.lists(integers(), min_size=11, max_size=11), st.integers(0, 1 << 32))
@settings(max_examples=20, deadline=None)
def test_expressions_give_what_unbounded_integers_give(drawn: list[Json], seed: int) -> None:
    """What needs more than 128 bits on the way is refused; the rest must be right."""
    names = [each[0] for each in OUTPUTS if each[0] != "pad"]
    pairs = dict(zip(names, drawn, strict=True))
    taken: dict[str, Json] = {}
    for name, each in pairs.items():
        if message := refusal(outputs({name: each})):
            assert "of more than 128 bits: not supported" in message
        else:
            taken[name] = each
    check(taken, seed)


PLAIN = {"o1": 1, "o9": 9, "o16": 16, "o32": 32, "o64": 64, "o70": 70, "o128": 128}
"""Unsigned outputs and their bits."""


@pytest.mark.parametrize("name", ["+", "-", "*", "&", "|", "^"])
def test_arithmetic_modulo_the_width(name: str) -> None:
    """What p4c writes for P4's own operators is never too wide."""

    def modulo(bits: int) -> Json:
        left = masked(op(name, field("in", "u128"), field("in", "u64")), bits)
        return masked(op(name, left, op("~", None, field("in", "u127"))), bits)

    check({output: modulo(bits) for output, bits in PLAIN.items()}, seed=1)


@pytest.mark.parametrize("name", ["+", "-"])
def test_saturating_unsigned(name: str) -> None:
    def saturated(bits: int) -> Json:
        left = masked(field("in", "u128"), bits)
        right = masked(op(">>", field("in", "u128"), const(1)), bits)
        return op("usat_cast", op(name, left, right), const(bits))

    check({output: saturated(bits) for output, bits in PLAIN.items()}, seed=2)


@pytest.mark.parametrize("name", ["+", "-"])
@pytest.mark.parametrize("widths", [(2, 8, 15, 32), (33, 63, 64, 65), (96, 95, 31, 7)])
def test_saturating_signed(name: str, widths: tuple[int, ...]) -> None:
    def saturated(bits: int) -> Json:
        sources = (field("in", each) for each in ("i127", "u128"))
        left, right = (op("two_comp_mod", each, const(bits)) for each in sources)
        return op("sat_cast", op(name, left, right), const(bits))

    outputs_ = ("o128", "s96", "o70", "s64")
    check(dict(zip(outputs_, map(saturated, widths), strict=True)), seed=3)


@pytest.mark.parametrize("operand", ["u8", "u64", "u128", "i8", "i64", "i127"])
def test_shifts_beyond_the_width(operand: str) -> None:
    """By a variable, whose value may well exceed the operand's width."""
    left, right = (op(name, field("in", operand), field("in", "u8")) for name in ("<<", ">>"))
    wide = {"o128": masked(left, 128), "o70": masked(right, 70)}
    check({**wide, "o64": masked(left, 64), "o16": masked(right, 16)}, seed=4, frames=60)


@pytest.mark.parametrize(
    ("left", "right"),
    [("u8", "u8"), ("u64", "i8"), ("i64", "u33"), ("i127", "u127"), ("u128", "u64"), ("i8", "i65")],
)
def test_comparisons_across_signs(left: str, right: str) -> None:
    sides = field("in", left), field("in", right)
    compared = [op("b2d", None, op(name, *sides)) for name in COMPARISONS]
    # Equal more often than two random values are.
    near = op("==", sides[0], op("&", *sides))
    assignments = dict(zip(PLAIN, [*compared, op("b2d", None, near)], strict=True))
    check(assignments, seed=5, frames=60)


@pytest.mark.parametrize("source", ["u127", "i127", "u65", "i8"])
def test_stores_wrap(source: str) -> None:
    """A signed field keeps what fits the unsigned one as wide, as BMv2's does."""
    names = [each[0] for each in OUTPUTS if each[0] != "pad"]
    check({name: field("in", source) for name in names}, seed=6, frames=60)


REFUSED = {
    "an intermediate result of more than 128 bits": op(
        ">>", op("+", field("in", "u128"), field("in", "u128")), const(1)
    ),
    "a comparison of more than 128 bits": op(
        "b2d", None, op("<", field("in", "u128"), field("in", "i8"))
    ),
    "a shift by an amount that may be negative": op("<<", const(1), field("in", "i8")),
    "by other than a positive constant": op("/", field("in", "u8"), field("in", "u16")),
    "'%' of a signed value": op("%", field("in", "i8"), const(3)),
    "'/' of a signed value": op("/", const(-5), const(3)),
    "two_comp_mod to a width that is not a constant": op(
        "two_comp_mod", field("in", "u8"), field("in", "u8")
    ),
    "usat_cast to 129 bits": op("usat_cast", field("in", "u8"), const(129)),
}


@pytest.mark.parametrize(("what", "expression"), REFUSED.items(), ids=REFUSED.keys())
def test_what_cannot_be_exact_is_refused_by_name(what: str, expression: Json) -> None:
    message = refusal(outputs({"o128": expression}))
    assert message.startswith("UnsupportedFeature: ")
    assert what in message
    assert ": not supported" in message
    assert "actions[compute].primitives[0]" in message


def test_a_comparison_that_only_c_can_see_through_draws_no_warning() -> None:
    """What is shifted out of its type is 0 to C, and no unsigned value is below that."""
    shifted = masked(op("<<", field("in", "u1"), const(64)), 1)
    check({"o1": op("b2d", None, op("<=", shifted, field("in", "u8")))}, seed=6)


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_of_a_complement_draws_no_warning(name: str) -> None:
    complement = masked(op("~", None, field("in", "u8")), 64)
    check({"o1": op("b2d", None, op(name, complement, field("in", "u7")))}, seed=7)
