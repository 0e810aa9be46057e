# SPDX-License-Identifier: Apache-2.0
"""Small BMv2 programs, as p4c would write them, without a P4 compiler."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Fields = Sequence[tuple[str, int] | tuple[str, int, bool]]

STANDARD_METADATA: Fields = [
    ("ingress_port", 9),
    ("egress_spec", 9),
    ("egress_port", 9),
    ("instance_type", 32),
    ("packet_length", 32),
    ("enq_timestamp", 32),
    ("enq_qdepth", 19),
    ("deq_timedelta", 32),
    ("deq_qdepth", 19),
    ("ingress_global_timestamp", 48),
    ("egress_global_timestamp", 48),
    ("mcast_grp", 16),
    ("egress_rid", 16),
    ("checksum_error", 1),
    ("parser_error", 32),
    ("priority", 3),
    ("_padding", 3),
]
ERRORS = ["NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort"]

# ---- values -----------------------------------------------------------------


def field(header: str, name: str) -> Json:
    return {"type": "field", "value": [header, name]}


def standard(name: str) -> Json:
    return field("standard_metadata", name)


def const(value: int) -> Json:
    return {"type": "hexstr", "value": f"{'-' if value < 0 else ''}0x{abs(value):x}"}


def boolean(value: bool) -> Json:
    return {"type": "bool", "value": value}


def header(name: str) -> Json:
    return {"type": "header", "value": name}


def parameter(index: int) -> Json:
    return {"type": "runtime_data", "value": index}


def op(name: str, left: Json | None, right: Json, cond: Json | None = None) -> Json:
    value: Json = {"op": name, "left": left, "right": right}
    return {"type": "expression", "value": value if cond is None else {**value, "cond": cond}}


def argument(expression: Json) -> Json:
    """An expression as a primitive takes it: wrapped once more."""
    return {"type": "expression", "value": expression}


# ---- parser -----------------------------------------------------------------


def extract(name: str) -> Json:
    return {"op": "extract", "parameters": [{"type": "regular", "value": name}]}


def parser_op(name: str, *parameters: Any) -> Json:
    return {"op": name, "parameters": list(parameters)}


def lookahead(offset: int, bits: int) -> Json:
    return {"type": "lookahead", "value": [offset, bits]}


def case(value: str, following: str | None, mask: str | None = None) -> Json:
    return {"type": "hexstr", "value": value, "mask": mask, "next_state": following}


def state(
    name: str,
    ops: Sequence[Json] = (),
    key: Sequence[Json] = (),
    cases: Sequence[Json] = (),
    default: str | None = None,
) -> Json:
    otherwise = {"type": "default", "value": None, "mask": None, "next_state": default}
    return {
        "name": name,
        "parser_ops": list(ops),
        "transition_key": list(key),
        "transitions": [*cases, otherwise],
    }


# ---- actions and control flow -----------------------------------------------


def primitive(name: str, *parameters: Json) -> Json:
    return {"op": name, "parameters": list(parameters)}


def assign(target: Json, value: Json) -> Json:
    return primitive("assign", target, argument(value) if value["type"] == "expression" else value)


def action(name: str, *primitives: Json, parameters: Fields = ()) -> Json:
    data = [{"name": each[0], "bitwidth": each[1]} for each in parameters]
    return {"name": name, "runtime_data": data, "primitives": list(primitives)}


def key(match: str, header_name: str, field_name: str, name: str | None = None) -> Json:
    target = [header_name, field_name]
    return {"match_type": match, "target": target, "mask": None, "name": name or ".".join(target)}


def entry(match_key: Sequence[Json], action_name: str, *data: int, priority: int = 0) -> Json:
    call = {"action": action_name, "action_data": [hex(value) for value in data]}
    return {"match_key": list(match_key), "action_entry": call, "priority": priority}


def table(
    name: str,
    keys: Sequence[Json],
    actions: Sequence[str],
    default: tuple[str, *tuple[int, ...]],
    following: str | Mapping[str, str | None] | None = None,
    **more: Any,
) -> Json:
    """`following`: the next node's name, or names by action or __HIT__ and __MISS__."""
    kinds = {each["match_type"] for each in keys}
    by_action = following if isinstance(following, Mapping) else dict.fromkeys(actions, following)
    ranked = [kind for kind in ("range", "ternary", "lpm") if kind in kinds]
    return {
        "name": name,
        "key": list(keys),
        "match_type": ranked[0] if ranked else "exact",
        "type": "simple",
        "max_size": 16,
        "with_counters": False,
        "actions": list(actions),
        "next_tables": dict(by_action),
        "default_entry": {
            "action": default[0],
            "action_data": [hex(value) for value in default[1:]],
        },
        **more,
    }


