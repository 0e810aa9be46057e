# SPDX-License-Identifier: Apache-2.0
"""Actions and their primitives."""

from collections.abc import Callable

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.arrays import Arrays
from hectograph.switch.compiler.frontend.expressions import Expressions
from hectograph.switch.compiler.frontend.headers import MAX_FIELD_BITS, Headers
from hectograph.switch.compiler.frontend.reader import Node


def load_actions(root: Node, headers: Headers, arrays: Arrays) -> dict[int, ir.Action]:
    """The program's actions by id; a name may stand for several."""
    return {node["id"].integer(): _action(node, headers, arrays) for node in root.array("actions")}


def _action(node: Node, headers: Headers, arrays: Arrays) -> ir.Action:
    parameters = tuple(_parameter(item) for item in node.array("runtime_data"))
    statements = Statements(Expressions(headers, parameters), arrays)
    body = statements.load_all(node.array("primitives"))
    kept = tuple(each for each in parameters if each.bits)
    widths = tuple(each.bits for each in parameters)
    return ir.Action(node["name"].string(), kept, body, node.source, widths)


def _parameter(node: Node) -> ir.ActionParameter:
    bits = node["bitwidth"].natural()
    if bits > MAX_FIELD_BITS:
        node.unsupported(f"a parameter of {bits} bits (up to {MAX_FIELD_BITS})")
    return ir.ActionParameter(node["name"].string(), bits)


