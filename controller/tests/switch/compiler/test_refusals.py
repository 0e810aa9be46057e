# SPDX-License-Identifier: Apache-2.0
"""What the switch cannot do is refused when it is compiled, by name and with its place."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from bmv2json import (
    Json,
    action,
    argument,
    case,
    const,
    extract,
    field,
    header,
    key,
    lookahead,
    op,
    parser_op,
    pipeline,
    primitive,
    program,
    standard,
    state,
    synthetic,
    table,
)
from compiled import refusal

BASE = program(
    {"h": [("x", 8), ("y", 8)]},
    metadata={"meta": [("m", 32), ("s", 8, True)]},
    states=[state("start", [extract("h")], [field("h", "x")], [case("0x01", "next")]),
            state("next")],
    actions=[action("act", primitive("remove_header", header("h")), parameters=[("p", 8)])],
    ingress=pipeline(
        "t", table("t", [key("exact", "h", "x")], ["act"], ("act", 1), "tbl_forward"),
        synthetic("forward"),
    ),
    calculations=[],
    checksums=[],
)  # fmt: skip


def act(name: str, *parameters: Json) -> Callable[[Json], None]:
    """Put a primitive into the action `act`."""

    def change(made: Json) -> None:
        made["actions"][1]["primitives"] = [primitive(name, *parameters)]

    return change


def parse(*ops: Json) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        made["parsers"][0]["parse_states"][0]["parser_ops"] += ops

    return change


def expression(value: Json) -> Callable[[Json], None]:
    return act("assign", field("meta", "m"), argument(value))


def put(*path: str | int, value: Any) -> Callable[[Json], None]:
    """Set what lies at a path."""

    def change(made: Json) -> None:
        at: Any = made
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


TABLE = ("pipelines", 0, "tables", 0)
START = ("parsers", 0, "parse_states", 0)
NAMED = [{"name": "thing"}]
ACT = "actions[act].primitives[0]"

REFUSED: dict[str, tuple[Callable[[Json], None], str]] = {
    # What a program declares
    "extern instances": (put("extern_instances", value=NAMED), "extern_instances[thing]"),
    "saturating fields": (
        put("header_types", 2, "fields", 1, value=["y", 8, False, True]),
        "header_types[h_t].fields[1]",
    ),
    "a field of 40000 bits": (
        put("header_types", 1, "fields", 0, value=["m", 40000]),
        "header_types[meta_t].fields[0]",
    ),
    "a signed field of 129 bits": (
        put("header_types", 1, "fields", 0, value=["m", 129, True]),
        "header_types[meta_t].fields[0]",
    ),
    "a signed field of 128 bits": (
        put("header_types", 1, "fields", 0, value=["m", 128, True]),
        "header_types[meta_t].fields[0]",
    ),
    "primitives in the deparser": (
        put("deparsers", 0, "primitives", value=[primitive("exit")]),
        "deparsers[deparser].primitives[0]",
    ),
    "parsers other than one named 'parser'": (put("parsers", 0, "name", value="other"), ""),
    "pipelines other than ingress and egress": (put("pipelines", 0, "name", value="other"), ""),
    "version 3.0 of the format": (put("__meta__", "version", value=[3, 0]), "__meta__.version"),
    "version 2.99 of the format": (put("__meta__", "version", value=[2, 99]), "__meta__.version"),
    "as another name of meta.m": (
        put("field_aliases", value=[["intrinsic_metadata.mcast_grp", ["meta", "m"]]]),
        "field_aliases[0]",
    ),
    "cannot hold the drop port": (
        put("header_types", 0, "fields", 1, value=["egress_spec", 8]),
        "standard_metadata.egress_spec",
    ),
    "a field that v1model does not have": (
        act("assign", field("meta", "m"), standard("_padding")),
        "standard_metadata._padding",
    ),
    "checksums of type 'ipv4'": (
        put("checksums", value=[{"name": "c", "type": "ipv4"}]),
        "checksums[c]",
    ),
    "meters of other than two rates": (
        put("meter_arrays", value=[{"name": "m", "type": "bytes", "rate_count": 1, "size": 1}]),
        "meter_arrays[m]",
    ),
    "a value set that no state uses": (
        put("parse_vsets", value=[{"name": "thing"}]),
        "parse_vsets[thing]",
    ),
    # Primitives
    "the primitive 'frobnicate'": (act("frobnicate"), ACT),
    "a jump out of its action": (act("_jump", const(9)), ACT),
    "a jump to a computed target": (act("_jump", field("meta", "m")), ACT),
    "copying metadata as a whole": (
        act("assign_header", header("meta"), header("meta2")),
        ACT,
    ),
    "a parameter of 129 bits": (
        put("actions", 1, "runtime_data", 0, "bitwidth", value=129),
        "actions[act].runtime_data[p]",
    ),
    "an index of more than 32 bits": (
        act("count", {"type": "counter_array", "value": "c"}, field("meta", "s")),
        ACT,
    ),
    # Expressions
    "the operator '**'": (expression(op("**", const(2), const(3))), ACT),
    "a value of type 'string'": (expression({"type": "string", "value": "x"}), ACT),
    "registers: ": (expression({"type": "register", "value": ["r", const(0)]}), ACT),
    "a choice between headers": (
        expression(op("?", header("h"), header("h"), op("valid", None, header("h")))),
        ACT,
    ),
    "$valid$ of metadata": (expression(field("meta", "$valid$")), ACT),
    "a comparison of metadata as a whole": (
        expression(op("b2d", None, op("==", header("meta"), header("meta")))),
        ACT,
    ),
    # Parser
    "extracting to a 'heap'": (
        parse(parser_op("extract", {"type": "heap", "value": "hs"})),
        "parse_states[start].parser_ops[1]",
    ),
    "the parser operation 'teleport'": (
        parse(parser_op("teleport", const(1))),
        "parse_states[start].parser_ops[1]",
    ),
    "looking ahead 129 bits": (
        parse(parser_op("set", field("meta", "m"), lookahead(0, 129))),
        "parse_states[start].parser_ops[1]",
    ),
    "looking ahead into a shorter signed field": (
        parse(parser_op("set", field("meta", "s"), lookahead(0, 16))),
        "parse_states[start].parser_ops[1]",
    ),
    "going on by a signed": (
        parse(parser_op("advance", field("meta", "s"))),
        "parse_states[start].parser_ops[1]",
    ),
    "a select key of type 'register'": (
        put(*START, "transition_key", 0, "type", value="register"),
        "parse_states[start].transition_key[0]",
    ),
    "transitions of type 'magic'": (
        put(*START, "transitions", 0, "type", value="magic"),
        "parse_states[start].transitions[0]",
    ),
    # Tables
    "a table of type 'remote'": (put(*TABLE, "type", value="remote"), "tables[t]"),
    "a table without default entry": (put(*TABLE, "default_entry", value=None), "tables[t]"),
    "the match kind 'fuzzy'": (
        put(*TABLE, "key", 0, "match_type", value="fuzzy"),
        "tables[t].key[h.x]",
    ),
    "a negative argument": (
        put(*TABLE, "default_entry", "action_data", value=["-0x1"]),
        "tables[t].default_entry.action_data[0]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "how"), REFUSED.items(), ids=REFUSED.keys())
def test_refused_by_name(what: str, how: tuple[Callable[[Json], None], str]) -> None:
    change, place = how
    made = deepcopy(BASE)
    made["headers"].append({"name": "meta2", "id": 9, "header_type": "meta_t", "metadata": True})
    made["counter_arrays"] = [{"name": "c", "id": 0, "size": 4, "is_direct": False}]
    assert refusal(made) == ""
    change(made)
    message = refusal(made)
    assert message.startswith("UnsupportedFeature: ")
    assert f"{what}" in message
    assert "not supported" in message
    assert place in message


def test_the_source_line_is_named_where_p4c_gave_it() -> None:
    made = deepcopy(BASE)
    act("frobnicate", const(1))(made)
    made["actions"][1]["primitives"][0]["source_info"] = {"filename": "a.p4", "line": 12}
    assert "actions[act].primitives[0] (a.p4:12): " in refusal(made)
