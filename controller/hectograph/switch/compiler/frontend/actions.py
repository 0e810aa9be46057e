# SPDX-License-Identifier: Apache-2.0
"""Actions and their primitives; counters, meters and registers, which primitives name."""

from collections.abc import Callable
from dataclasses import dataclass

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.clones import load_field_lists
from hectograph.switch.compiler.frontend.digests import load_digests
from hectograph.switch.compiler.frontend.expressions import Expressions
from hectograph.switch.compiler.frontend.headers import MAX_FIELD_BITS, Headers
from hectograph.switch.compiler.frontend.reader import Node

_UNSUPPORTED_PRIMITIVES = {
    "_assert": "assert",
    "assert": "assert",
    "assume": "assume",
    "assign_VL": "variable-length fields (varbit)",
    "assign_header_stack": "header stacks",
    "assign_union": "header unions",
    "assign_union_stack": "header unions",
    "log_msg": "log_msg",
    "modify_field_rng_uniform": "random numbers",
    "modify_field_with_hash_based_offset": "hashes",
    "pop": "header stacks",
    "push": "header stacks",
    "recirculate": "recirculation",
    "resubmit": "resubmission",
    "truncate": "truncation",
}


@dataclass(frozen=True)
class Arrays:
    """By name, digests by id; direct counters only say which table they belong to."""

    counters: dict[str, ir.Counter]
    meters: dict[str, ir.Meter]
    direct_meters: dict[str, ir.DirectMeter]
    registers: dict[str, ir.Register]
    digests: dict[int, ir.Digest]
    field_lists: dict[int, ir.FieldList]


def load_arrays(root: Node, headers: Headers) -> Arrays:
    counters = [
        ir.Counter(node["name"].string(), node["size"].natural())
        for node in root.array("counter_arrays")
        if not node.flag("is_direct")
    ]
    meters: list[ir.Meter] = []
    direct: list[ir.DirectMeter] = []
    for node in root.array("meter_arrays"):
        name, kind = node["name"].string(), node["type"].string()
        if kind not in ("bytes", "packets"):
            node.invalid(f"'{kind}' is not what a meter measures")
        if node["rate_count"].integer() != 2:
            node.unsupported("meters of other than two rates")
        if node.flag("is_direct"):
            target = headers.target(node["result_target"])
            direct.append(ir.DirectMeter(name, kind == "bytes", target))
        else:
            meters.append(ir.Meter(name, node["size"].natural(), kind == "bytes"))
    return Arrays(
        {each.name: each for each in counters},
        {each.name: each for each in meters},
        {each.name: each for each in direct},
        {each.name: each for each in map(_register, root.array("register_arrays"))},
        load_digests(root, headers),
        load_field_lists(root, headers),
    )


def _register(node: Node) -> ir.Register:
    bits = node["bitwidth"].natural()
    if not 1 <= bits <= MAX_FIELD_BITS:
        node.unsupported(f"registers of {bits} bits (1 to {MAX_FIELD_BITS})")
    return ir.Register(node["name"].string(), node["size"].natural(), bits)


def load_actions(root: Node, headers: Headers, arrays: Arrays) -> dict[int, ir.Action]:
    """The program's actions by id; a name may stand for several."""
    return {node["id"].integer(): _action(node, headers, arrays) for node in root.array("actions")}


def _action(node: Node, headers: Headers, arrays: Arrays) -> ir.Action:
    parameters = tuple(_parameter(item) for item in node.array("runtime_data"))
    statements = Statements(Expressions(headers, parameters), arrays)
    body = statements.load_all(node.array("primitives"))
    return ir.Action(node["name"].string(), parameters, body, node.source)


def _parameter(node: Node) -> ir.ActionParameter:
    bits = node["bitwidth"].natural()
    if not 1 <= bits <= MAX_FIELD_BITS:
        node.unsupported(f"a parameter of {bits} bits (1 to {MAX_FIELD_BITS})")
    return ir.ActionParameter(node["name"].string(), bits)


