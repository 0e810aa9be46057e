# SPDX-License-Identifier: Apache-2.0
"""A JSON that no p4c wrote: an error that says what is wrong and where, never a traceback."""

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any, cast

import pytest
from bmv2json import (
    Json,
    action,
    argument,
    assign,
    boolean,
    case,
    conditional,
    const,
    entry,
    extract,
    field,
    header,
    key,
    op,
    parameter,
    pipeline,
    primitive,
    program,
    state,
    synthetic,
    table,
)
from compiled import refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from hectograph.errors import HectographError, InvalidInput
from hectograph.switch.compiler import to_c

ENTRY = entry([{"match_type": "ternary", "key": "0x01", "mask": "0xff"}], "act", 1, priority=1)
BASE = program(
    {"h": [("x", 8), ("y", 8)], "g": [("z", 16)]},
    states=[state("start", [extract("h")], [field("h", "x")], [case("0x01", "next")]),
            state("next")],
    actions=[action("act", assign(field("h", "x"), parameter(0)), parameters=[("p", 8)])],
    ingress=pipeline(
        "t",
        table("t", [key("ternary", "h", "x")], ["act"], ("act", 1), "tbl_forward",
              entries=[ENTRY]),
        synthetic("forward", "c"),
        conditional("c", boolean(True), None, None),
    ),
)  # fmt: skip

NUMBERED = {**ENTRY, "action_entry": {"action_id": 1, "action_data": ["0x1"]}}
REMOVED = object()
TABLE = ("pipelines", 0, "tables", 0)
START = ("parsers", 0, "parse_states", 0)
STEP = ("actions", 1, "primitives", 0)

BAD: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "no name": (("headers", 0, "name"), REMOVED, "has no 'name'"),
    "a list that is none": (("headers",), 5, "headers: is not an array"),
    "a width that is none": (("header_types", 1, "fields", 0), ["x", "8"], "is not an integer"),
    "an unknown type": (("headers", 1, "header_type"), "nope", "unknown header type 'nope'"),
    "a header twice": (("headers", 2, "name"), "h", "headers[h]: is declared twice"),
    "emitted metadata": (("headers", 2, "metadata"), True, "'g' is metadata"),
    "half a byte": (("header_types", 1, "fields", 0), ["x", 4], "12 bits long, not whole bytes"),
    "no ingress port": (
        ("header_types", 0, "fields", 0),
        ["other", 9],
        "has no field 'ingress_port'",
    ),
    "an unknown state": ((*START, "transitions", 0, "next_state"), "x", "unknown state 'x'"),
    "an unknown start": (("parsers", 0, "init_state"), "x", "init_state: 'x' is not a state"),
    "a value too short": ((*START, "transitions", 0, "value"), "0x", "is not 1 byte(s)"),
    "a value too long": ((*START, "transitions", 0, "value"), "0x0001", "is not 1 byte(s)"),
    "an unknown header": ((*STEP, "parameters", 0, "value"), ["x", "y"], "'x' is not a header"),
    "an unknown field": ((*STEP, "parameters", 0, "value"), ["h", "q"], "'h_t' has no field 'q'"),
    "a constant assigned to": ((*STEP, "parameters", 0), const(1), "cannot be assigned to"),
    "a validity assigned to": (
        (*STEP, "parameters", 0),
        field("h", "$valid$"),
        "cannot be assigned to",
    ),
    "too few arguments": ((*STEP, "parameters"), [], "'assign' takes 2 argument(s), not 0"),
    "a parameter too many": ((*STEP, "parameters", 1), parameter(1), "has 1 parameter(s)"),
    "a truth for a number": (
        (*STEP, "parameters", 1),
        argument(boolean(True)),
        "is not an integer expression",
    ),
    "a number for a truth": (
        ("pipelines", 0, "conditionals", 0, "expression"),
        const(1),
        "is not a boolean expression",
    ),
    "a number for a header": (
        (*STEP,),
        primitive("add_header", const(1)),
        "is not a header",
    ),
    "headers of two types": (
        (*STEP,),
        primitive("assign_header", header("h"), header("g")),
        "'g' has another type than 'h'",
    ),
    "apples and pears": (
        (*STEP, "parameters", 1),
        argument(op("b2d", None, op("==", header("h"), const(1)))),
        "compares values of different kinds",
    ),
    "not hexadecimal": ((*STEP, "parameters", 1), {"type": "hexstr", "value": "0xg"}, "'0xg'"),
    "a drop of anything": (
        (*STEP,),
        primitive("mark_to_drop", header("h")),
        "'h' has no field 'egress_spec'",
    ),
    "an unknown counter": (
        (*STEP,),
        primitive("count", {"type": "counter_array", "value": "c"}, const(0)),
        "'c' is not an indirect counter",
    ),
    "an unknown node": ((*TABLE, "next_tables", "act"), "nowhere", "'nowhere' is not a node"),
    "a loop": (
        ("pipelines", 0, "conditionals", 0, "true_next"),
        "t",
        "comes back to 't': a pipeline has no loops",
    ),
    "a node twice": (("pipelines", 0, "conditionals", 0, "name"), "t", "is declared twice"),
    "an unknown action": ((*TABLE, "action_ids"), [77], "there is no action with the id 77"),
    "another's default": ((*TABLE, "default_entry", "action_id"), 0, "'forward' is not one of"),
    "an argument too wide": (
        (*TABLE, "default_entry", "action_data"),
        ["0x100"],
        "does not fit 8 bits",
    ),
    "an argument too few": ((*TABLE, "default_entry", "action_data"), [], "takes 1 argument(s)"),
    "actions without a next": ((*TABLE, "next_tables"), {}, "exactly the table's actions"),
    "a hit without a miss": ((*TABLE, "next_tables"), {"__HIT__": None}, "__HIT__ and __MISS__"),
    "an unknown meter": ((*TABLE, "direct_meters"), "m", "'m' is not a direct meter"),
    "an entry twice": ((*TABLE, "entries"), [NUMBERED, NUMBERED], "is there twice"),
    "an entry of another kind": (
        (*TABLE, "entries", 0, "match_key", 0),
        {"match_type": "exact", "key": "0x01"},
        "matches by exact, the table by ternary",
    ),
    "an entry's field too few": ((*TABLE, "entries", 0, "match_key"), [], "0 match field(s)"),
    "an unknown calculation": (
        ("checksums",),
        [{"name": "c", "type": "generic", "calculation": "q"}],
        "there is no calculation 'q'",
    ),
}


