# SPDX-License-Identifier: Apache-2.0
"""Header stacks: extracted to, moved, copied, and looked into by an index that a packet brings."""

import json
from collections.abc import Sequence
from pathlib import Path

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
    op,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
)
from compiled import Compiled, Output, compiled, refusal

ITEM: Fields = [("kind", 8), ("value", 8)]
SIZE = 3
STACK = {"type": "header_stack", "value": "s"}
NO_ERROR, TOO_SHORT, OUT_OF_BOUNDS = 0, 1, 3


def element(index: Json, member: int) -> Json:
    """s[index].kind or s[index].value."""
    return op("access_field", op("dereference_header_stack", STACK, index), const_index(member))


def const_index(number: int) -> Json:
    return number  # pyright: ignore[reportReturnType]: the JSON has a plain number there


def stacked(*primitives: Json, egress: Sequence[Json] = ()) -> Json:
    """h, then elements of s as long as their kind is 1; then `primitives`; out of port 2."""
    following = [{"type": "stack_field", "value": ["s", "kind"]}]
    loop = state("item", [extract_next()], following, [case("0x01", "item")])
    names = [f"s[{number}]" for number in range(SIZE)]
    made = program(
        {"h": [("a", 8), ("b", 8), ("c", 32)], **dict.fromkeys(names, ITEM), "one": ITEM},
        metadata={"meta": [("i", 8), ("s", 8, True)]},
        states=[state("start", [extract("h")], default="item"), loop],
        actions=[action("act", *primitives), action("out", *egress)],
        ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
        egress=pipeline("tbl_out", synthetic("out")),
    )
    return with_stack(made)


def with_stack(made: Json) -> Json:
    ids = [each["id"] for each in made["headers"] if each["name"].startswith("s[")]
    of = {"name": "s", "id": 0, "header_type": "s[0]_t", "size": len(ids), "header_ids": ids}
    return {**made, "header_stacks": [of]}


def extract_next() -> Json:
    return parser_op("extract", {"type": "stack", "value": "s"})


def items(*pairs: tuple[int, int]) -> bytes:
    return bytes(byte for pair in pairs for byte in pair)


H = bytes(6)
THREE = [(1, 10), (1, 11), (0, 12)]


def after(*primitives: Json, frame: bytes = H + items(*THREE)) -> bytes:
    with compiled(stacked(*primitives)) as switch:
        return switch.payload(frame)[6:]


def test_elements_leave_as_they_came() -> None:
    with compiled(stacked()) as switch:
        for count in range(1, SIZE + 1):
            frame = H + items(*THREE[SIZE - count :]) + b"rest"
            assert switch.payload(frame) == frame


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (items((1, 0), (1, 0), (0, 0)), NO_ERROR),
        (items((1, 0)) + b"\x01", TOO_SHORT),
        (items((1, 0), (1, 0), (1, 0), (0, 0)), OUT_OF_BOUNDS),
        (items((1, 0), (1, 0), (1, 0)), OUT_OF_BOUNDS),  # full before it is too short
    ],
)
def test_a_stack_may_be_full_or_the_packet_too_short(frame: bytes, error: int) -> None:
    with compiled(stacked(assign(field("h", "c"), standard("parser_error")))) as switch:
        out = switch.payload(H + frame)
        assert int.from_bytes(out[2:6], "big") == error
        assert out[6:] == frame  # what was extracted stays


def test_the_last_element_of_a_stack_without_any_is_out_of_bounds() -> None:
    last = [{"type": "stack_field", "value": ["s", "kind"]}]
    states = [state("start", [extract("h")], last, [case("0x00", None)])]
    made = with_stack(
        program(
            {"h": [("c", 32)], **{f"s[{n}]": ITEM for n in range(SIZE)}},
            states=states,
            actions=[action("act", assign(field("h", "c"), standard("parser_error")))],
            ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
        )
    )
    with compiled(made) as switch:
        assert int.from_bytes(switch.payload(bytes(4)), "big") == OUT_OF_BOUNDS


@pytest.mark.parametrize("count", range(5))
def test_push_moves_everything_towards_the_end(count: int) -> None:
    assert after(primitive("push", STACK, const(count))) == items(*THREE[: max(0, 3 - count)])