def synthetic(name: str, following: str | None = None) -> Json:
    """The table that p4c makes of statements outside any table."""
    made = table(f"tbl_{name}", [], [name], (name,), following)
    made["default_entry"] |= {"action_const": True, "action_entry_const": True}
    return made


def conditional(name: str, expression: Json, yes: str | None, no: str | None) -> Json:
    return {"name": name, "expression": expression, "true_next": yes, "false_next": no}


def pipeline(start: str | None = None, *nodes: Json) -> Json:
    return {
        "init_table": start,
        "tables": [node for node in nodes if "next_tables" in node],
        "conditionals": [node for node in nodes if "expression" in node],
    }


FORWARD = action("forward", assign(standard("egress_spec"), const(2)))
"""To port 2."""


# ---- programs ---------------------------------------------------------------


def program(
    headers: Mapping[str, Fields],
    *,
    metadata: Mapping[str, Fields] | None = None,
    states: Sequence[Json] | None = None,
    actions: Sequence[Json] = (),
    ingress: Json | None = None,
    egress: Json | None = None,
    deparser: Sequence[str] | None = None,
    **more: Any,
) -> Json:
    """Without states, the parser extracts every header; without ingress, all goes to port 2."""
    all_actions = [FORWARD, *actions]
    ids = {each["name"]: number for number, each in enumerate(all_actions)}
    instances = {"standard_metadata": STANDARD_METADATA, **(metadata or {}), **headers}
    types = {name: _type_of(fields, instances) for name, fields in instances.items()}
    declared = [
        {"name": name, "id": number, "header_type": types[name], "metadata": name not in headers}
        for number, name in enumerate(instances)
    ]
    start = [state("start", [extract(name) for name in headers])]
    pipelines = {
        "ingress": ingress or pipeline("tbl_forward", synthetic("forward")),
        "egress": egress or pipeline(),
    }
    return {
        "program": "test.p4",
        "__meta__": {"version": [2, 23]},
        "header_types": [
            {"name": name, "id": number, "fields": [list(each) for each in instances[name[:-2]]]}
            for number, name in enumerate(dict.fromkeys(types.values()))
        ],
        "headers": declared,
        "errors": [[name, number] for number, name in enumerate(ERRORS)],
        "parsers": [
            {
                "name": "parser",
                "id": 0,
                "init_state": "start",
                "parse_states": list(start if states is None else states),
            }
        ],
        "deparsers": [{"name": "deparser", "id": 0, "order": list(deparser or headers)}],
        "actions": [{"id": ids[each["name"]], **each} for each in all_actions],
        "pipelines": [
            {"name": name, "id": number, **_with_ids(each, ids)}
            for number, (name, each) in enumerate(pipelines.items())
        ],
        **more,
    }


def _type_of(fields: Fields, instances: Mapping[str, Fields]) -> str:
    """Headers with the same fields have one type, named for the first of them."""
    return next(f"{name}_t" for name, each in instances.items() if list(each) == list(fields))


def _with_ids(of: Json, ids: Mapping[str, int]) -> Json:
    """Tables name their actions by id."""
    tables: list[Json] = []
    for each in of["tables"]:
        made = {**each, "action_ids": [ids[name] for name in each["actions"]]}
        made["default_entry"] = _call(each["default_entry"], ids)
        if "entries" in each:
            made["entries"] = [
                {**item, "action_entry": _call(item["action_entry"], ids)}
                for item in each["entries"]
            ]
        tables.append(made)
    return {**of, "tables": tables}


def _call(of: Json, ids: Mapping[str, int]) -> Json:
    return {**of, "action_id": ids[of["action"]]}
