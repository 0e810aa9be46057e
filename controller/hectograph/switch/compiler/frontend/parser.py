# SPDX-License-Identifier: Apache-2.0
"""The parser's states: operations, select keys and transitions."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.actions import Statements
from hectograph.switch.compiler.frontend.arrays import Arrays
from hectograph.switch.compiler.frontend.expressions import Expressions
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node


def load_parser(root: Node, node: Node, headers: Headers, arrays: Arrays) -> ir.Parser:
    loader = _Loader(headers, arrays, ValueSets(root))
    states = [loader.state(item) for item in node.array("parse_states")]
    by_name = {state.name: state for state in states}
    for item, state in zip(node.array("parse_states"), states, strict=True):
        for following in (state.default, *(case.next for case in state.cases)):
            if following is not None and following not in by_name:
                item.invalid(f"goes on to the unknown state '{following}'")
    start = node.find("init_state")
    if start is not None and start.string() not in by_name:
        start.invalid(f"'{start.string()}' is not a state")
    value_sets = loader.value_sets.used()
    return ir.Parser(start.string() if start else None, by_name, value_sets)


class ValueSets:
    """The JSON does not say of which keys a set is: those of the first state that uses it."""

    def __init__(self, root: Node) -> None:
        self._declared = {node["name"].string(): node for node in root.array("parse_vsets")}
        self._used: dict[str, ir.ValueSet] = {}

    def find(self, item: Node, keys: tuple[ir.SelectKey, ...]) -> ir.ValueSet:
        name, bits = item["value"].string(), tuple(map(ir.key_bits, keys))
        node = self._declared.get(name) or item.invalid(f"there is no value set '{name}'")
        if item.find("mask"):
            item.unsupported("a mask on a value set")
        if name not in self._used:
            self._used[name] = ir.ValueSet(name, node["max_size"].natural(), bits)
        if self._used[name].bits != bits:
            item.unsupported("a value set for keys of other widths")
        return self._used[name]

    def used(self) -> tuple[ir.ValueSet, ...]:
        for name, node in self._declared.items():
            if name not in self._used:
                node.unsupported("a value set that no state uses")
        return tuple(self._used.values())


class _Loader:
    def __init__(self, headers: Headers, arrays: Arrays, value_sets: ValueSets) -> None:
        self.value_sets = value_sets
        self._headers = headers
        self._expressions = Expressions(headers)
        self._statements = Statements(self._expressions, arrays)

    def state(self, node: Node) -> ir.ParserState:
        keys = tuple(self._key(item) for item in node.array("transition_key"))
        default: str | None = None
        cases: list[ir.SelectCase | ir.ValueSetCase] = []
        for item in node.array("transitions"):
            value = item.find("value")
            kind = item.find("type")
            following = item.find("next_state")
            following_name = following.string() if following else None
            if (kind and kind.string() == "default") or (value and value.value == "default"):
                default = following_name
            elif kind and kind.string() == "parse_vset":
                found = self.value_sets.find(item, keys)
                cases.append(ir.ValueSetCase(found, following_name))
            elif kind and kind.string() != "hexstr":
                item.unsupported(f"transitions of type '{kind.string()}'")
            else:
                cases.append(_case(item, keys, following_name))
        ops = tuple(ir.PlacedOp(self._op(op), op.where) for op in node.array("parser_ops"))
        return ir.ParserState(node["name"].string(), ops, keys, tuple(cases), default, node.source)

    def _key(self, node: Node) -> ir.SelectKey:
        kind = node["type"].string()
        if kind == "field":
            return self._headers.number(node["value"])
        if kind == "lookahead":
            return _lookahead(node["value"])
        if kind in ("stack_field", "union_stack_field"):
            return self._expressions.lvalue(node)
        return node.unsupported(f"a select key of type '{kind}'")

    def _op(self, node: Node) -> ir.ParserOp:
        op, arguments = node["op"].string(), node["parameters"].items()
        expected = 2 if op in ("set", "verify", "extract_VL") else 1
        if len(arguments) != expected:
            node.invalid(f"'{op}' takes {expected} argument(s), not {len(arguments)}")
        first, last = arguments[0], arguments[-1]
        if op == "extract":
            return self._extract(first, None)
        if op == "extract_VL":
            return self._extract(first, self._expressions.data(last))
        if op == "set":
            return self._set(first, last)
        if op == "verify":
            return ir.Verify(self._expressions.bool(first), self._error(last))
        if op == "shift":
            return ir.Advance(ir.Constant(first.natural() * 8))
        if op == "advance":
            return ir.Advance(self._expressions.data(first))
        if op == "primitive":
            return ir.ParserStatement(self._statements.load(first))
        return node.unsupported(f"the parser operation '{op}'")

    def _extract(self, node: Node, varbit_bits: ir.Data | None) -> ir.ParserOp:
        kind, value = node["type"].string(), node["value"]
        if kind == "regular":
            header = self._headers.header(value)
            if header.metadata:
                node.invalid(f"'{header.name}' is metadata")
            op = ir.Extract(header, varbit_bits)
        elif kind == "stack":
            header = (stack := self._headers.stack(value)).headers[0]
            op = ir.ExtractNext(stack, 0, varbit_bits)
        elif kind == "union_stack":
            name, member = value.pair()
            column = self._headers.column(stack := self._headers.stack(name), member)
            header = stack.rows[0][column]
            op = ir.ExtractNext(stack, column, varbit_bits)
        else:
            node.unsupported(f"extracting to a '{kind}'")
        if (header.type.varbit is None) != (varbit_bits is None):
            node.invalid("a varbit's length is given, and there is none, or the other way round")
        return op

    def _set(self, target: Node, value: Node) -> ir.ParserOp:
        if target["type"].string() != "field":
            target.invalid("is not a field")
        if self._headers.is_empty(target["value"]):
            return ir.ParserStatement(ir.NOTHING)
        field = self._headers.target(target["value"])
        if field.field.varbit:
            return ir.ParserStatement(self._statements.assign_varbit(target, value))
        if value["type"].string() == "lookahead":
            return ir.SetField(field, _lookahead(value["value"]))
        return ir.SetField(field, self._expressions.data(value))

    def _error(self, node: Node) -> ir.Data:
        if isinstance(node.value, int):
            return ir.Constant(node.natural())
        return self._expressions.data(node)


def _lookahead(node: Node) -> ir.Lookahead:
    offset, bits = node.pair()
    if not 1 <= bits.natural() <= 128:
        node.unsupported(f"looking ahead {bits.natural()} bits (1 to 128)")
    return ir.Lookahead(offset.natural(), bits.natural())


def _case(node: Node, keys: tuple[ir.SelectKey, ...], following: str | None) -> ir.SelectCase:
    """A hexstr holds the keys one after the other, each padded to whole bytes."""
    widths = [(ir.key_bits(key) + 7) // 8 for key in keys]
    value, mask = node["value"].octets(sum(widths)), node.find("mask")
    all_ones = (1 << 8 * sum(widths)) - 1
    masked = mask.octets(sum(widths)) if mask else all_ones
    return ir.SelectCase(_split(value & masked, widths), _split(masked, widths), following)


def _split(value: int, widths: list[int]) -> tuple[int, ...]:
    parts: list[int] = []
    for width in reversed(widths):
        parts.append(value & ((1 << 8 * width) - 1))
        value >>= 8 * width
    return tuple(reversed(parts))