@pytest.mark.parametrize("count", range(5))
def test_pop_moves_everything_towards_the_front(count: int) -> None:
    assert after(primitive("pop", STACK, const(count))) == items(*THREE[count:])


def test_push_also_moves_what_was_not_extracted() -> None:
    """As P4 has it; BMv2 loses what lies beyond those that it has counted."""
    third = primitive("add_header", header("s[2]"))
    made = stacked(
        primitive("add_header", header("s[1]")),
        assign(field("s[1]", "value"), const(0x77)),
        primitive("push", STACK, const(1)),
    )
    with compiled(made) as switch:
        assert switch.payload(H + items((0, 5)))[6:] == items((0, 5), (0, 0x77))
    assert after(third, frame=H + items((0, 1))) == items((0, 1), (0, 0))


def test_pushed_elements_are_empty_when_they_become_valid() -> None:
    pushed = [primitive("push", STACK, const(2)), primitive("add_header", header("s[1]"))]
    assert after(*pushed) == items((0, 0), THREE[0])


@pytest.mark.parametrize("index", [0, 1, 2, 3, 200, 255])
def test_an_index_that_the_packet_brings(index: int) -> None:
    """Beyond the end there is a header that is never valid and takes nothing."""
    at = op("+", field("h", "a"), const(0))
    read = [assign(field("h", "b"), element(at, 1))]
    write = [
        primitive("assign", argument(element(field("h", "a"), 1)), const(0x99)),
        assign(field("h", "b"), element(field("h", "a"), 1)),
    ]
    frame = bytes([index]) + H[1:] + items(*THREE)
    for primitives, there in ((read, None), (write, 0x99)):
        with compiled(stacked(*primitives)) as switch:
            out = switch.payload(frame)
        expected = [list(pair) for pair in THREE]
        if index < SIZE and there is not None:
            expected[index][1] = there
        assert out[6:] == items(*map(tuple, expected))  # pyright: ignore[reportArgumentType]
        assert out[1] == (expected[index][1] if index < SIZE else 0)


def test_a_negative_index_is_beyond_the_end() -> None:
    index = [assign(field("meta", "s"), field("h", "a"))]
    made = stacked(*index, assign(field("h", "b"), element(field("meta", "s"), 1)))
    with compiled(made) as switch:
        assert switch.payload(b"\x02" + H[1:] + items(*THREE))[1] == 12
        assert switch.payload(b"\xff" + H[1:] + items(*THREE))[1] == 0


def test_headers_by_an_index() -> None:
    at: Json = op("dereference_header_stack", STACK, field("h", "a"))
    chosen: Json = {"type": "expression", "value": at}
    valid = assign(field("h", "b"), op("b2d", None, op("valid", None, at)))
    for primitives, index, expected in (
        ([primitive("assign_header", header("one"), chosen)], 1, items(*THREE, THREE[1])),
        ([primitive("assign_header", header("one"), chosen)], 7, items(*THREE)),
        ([primitive("assign_header", chosen, header("s[0]"))], 2, items(*THREE[:2], THREE[0])),
        ([primitive("assign_header", chosen, header("s[0]"))], 7, items(*THREE)),
        ([primitive("remove_header", chosen)], 1, items(THREE[0], THREE[2])),
        ([primitive("remove_header", chosen)], 3, items(*THREE)),
        ([primitive("remove_header", chosen), primitive("add_header", chosen)], 1,
         items(THREE[0], (0, 0), THREE[2])),
        ([primitive("add_header", chosen)], 3, items(*THREE)),
    ):  # fmt: skip
        with compiled(stacked(*primitives, valid)) as switch:
            out = switch.payload(bytes([index]) + H[1:] + items(*THREE))
        assert out[6:] == expected
        removed = primitives[-1]["op"] == "remove_header"
        assert out[1] == (index < SIZE and not removed)


def test_how_many_were_extracted() -> None:
    size, last = (op(name, None, STACK) for name in ("size_stack", "last_stack_index"))
    both = [assign(field("h", "a"), size), assign(field("h", "b"), last)]
    pop = primitive("pop", STACK, const(2))
    push = primitive("push", STACK, const(1))
    for primitives, expected in (
        ([], (2, 1)),
        ([pop], (0, 0xFF)),
        ([pop, push], (1, 0)),
        ([push, push], (3, 2)),
    ):
        with compiled(stacked(*primitives, *both)) as switch:
            out = switch.payload(H + items(*THREE[1:]))
        assert tuple(out[:2]) == expected