class Statements:
    """Loads primitives."""

    def __init__(self, expressions: Expressions, arrays: Arrays) -> None:
        self._expressions = expressions
        self._arrays = arrays

    def load_all(self, nodes: list[Node]) -> tuple[ir.Placed, ...]:
        return tuple(ir.Placed(self.load(node, len(nodes)), node.where) for node in nodes)

    def load(self, node: Node, count: int = 1) -> ir.Statement:
        """The primitive that is one of `count` statements."""
        op, arguments = node["op"].string(), node.array("parameters")
        if op in ("_jump", "_jump_if_zero"):
            return self._jump(node, op, count)
        loaders: dict[str, tuple[int, Callable[..., ir.Statement]]] = {
            "assign": (2, self._assign),
            "assign_VL": (2, self.assign_varbit),
            "assign_header": (2, self._copy),
            "assign_union": (2, self._copy_union),
            "assign_header_stack": (2, self._copy_stack),
            "assign_union_stack": (2, self._copy_stack),
            "push": (2, self._push),
            "pop": (2, self._pop),
            "add_header": (1, self._add),
            "remove_header": (1, self._remove),
            "mark_to_drop": (1, self._drop),
            "count": (2, self._count),
            "execute_meter": (3, self._meter),
            "register_read": (3, self._read_register),
            "register_write": (3, self._write_register),
            "modify_field_with_hash_based_offset": (4, self._hash),
            "generate_digest": (2, self._digest),
            "clone_ingress_pkt_to_egress": (2, self._clone_ingress),
            "clone_egress_pkt_to_egress": (2, self._clone_egress),
            "resubmit": (1, self._resubmit),
            "recirculate": (1, self._recirculate),
            "truncate": (1, self._truncate),
            "modify_field_rng_uniform": (3, self._random),
            "assert": (1, self._assert),
            "assume": (1, self._assert),
            "log_msg": (2, self._log),
            "exit": (0, ir.Exit),
        }
        if op not in loaders:
            node.unsupported(f"the primitive '{op}'")
        expected, loader = loaders[op]
        if len(arguments) != expected:
            node.invalid(f"'{op}' takes {expected} argument(s), not {len(arguments)}")
        return loader(*arguments)

    def _target(self, node: Node) -> ir.Lvalue:
        found = self._expressions.lvalue(node)
        return node.unsupported("a varbit as an integer") if found.field.varbit else found

    def _assign(self, target: Node, value: Node) -> ir.Statement:
        if target["type"].string() == "field" and self._expressions.headers.is_empty(
            target["value"]
        ):
            return ir.NOTHING
        return ir.Assign(self._target(target), self._expressions.data(value))

    def assign_varbit(self, target: Node, source: Node) -> ir.Statement:
        to, of = self._expressions.lvalue(target), self._expressions.lvalue(source)
        if not (to.field.varbit and of.field.varbit):
            source.invalid("assigns between a varbit and another field")
        if to.field.bits != of.field.bits:
            source.unsupported(f"a varbit of up to {of.field.bits} bits for {to.field.bits}")
        return ir.AssignVarbit(to, of)

    def _add(self, header: Node) -> ir.Statement:
        return ir.AddHeader(self._expressions.header(header))

    def _remove(self, header: Node) -> ir.Statement:
        return ir.RemoveHeader(self._expressions.header(header))

    def _copy(self, target: Node, source: Node) -> ir.Statement:
        to, of = self._expressions.header(target), self._expressions.header(source)
        return _copy((to,), (of,), source)

    def _copy_union(self, target: Node, source: Node) -> ir.Statement:
        to, of = self._expressions.union(target), self._expressions.union(source)
        return _copy(to.headers, of.headers, source)

    def _copy_stack(self, target: Node, source: Node) -> ir.Statement:
        to, of = self._expressions.stack(target), self._expressions.stack(source)
        if to.size != of.size:
            source.invalid(f"'{of.name}' has {of.size} element(s), '{to.name}' {to.size}")
        _copy(to.headers, of.headers, source)
        return ir.CopyStack(to, of)

    def _push(self, stack: Node, count: Node) -> ir.Statement:
        return ir.Push(self._expressions.stack(stack), self._elements(count))

    def _pop(self, stack: Node, count: Node) -> ir.Statement:
        return ir.Pop(self._expressions.stack(stack), self._elements(count))

    def _elements(self, node: Node) -> int:
        found = self._expressions.data(node)
        if not isinstance(found, ir.Constant):
            node.unsupported("a computed number of elements")
        return found.value if found.value >= 0 else node.invalid("is negative")

    def _drop(self, node: Node) -> ir.Statement:
        header = self._expressions.header(node)
        if not isinstance(header, ir.Header):
            node.invalid("is not a header of metadata")
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

    def _hash(self, target: Node, base: Node, calculation: Node, size: Node) -> ir.Statement:
        name = _named(calculation, "calculation")
        if name not in self._arrays.calculations:
            calculation.invalid(f"there is no calculation '{name}'")
        return ir.Hash(
            self._target(target),
            self._expressions.data(base),
            self._arrays.calculations[name],
            self._expressions.data(size),
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

    def _resubmit(self, fields: Node) -> ir.Statement:
        return ir.Resubmit(self._field_list(fields) or fields.unsupported("no field list here"))

    def _recirculate(self, fields: Node) -> ir.Statement:
        return ir.Recirculate(self._field_list(fields) or fields.unsupported("no field list here"))

    def _truncate(self, length: Node) -> ir.Statement:
        return ir.Truncate(self._expressions.data(length))

    def _random(self, target: Node, low: Node, high: Node) -> ir.Statement:
        bounds = self._expressions.data(low), self._expressions.data(high)
        return ir.Random(self._target(target), *bounds)

    def _assert(self, condition: Node) -> ir.Statement:
        return ir.Assert(self._expressions.data(condition))

    def _log(self, text: Node, values: Node) -> ir.Statement:
        if text["type"].string() != "string":
            text.invalid("is not a string")
        if values["type"].string() != "parameters_vector":
            values.invalid("is not a vector of parameters")
        # p4c writes {} for a message without values.
        given = values.find("value")
        items = given.items() if given is not None and given.value != {} else []
        return ir.LogMessage(
            text["value"].string(), tuple(self._expressions.data(each) for each in items)
        )

    def _field_list(self, node: Node) -> ir.FieldList | None:
        found = self._expressions.data(node)
        if not isinstance(found, ir.Constant):
            node.unsupported("a field list that is computed")
        fields = self._arrays.field_lists.get(found.value)
        if fields is None and found.value:
            node.invalid("is not a field list")
        return fields

    def _jump(self, node: Node, op: str, count: int) -> ir.Statement:
        *condition, offset = node.array("parameters") or node.invalid("has no target")
        target = self._expressions.data(offset)
        if len(condition) != (op == "_jump_if_zero"):
            node.invalid("has the wrong number of arguments")
        if not isinstance(target, ir.Constant):
            node.unsupported("a jump to a computed target")
        if not 0 <= target.value <= count:
            node.unsupported("a jump out of its action")
        unless = ir.NonZero(self._expressions.data(condition[0])) if condition else None
        return ir.Jump(target.value, unless)


def _copy(
    targets: tuple[ir.HeaderRef, ...], sources: tuple[ir.HeaderRef, ...], node: Node
) -> ir.CopyHeaders:
    for to, of in zip(targets, sources, strict=False):
        if to.type is not of.type:
            node.invalid(f"'{of.name}' has another type than '{to.name}'")
    if len(targets) != len(sources):
        node.invalid("is of another type")
    return ir.CopyHeaders(targets, sources)


def _named(node: Node, kind: str) -> str:
    if node["type"].string() != kind:
        node.invalid(f"is not a {kind}")
    return node["value"].string()
