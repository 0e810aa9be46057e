# SPDX-License-Identifier: Apache-2.0
"""Pipelines: tables with their keys and entries, conditionals, and what follows what."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.flow import in_order
from hectograph.switch.compiler.frontend.arrays import Arrays
from hectograph.switch.compiler.frontend.expressions import Expressions
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node

_MATCHES = {match.value: match for match in ir.Match}


def load_pipeline(
    node: Node, headers: Headers, actions: dict[int, ir.Action], arrays: Arrays
) -> ir.Pipeline:
    loader = _Loader(headers, actions, arrays)
    nodes: dict[str, ir.Node] = {}
    for key, load in (
        ("tables", loader.table),
        ("conditionals", loader.conditional),
        ("action_calls", loader.action_call),
    ):
        for item in node.array(key):
            loaded = load(item)
            if loaded.name in nodes:
                item.invalid("is declared twice")
            nodes[loaded.name] = loaded
    start = node.find("init_table")
    pipeline = ir.Pipeline(node["name"].string(), start.string() if start else None, nodes)
    in_order(pipeline)  # or it is refused
    return pipeline


class _Loader:
    def __init__(self, headers: Headers, actions: dict[int, ir.Action], arrays: Arrays) -> None:
        self._headers = headers
        self._expressions = Expressions(headers)
        self._actions = actions
        self._arrays = arrays

    def conditional(self, node: Node) -> ir.Conditional:
        expression = node.find("expression")
        condition = self._expressions.bool(expression) if expression else ir.Truth(False)
        return ir.Conditional(
            node["name"].string(),
            condition,
            _next(node.find("true_next")),
            _next(node.find("false_next")),
            node.where,
            node.source,
        )

    def action_call(self, node: Node) -> ir.ActionCall:
        action = self._action(node["action_id"])
        if action.parameters:
            node.invalid(f"'{action.name}' takes parameters")
        return ir.ActionCall(
            node["name"].string(), action, _next(node.find("next_node")), node.source
        )

    def table(self, node: Node) -> ir.Table:
        elements = node.array("key")
        wanted = [not self._is_empty(item) for item in elements]
        if elements and not any(wanted):
            node.unsupported("a table whose key has no bits")
        key = tuple(self._key_field(item) for item in compress(elements, wanted))
        actions = tuple(self._action(item) for item in node.array("action_ids"))
        profile = self._profile(node)
        default = node.find("default_entry")
        if profile is None and default is None:
            node.unsupported("a table without default entry")
        declared = node.find("entries")
        entries = None if declared is None else self._entries(declared, key, wanted, actions)
        return ir.Table(
            name=node["name"].string(),
            key=key,
            actions=actions,
            size=node["max_size"].natural() if entries is None else len(entries),
            default=None if default is None else self._call(default, actions),
            const_default=default is not None
            and (default.flag("action_const") or default.flag("action_entry_const")),
            entries=entries,
            has_counter=node.flag("with_counters"),
            meter=self._meter(node.find("direct_meters")),
            support_timeout=node.flag("support_timeout"),
            next=_next_nodes(node["next_tables"], actions),
            next_without_action=_next(node.find("base_default_next")),
            profile=profile,
            source=node.source,
        )

    def _profile(self, node: Node) -> ir.ActionProfile | None:
        kind = node["type"].string()
        if kind == "simple":
            return None
        if kind not in ("indirect", "indirect_ws"):
            node.unsupported(f"a table of type '{kind}'")
        for key in ("default_entry", "entries"):
            if (part := node.find(key)) is not None:
                part.unsupported("entries that the program gives a table with an action profile")
        name = node["action_profile"]
        found = self._arrays.profiles.get(name.string())
        return found or name.invalid(f"'{name.string()}' is not an action profile")

    def _meter(self, name: Node | None) -> ir.DirectMeter | None:
        if name is None:
            return None
        found = self._arrays.direct_meters.get(name.string())
        return found or name.invalid(f"'{name.string()}' is not a direct meter")

    def _action(self, number: Node) -> ir.Action:
        found = self._actions.get(number.integer())
        return found or number.invalid(f"there is no action with the id {number.integer()}")

    def _is_empty(self, node: Node) -> bool:
        """Of bit<0>: it matches whatever it is given."""
        return node["match_type"].string() != "valid" and self._headers.is_empty(node["target"])

    def _key_field(self, node: Node) -> ir.KeyField:
        kind, target, name = node["match_type"].string(), node["target"], node.find("name")
        if kind == "valid":
            header = self._headers.header(target)
            return ir.KeyField(
                name.string() if name else header.name, ir.Match.EXACT, ir.Validity(header)
            )
        if kind not in _MATCHES:
            node.unsupported(f"the match kind '{kind}'")
        field = self._headers.number(target)
        default_name = ".".join(part.string() for part in target.items())
        key = ir.KeyField(name.string() if name else default_name, _MATCHES[kind], field)
        mask = node.find("mask")
        return key if mask is None else replace(key, mask=mask.octets(key.bytes))

    def _call(self, node: Node, actions: tuple[ir.Action, ...]) -> ir.Call:
        action, data = self._action(node["action_id"]), node.array("action_data")
        if action not in actions:
            node.invalid(f"'{action.name}' is not one of the table's actions")
        if len(data) != len(action.widths):
            node.invalid(f"'{action.name}' takes {len(action.widths)} argument(s)")
        pairs = zip(compress(data, action.widths), action.parameters, strict=True)
        return ir.Call(action, tuple(_argument(item, each.bits) for item, each in pairs))

    def _entries(
        self,
        node: Node,
        key: tuple[ir.KeyField, ...],
        wanted: Sequence[bool],
        actions: tuple[ir.Action, ...],
    ) -> tuple[ir.Entry, ...]:
        """`wanted` are the JSON's key elements that `key` has."""
        items = node.items()
        ranked = any(each.match in (ir.Match.TERNARY, ir.Match.RANGE) for each in key)
        given = [each.integer() if (each := item.find("priority")) else 0 for item in items]
        entries: list[ir.Entry] = []
        seen: set[tuple[object, ...]] = set()
        for item, theirs in zip(items, given, strict=True):
            parts = item["match_key"].items()
            if len(parts) != len(wanted):
                item.invalid(f"has {len(parts)} match field(s), the table {len(wanted)}")
            kept = compress(parts, wanted)
            pairs = [_match(part, each) for part, each in zip(kept, key, strict=True)]
            # BMv2's smaller priority wins, P4Runtime's larger: p4c's own conversion.
            priority = max(given) + 1 - theirs if ranked else 0
            entry = ir.Entry(
                tuple(value for value, _ in pairs),
                tuple(mask for _, mask in pairs),
                priority,
                self._call(item["action_entry"], actions),
            )
            if (same := (entry.values, entry.masks, entry.priority)) in seen:
                item.invalid("is there twice")
            seen.add(same)
            entries.append(entry)
        return tuple(entries)


