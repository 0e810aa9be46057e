# SPDX-License-Identifier: Apache-2.0
"""Header unions: one of their headers at most is valid, whatever made it so; and stacks of them."""

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    argument,
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
from compiled import compiled, refusal

ONE: Fields = [("tag", 8), ("x", 8)]
TWO: Fields = [("tag", 8), ("y", 16)]
MEMBERS = {"one": ONE, "two": TWO}
SIZE = 3
NO_ERROR, OUT_OF_BOUNDS = 0, 3
STACK: Json = {"type": "header_union_stack", "value": "s"}


def union(name: str) -> Json:
    return {"type": "header_union", "value": name}


def united(*primitives: Json) -> Json:
    """h, a union u by h.a, then unions of a stack by the tag that follows: 1 or 2; v is empty."""
    unions = ["u", "v", *(f"s[{number}]" for number in range(SIZE))]
    members = {f"{each}.{name}": MEMBERS[name] for each in unions for name in MEMBERS}
    starts = [case("0x01", "u_one"), case("0x02", "u_two"), case("0x03", "u_both")]
    tags = [case("0x01", "s_one"), case("0x02", "s_two")]
    next_one, next_two = (
        [parser_op("extract", {"type": "union_stack", "value": ["s", name]})] for name in MEMBERS
    )
    both = [extract("u.one"), extract("u.two")]
    made = program(
        {"h": [("a", 8), ("b", 8)], **members},
        states=[
            state("start", [extract("h")], [field("h", "a")], starts, "s"),
            state("u_one", [extract("u.one")], default="s"),
            state("u_two", [extract("u.two")], default="s"),
            state("u_both", both, default="s"),
            state("s", [], [lookahead(0, 8)], tags),
            state("s_one", next_one, default="s"),
            state("s_two", next_two, default="s"),
        ],
        actions=[action("act", *primitives)],
        ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
    )
    ids = {each["name"]: each["id"] for each in made["headers"]}
    made["header_union_types"] = [
        {"name": "t", "id": 0, "headers": [[name, f"u.{name}_t"] for name in MEMBERS]}
    ]
    made["header_unions"] = [
        {"name": each, "id": number, "union_type": "t",
         "header_ids": [ids[f"{each}.{name}"] for name in MEMBERS]}
        for number, each in enumerate(unions)
    ]  # fmt: skip
    made["header_union_stacks"] = [
        {"name": "s", "id": 0, "union_type": "t", "size": SIZE, "header_union_ids": [2, 3, 4]}
    ]
    return made


U_ONE, U_TWO = b"\x0a\x11", b"\x0b\x22\x23"
S_ONE, S_TWO = b"\x01\x55", b"\x02\x66\x67"


def after(frame: bytes, *primitives: Json) -> bytes:
    """What leaves behind h."""
    with compiled(united(*primitives)) as switch:
        return switch.payload(frame)[2:]


def test_what_is_extracted_last_is_valid() -> None:
    assert after(b"\x01\0" + U_ONE + S_TWO + S_ONE) == U_ONE + S_TWO + S_ONE
    assert after(b"\x03\0" + U_ONE + U_TWO + S_ONE + b"rest") == U_TWO + S_ONE + b"rest"


@pytest.mark.parametrize(
    ("primitives", "expected"),
    [
        ([primitive("add_header", header("u.two"))], bytes(3)),
        ([primitive("add_header", header("u.one"))], U_ONE),
        ([primitive("remove_header", header("u.two"))], U_ONE),
        ([primitive("remove_header", header("u.one"))], b""),
        ([primitive("assign_header", header("v.one"), header("u.one"))], U_ONE + U_ONE),
        ([primitive("assign_header", header("u.two"), header("v.two"))], U_ONE),
        ([primitive("assign_union", union("v"), union("u"))], U_ONE + U_ONE),
        ([primitive("assign_union", union("u"), union("v"))], b""),
        (
            [
                primitive("add_header", header("v.two")),
                primitive("assign_union", union("u"), union("v")),
            ],
            bytes(6),
        ),
    ],
)
def test_one_header_at_most_is_valid(primitives: list[Json], expected: bytes) -> None:
    assert after(b"\x01\0" + U_ONE, *primitives) == expected


def element(index: Json) -> Json:
    return op("dereference_union_stack", STACK, index)


def member(index: Json, number: int) -> Json:
    return op("access_union_header", element(index), number)  # pyright: ignore[reportArgumentType]