def changed(path: tuple[str | int, ...], value: Any) -> Json:
    """BASE with one thing in it replaced or removed."""
    made = deepcopy(BASE)
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    if value is REMOVED:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return made


@pytest.mark.parametrize("how", BAD.values(), ids=BAD.keys())
def test_says_what_is_wrong(how: tuple[tuple[str | int, ...], Any, str]) -> None:
    path, value, words = how
    assert refusal(changed(("program",), "x.p4")) == ""
    message = refusal(changed(path, value))
    assert message.startswith("InvalidInput: ")
    assert words in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        ("{}", "standard_metadata"),
    ],
)
def test_says_what_is_no_program(text: str | bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        to_c(text, "some.json")


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths to everything in a JSON value."""
    steps: list[str | int] = []
    if isinstance(value, dict):
        steps = list(cast(Json, value))
    elif isinstance(value, list):
        steps = list(range(len(cast(list[Any], value))))
    inner = [each for step in steps for each in places(cast(Any, value)[step], (*path, step))]
    return [path, *inner] if path else inner


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 1 << 70, 1.5, "", "x", "0x1", "default", [], {}, [[]], {"type": "field"},
     {"type": "expression", "value": {}}, REMOVED]
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(places(BASE)), JUNK), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_junk_anywhere_is_an_error_or_a_program(changes: list[tuple[Any, Any]]) -> None:
    made: Any = deepcopy(BASE)
    for path, value in changes:
        at = made
        try:
            for step in path[:-1]:
                at = at[step]
            if value is REMOVED:
                del at[path[-1]]
            else:
                at[path[-1]] = deepcopy(value)
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    with suppress(HectographError):  # anything else is a traceback for whoever sets it
        to_c(json.dumps(made))


def test_a_deep_expression_is_no_traceback() -> None:
    value = field("h", "x")
    for _ in range(300):
        value = op("+", value, const(1))
    made = changed((*STEP, "parameters", 1), argument(value))
    message = refusal(made)
    assert message.startswith("InvalidInput: ")
    assert "nested too deeply" in message