def test_a_whole_stack_is_copied() -> None:
    names = [f"{stack}[{number}]" for stack in "st" for number in range(2)]
    made = program(
        dict.fromkeys(names, ITEM),
        states=[state("start", [extract("s[0]"), extract("s[1]"), extract("t[0]")])],
        actions=[
            action(
                "act",
                primitive("assign_header_stack", {"type": "header_stack", "value": "s"},
                          {"type": "header_stack", "value": "t"}),
            )
        ],
        ingress=pipeline("tbl_act", synthetic("act", "tbl_forward"), synthetic("forward")),
    )  # fmt: skip
    ids = {each["name"]: each["id"] for each in made["headers"]}
    made["header_stacks"] = [
        {"name": name, "id": n, "header_type": "s[0]_t", "size": 2,
         "header_ids": [ids[f"{name}[0]"], ids[f"{name}[1]"]]}
        for n, name in enumerate("st")
    ]  # fmt: skip
    with compiled(made) as switch:
        assert switch.payload(items((1, 1), (2, 2), (3, 3))) == items((3, 3), (3, 3))


def test_every_replica_finds_the_stack_as_ingress_left_it() -> None:
    """Egress pops for one and writes to an element for another."""
    egress = [
        primitive("pop", STACK, const(1)),
        primitive("assign", argument(element(standard("egress_rid"), 1)), const(0x55)),
    ]
    made = stacked(assign(standard("mcast_grp"), const(1)), egress=egress)
    with compiled(made) as switch:
        switch.add_group(1, (4, 0), (5, 1), (6, 2))
        outputs = switch.send(H + items(*THREE))
        assert outputs == [
            Output(4, H + items((1, 0x55), (0, 12))),
            Output(5, H + items((1, 11), (0, 0x55))),
            Output(6, H + items((1, 11), (0, 12))),
        ]


REFUSED = {
    "a computed number of elements": [primitive("push", STACK, field("h", "a"))],
    "a comparison of header stacks": [
        assign(field("h", "a"), op("b2d", None, op("==", STACK, STACK)))
    ],
    "an index of more than 64 bits": [
        assign(field("h", "a"), element(op("<<", field("h", "a"), const(64)), 0))
    ],
}


@pytest.mark.parametrize(("what", "primitives"), REFUSED.items())
def test_refused_by_name(what: str, primitives: list[Json]) -> None:
    assert f"{what}: not supported" in refusal(stacked(*primitives))


def test_a_stack_of_nothing_or_of_two_types_is_wrong() -> None:
    for ids in ([], [2, 3, 0]):
        made = stacked()
        made["header_stacks"][0]["header_ids"] = ids
        assert "InvalidInput: header_stacks[s]" in refusal(made)


# ---- what p4c makes of a program that uses stacks in every way --------------------------


@pytest.fixture(scope="module")
def program_of_p4c() -> Json:
    return json.loads((Path(__file__).parents[1] / "programs" / "stacks.json").read_text())


def test_a_program_of_p4c(program_of_p4c: Json) -> None:
    """Its report, then base, then the items."""
    base = 8
    lines = b"\x01\x02\x00\x03", b"\x82\x04\xff\xff"

    def run(switch: Compiled, operation: int, *, index: int = 0) -> bytes:
        ((port, out),) = switch.send(bytes([operation, index, 0xAB, 0xCD]) + b"".join(lines))
        assert port == 1
        assert out[:4] == bytes([0, 1, 0x82, 16 if operation == 7 else 12])
        return out[base:]

    with compiled(program_of_p4c) as switch:
        assert run(switch, 0) == b"".join(lines)
        assert run(switch, 1) == b"".join(lines)  # an empty one in front of them
        assert run(switch, 3) == b""
        assert run(switch, 4) == lines[1]
        assert run(switch, 7) == b"\x01\x00\xab\xcd" + b"".join(lines)
        assert run(switch, 8, index=1) == lines[0] + b"\x82\x04\xab\xcd"
        assert run(switch, 8, index=4) == b"".join(lines)
        assert run(switch, 13) == lines[1] + lines[0]  # the first has gone to the fourth's place