def _next(node: Node | None) -> str | None:
    return node.string() if node else None


def _next_nodes(node: Node, actions: tuple[ir.Action, ...]) -> ir.NextByAction | ir.NextByHit:
    names = dict(node.members())
    if "__HIT__" in names or "__MISS__" in names:
        if set(names) != {"__HIT__", "__MISS__"}:
            node.invalid("has one of __HIT__ and __MISS__, or other keys beside them")
        return ir.NextByHit(_next(node.find("__HIT__")), _next(node.find("__MISS__")))
    if set(names) != {action.name for action in actions}:
        node.invalid("does not have exactly the table's actions")
    return ir.NextByAction(tuple(_next(node.find(action.name)) for action in actions))


def _argument(node: Node, bits: int) -> int:
    value = node.hexstr()
    if value < 0:
        node.unsupported("a negative argument")
    return value if value < 1 << bits else node.invalid(f"does not fit {bits} bits")


def _match(node: Node, key: ir.KeyField) -> tuple[int, int]:
    """An entry's value and mask (or upper bound) for one key field, in canonical form."""
    kind, ones = node["match_type"].string(), (1 << key.bits) - 1
    if kind == "valid" and isinstance(key.target, ir.Validity):
        return int(node["key"].boolean()), ones
    if kind != key.match.value:
        node.invalid(f"matches by {kind}, the table by {key.match.value}")
    if key.match is ir.Match.RANGE:
        low, high = node["start"].octets(key.bytes), node["end"].octets(key.bytes)
        return (low, high) if low <= high <= ones else node.invalid("is not a range of the field")
    value, mask = node["key"].octets(key.bytes), ones
    if key.match is ir.Match.TERNARY:
        mask = node["mask"].octets(key.bytes)
    elif key.match is ir.Match.LPM:
        prefix = node["prefix_length"].natural()
        if prefix > key.bits:
            node.invalid(f"has a prefix longer than the field's {key.bits} bits")
        mask = ones & ~(ones >> prefix)
    if mask > ones or value & mask > ones:
        node.invalid(f"does not fit {key.bits} bits")
    return value & mask, mask