class Statements:
    """Loads primitives."""

    def __init__(self, expressions: Expressions, arrays: Arrays) -> None:
        self._expressions = expressions
        self._arrays = arrays

    def load_all(self, nodes: list[Node]) -> tuple[ir.Placed, ...]:
        return tuple(
            ir.Placed(self.load(node, number, len(nodes)), node.where)
            for number, node in enumerate(nodes)
        )

    def load(self, node: Node, number: int = 0, count: int = 1) -> ir.Statement:
        """The primitive that is statement `number` of `count`."""
        op, arguments = node["op"].string(), node.array("parameters")
        if op in _UNSUPPORTED_PRIMITIVES:
            node.unsupported(f"{_UNSUPPORTED_PRIMITIVES[op]} (primitive '{op}')")
        if op in ("_jump", "_jump_if_zero"):
            return self._jump(node, op, number, count)
        loaders: dict[str, tuple[int, Callable[..., ir.Statement]]] = {
            "assign": (2, self._assign),
            "assign_header": (2, self._copy),
            "add_header": (1, self._add),
            "remove_header": (1, self._remove),
            "mark_to_drop": (1, self._drop),
            "count": (2, self._count),
            "execute_meter": (3, self._meter),
            "register_read": (3, self._read_register),
            "register_write": (3, self._write_register),
            "generate_digest": (2, self._digest),
            "clone_ingress_pkt_to_egress": (2, self._clone_ingress),
            "clone_egress_pkt_to_egress": (2, self._clone_egress),
            "exit": (0, ir.Exit),
        }
        if op not in loaders:
            node.unsupported(f"the primitive '{op}'")
        expected, loader = loaders[op]
        if len(arguments) != expected:
            node.invalid(f"'{op}' takes {expected} argument(s), not {len(arguments)}")
        return loader(*arguments)

    def _header(self, node: Node) -> ir.Header:
        return self._expressions.header(node)

    def _target(self, node: Node) -> ir.FieldValue:
        found = self._expressions.expression(node)
        return found if isinstance(found, ir.FieldValue) else node.invalid("cannot be assigned to")

    def _assign(self, target: Node, value: Node) -> ir.Statement:
        return ir.Assign(self._target(target), self._expressions.data(value))

    def _add(self, header: Node) -> ir.Statement:
        return ir.AddHeader(self._header(header))

    def _remove(self, header: Node) -> ir.Statement:
        return ir.RemoveHeader(self._header(header))

    def _copy(self, target: Node, source: Node) -> ir.Statement:
        to, of = self._header(target), self._header(source)
        if to.type is not of.type:
            source.invalid(f"'{of.name}' has another type than '{to.name}'")
        return ir.CopyHeader(to, of)

    def _drop(self, node: Node) -> ir.Statement:
        header = self._header(node)
        fields = {field.name: ir.FieldValue(header, field) for field in header.type.fields}
        if "egress_spec" not in fields:
            node.invalid(f"'{header.name}' has no field 'egress_spec'")
        return ir.MarkToDrop(fields["egress_spec"], fields.get("mcast_grp"))

    def _count(self, counter: Node, index: Node) -> ir.Statement:
        name = _named(counter, "counter_array")
        if name not in self._arrays.counters:
            counter.invalid(f"'{name}' is not an indirect counter")
        return ir.Count(self._arrays.counters[name], self._expressions.data(index))

    def _meter(self, meter: Node, index: Node, target: Node) -> ir.Statement:
        name = _named(meter, "meter_array")
        if name not in self._arrays.meters:
            meter.invalid(f"'{name}' is not an indirect meter")
        return ir.ExecuteMeter(
            self._arrays.meters[name], self._expressions.data(index), self._target(target)
        )

    def _register(self, node: Node) -> ir.Register:
        name = _named(node, "register_array")
        if name not in self._arrays.registers:
            node.invalid(f"'{name}' is not a register")
        return self._arrays.registers[name]

    def _read_register(self, target: Node, register: Node, index: Node) -> ir.Statement:
        return ir.ReadRegister(
            self._target(target), self._register(register), self._expressions.data(index)
        )

    def _write_register(self, register: Node, index: Node, value: Node) -> ir.Statement:
        return ir.WriteRegister(
            self._register(register),
            self._expressions.data(index),
            self._expressions.data(value),
        )

    def _digest(self, _receiver: Node, number: Node) -> ir.Statement:
        """BMv2, too, has one receiver whatever the program calls it."""
        found = self._expressions.data(number)
        digest = self._arrays.digests.get(found.value) if isinstance(found, ir.Constant) else None
        return ir.SendDigest(digest or number.invalid("is not a learn list"))

    def _clone_ingress(self, session: Node, fields: Node) -> ir.Statement:
        return ir.Clone("ingress", self._expressions.data(session), self._field_list(fields))

    def _clone_egress(self, session: Node, fields: Node) -> ir.Statement:
        return ir.Clone("egress", self._expressions.data(session), self._field_list(fields))

    def _field_list(self, node: Node) -> ir.FieldList | None:
        found = self._expressions.data(node)
        if not isinstance(found, ir.Constant):
            node.unsupported("a field list that is computed")
        fields = self._arrays.field_lists.get(found.value)
        if fields is None and found.value:
            node.invalid("is not a field list")
        return fields

    def _jump(self, node: Node, op: str, number: int, count: int) -> ir.Statement:
        *condition, offset = node.array("parameters") or node.invalid("has no target")
        target = self._expressions.data(offset)
        if len(condition) != (op == "_jump_if_zero"):
            node.invalid("has the wrong number of arguments")
        if not isinstance(target, ir.Constant):
            node.unsupported("a jump to a computed target")
        if not number < target.value <= count:
            node.unsupported("a jump backwards or out of its action")
        unless = ir.NonZero(self._expressions.data(condition[0])) if condition else None
        return ir.Jump(target.value, unless)


def _named(node: Node, kind: str) -> str:
    if node["type"].string() != kind:
        node.invalid(f"is not a {kind}")
    return node["value"].string()