def test_unions_by_an_index() -> None:
    """The index is h.b; s holds a one, then a two."""
    at = field("h", "b")
    two = argument(member(at, 1))
    for primitives, index, expected in (
        ([primitive("add_header", two)], 0, bytes(3) + S_TWO),
        ([primitive("add_header", two)], 1, S_ONE + S_TWO),
        ([primitive("add_header", two)], 2, S_ONE + S_TWO + bytes(3)),
        ([primitive("add_header", two)], 3, S_ONE + S_TWO),
        ([primitive("assign_union", argument(element(const(0))), argument(element(at)))], 1,
         S_TWO + S_TWO),
        ([primitive("assign_union", argument(element(at)), argument(element(const(0))))], 1,
         S_ONE + S_ONE),
        ([primitive("assign_union", argument(element(at)), argument(element(const(0))))], 9,
         S_ONE + S_TWO),
        ([primitive("assign_union", argument(element(const(0))), argument(element(at)))], 9,
         S_TWO),
    ):  # fmt: skip
        assert after(bytes([0, index]) + S_ONE + S_TWO, *primitives) == expected


def test_push_and_pop() -> None:
    def moved(name: str, count: int) -> bytes:
        return after(b"\0\0" + S_ONE + S_TWO + S_ONE, primitive(name, STACK, const(count)))

    assert moved("push", 1) == S_ONE + S_TWO
    assert moved("pop", 1) == S_TWO + S_ONE
    assert moved("push", 3) == moved("pop", 4) == b""


def test_a_stack_of_unions_may_be_full() -> None:
    frame = b"\0\0" + S_ONE * SIZE
    assert after(frame + S_TWO) == S_ONE * SIZE + S_TWO  # the last is what was not parsed


def test_validity_and_equality() -> None:
    valid = [op("valid_union", None, union(each)) for each in ("u", "v")]
    equal = op("==", union("u"), union("v"))
    differ = op("!=", element(const(0)), element(const(1)))
    bits = op("|", op("<<", op("b2d", None, valid[0]), const(3)), op("b2d", None, valid[1]))
    bits = op("|", bits, op("<<", op("b2d", None, equal), const(1)))
    bits = op("|", bits, op("<<", op("b2d", None, differ), const(2)))
    copy = primitive("assign_union", union("v"), union("u"))
    for primitives, frame, expected in (
        ([], b"\x01\0" + U_ONE + S_ONE + S_ONE, 0b1000),
        ([], b"\x01\0" + U_ONE + S_ONE + S_TWO, 0b1100),
        ([], b"\0\0", 0b0100),  # neither is valid: not equal, as in BMv2
        ([copy], b"\x02\0" + U_TWO + S_TWO + S_TWO, 0b1011),
        ([copy, assign(field("v.two", "y"), const(1))], b"\x02\0" + U_TWO, 0b1101),
    ):
        with compiled(united(*primitives, assign(field("h", "b"), bits))) as switch:
            assert switch.payload(frame)[1] == expected


def test_a_field_of_the_last_union() -> None:
    """The parser ends where it is 0x55; else the fourth is one too many."""
    made = united(assign(field("h", "b"), standard("parser_error")))
    last = [{"type": "union_stack_field", "value": ["s", "one", "x"]}]
    states = {each["name"]: each for each in made["parsers"][0]["parse_states"]}
    states["s_one"] |= {"transition_key": last, "transitions": [case("0x55", None)]}
    states["s_one"]["transitions"].append({"type": "default", "next_state": "s"})
    with compiled(made) as switch:
        assert switch.payload(b"\0\0" + S_ONE * 4)[1] == NO_ERROR
        assert switch.payload(b"\0\0" + b"\x01\x56" * 2 + S_ONE * 2)[1] == NO_ERROR
        assert switch.payload(b"\0\0" + b"\x01\x56" * 4)[1] == OUT_OF_BOUNDS


@pytest.mark.parametrize(
    ("primitives", "message"),
    [
        ([primitive("add_header", union("u"))], "is not a header"),
        ([primitive("assign_union", union("u"), union("w"))], "'w' is not a header union"),
        ([primitive("add_header", argument(member(const(0), 2)))], "the union has 2 header(s)"),
        ([primitive("assign_header", header("u.one"), header("u.two"))], "another type"),
    ],
)
def test_what_is_wrong(primitives: list[Json], message: str) -> None:
    assert message in refusal(united(*primitives))


def test_a_header_that_a_union_does_not_have() -> None:
    made = united()
    ops = made["parsers"][0]["parse_states"][5]["parser_ops"]
    ops[0]["parameters"][0]["value"] = ["s", "three"]
    assert "'s' has no header 'three'" in refusal(made)
