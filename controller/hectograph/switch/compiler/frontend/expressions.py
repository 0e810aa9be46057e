# SPDX-License-Identifier: Apache-2.0
"""Expressions: JSON's typed values and operators to ir.Data, ir.Bool and headers."""

from collections.abc import Callable
from typing import Literal, TypeGuard, TypeVar, cast, get_args

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.headers import Headers, field_at
from hectograph.switch.compiler.frontend.reader import Node
from hectograph.switch.compiler.frontend.references import (
    REFERENCES,
    Expression,
    UnionValue,
    any_of,
    at,
    field,
    stack_field,
    union_stack_field,
    unions_equal,
)
from hectograph.switch.compiler.ir import ActionParameter, ArithmeticOp, Bool, CompareOp, Data

ARITHMETIC = frozenset[str](get_args(ArithmeticOp))
COMPARISONS = frozenset[str](get_args(CompareOp))

_UNSUPPORTED_TYPES = {
    "register": "registers",
    "lookahead": "lookahead inside an expression",
}

_DATA = (
    ir.FieldValue,
    ir.ElementField,
    ir.Extracted,
    ir.LastIndex,
    ir.Validity,
    ir.Constant,
    ir.Parameter,
    ir.Binary,
    ir.Complement,
    ir.Wrap,
    ir.Saturate,
    ir.Choice,
    ir.FromBool,
)

_T = TypeVar("_T")


class Expressions:
    """Loads expressions; `parameters` are those of the action they stand in, bit<0> too."""

    def __init__(self, headers: Headers, parameters: tuple[ActionParameter, ...] = ()) -> None:
        self.headers = headers
        self._parameters = parameters

    def data(self, node: Node) -> Data:
        found = self.expression(node)
        if not isinstance(found, _DATA):
            node.invalid("is not an integer expression")
        if _is_varbit(found):
            node.unsupported("a varbit as an integer")
        return found

    def bool(self, node: Node) -> Bool:
        found = self.expression(node)
        if isinstance(found, (*_DATA, *REFERENCES)):
            node.invalid("is not a boolean expression")
        return found

    def header(self, node: Node) -> ir.HeaderRef:
        found = self.expression(node)
        if not isinstance(found, (ir.Header, ir.Element)):
            node.invalid("is not a header")
        return found

    def union(self, node: Node) -> UnionValue:
        found = self.expression(node)
        return found if isinstance(found, UnionValue) else node.invalid("is not a header union")

    def stack(self, node: Node) -> ir.Stack:
        found = self.expression(node)
        return found if isinstance(found, ir.Stack) else node.invalid("is not a header stack")

    def lvalue(self, node: Node) -> ir.Lvalue:
        found = self.expression(node)
        if not isinstance(found, (ir.FieldValue, ir.ElementField)):
            node.invalid("cannot be assigned to")
        return found

    def expression(self, node: Node) -> Expression:
        """A typed value: {"type": ..., "value": ...}."""
        kind = node["type"].string()
        loaders: dict[str, Callable[[Node], Expression]] = {
            "expression": self._expression_value,
            "field": self._field,
            "stack_field": lambda value: stack_field(self.headers, value),
            "union_stack_field": lambda value: union_stack_field(self.headers, value),
            "hexstr": lambda value: ir.Constant(value.hexstr()),
            "bool": lambda value: ir.Truth(value.boolean()),
            "header": self.headers.header,
            "header_stack": self.headers.stack,
            "header_union_stack": self.headers.stack,
            "header_union": lambda value: UnionValue(self.headers.union(value).headers),
            "local": self._parameter,
            "runtime_data": self._parameter,
        }
        if kind in _UNSUPPORTED_TYPES:
            node.unsupported(_UNSUPPORTED_TYPES[kind])
        if kind not in loaders:
            node.unsupported(f"a value of type '{kind}'")
        return loaders[kind](node["value"])

    def _field(self, reference: Node) -> Expression:
        if self.headers.is_empty(reference):
            return ir.Constant(0)
        return self.headers.field(reference)

    def _expression_value(self, node: Node) -> Expression:
        """An operator; or, as a primitive's argument has it, once more a typed value."""
        return self.expression(node) if node.find("type") else self._operator(node)

    def _parameter(self, node: Node) -> Data:
        index = node.natural()
        if index >= len(self._parameters):
            node.invalid(f"the action has {len(self._parameters)} parameter(s)")
        if not self._parameters[index].bits:
            return ir.Constant(0)
        before = sum(1 for each in self._parameters[:index] if not each.bits)
        return ir.Parameter(index - before, self._parameters[index].bits)

    def _operator(self, node: Node) -> Expression:
        op = node["op"].string()
        if op == "?":
            return self._choice(node)
        if op in ("==", "!="):
            return self._equality(node, op)
        if op in COMPARISONS:
            return ir.Compare(cast(CompareOp, op), *self._both(node, self.data))
        if op in ARITHMETIC:
            return self._arithmetic(node, cast(ArithmeticOp, op))
        if op in ("and", "or"):
            return ir.Logical(op, *self._both(node, self.bool))
        if op in ("two_comp_mod", "usat_cast", "sat_cast"):
            return self._cast(node, op)
        return self._unary(node, op)

    def _unary(self, node: Node, op: str) -> Expression:
        if op == "access_field":
            return self._access(node)
        if op in ("dereference_stack", "dereference_header_stack", "dereference_union_stack"):
            return at(self.stack(node["left"]), self.data(node["right"]))
        if op == "access_union_header":
            return self._member(node)
        right = node["right"]
        if op == "~":
            return ir.Complement(self.data(right))
        if op == "not":
            return ir.Not(self.bool(right))
        if op == "valid":
            return ir.IsValid(self.header(right))
        if op == "valid_union":
            return any_of([ir.IsValid(each) for each in self.union(right).headers])
        if op == "last_stack_index":
            return ir.LastIndex(self.stack(right))
        if op == "size_stack":
            return ir.Extracted(self.stack(right))
        if op == "b2d":
            return ir.FromBool(self.bool(right))
        if op == "d2b":
            operand = self.data(right)
            if isinstance(operand, ir.Validity):
                return ir.IsValid(operand.header)
            return ir.NonZero(operand)
        return node.unsupported(f"the operator '{op}'")

    def _both(self, node: Node, load: Callable[[Node], _T]) -> tuple[_T, _T]:
        return load(node["left"]), load(node["right"])

    def _arithmetic(self, node: Node, op: ArithmeticOp) -> Data:
        left = node.find("left")
        if left is None and op in ("+", "-"):
            return ir.Binary(op, ir.Constant(0), self.data(node["right"]))
        if op in ("/", "%"):
            by = self.data(node["right"])
            if not isinstance(by, ir.Constant) or by.value <= 0:
                node.unsupported(f"'{op}' by other than a positive constant")
        return ir.Binary(op, *self._both(node, self.data))

    def _equality(self, node: Node, op: Literal["==", "!="]) -> Bool:
        left, right = self._both(node, self.expression)
        if isinstance(left, REFERENCES) or isinstance(right, REFERENCES) or _is_varbit(left):
            equal = _same(left, right, node)
            return equal if op == "==" else ir.Not(equal)
        if _is_varbit(right):
            node.invalid("compares values of different kinds")
        if isinstance(left, _DATA) and isinstance(right, _DATA):
            return ir.Compare(op, left, right)
        if isinstance(left, _DATA) or isinstance(right, _DATA):
            node.invalid("compares values of different kinds")
        return ir.Logical(op, left, right)

    def _choice(self, node: Node) -> Expression:
        condition = self.bool(node["cond"])
        yes, no = self._both(node, self.expression)
        if isinstance(yes, REFERENCES) or isinstance(no, REFERENCES):
            node.unsupported("a choice between headers")
        if _is_varbit(yes) or _is_varbit(no):
            node.unsupported("a choice between varbits")
        if isinstance(yes, _DATA) and isinstance(no, _DATA):
            return ir.Choice(condition, yes, no)
        if isinstance(yes, _DATA) or isinstance(no, _DATA):
            node.invalid("chooses between values of different kinds")
        return ir.BoolChoice(condition, yes, no)

    def _cast(self, node: Node, op: str) -> Data:
        operand, width = self._both(node, self.data)
        if not isinstance(width, ir.Constant):
            node.unsupported(f"{op} to a width that is not a constant")
        if not 1 <= width.value <= 128:
            node.unsupported(f"{op} to {width.value} bits (1 to 128)")
        if op == "two_comp_mod":
            return ir.Wrap(operand, width.value)
        return ir.Saturate(operand, width.value, signed=op == "sat_cast")

    def _access(self, node: Node) -> ir.Lvalue:
        header = self.header(node["left"])
        return field(header, field_at(header.type, node["right"]))

    def _member(self, node: Node) -> ir.HeaderRef:
        union, index = self.union(node["left"]), node["right"].natural()
        if index >= len(union.headers):
            node.invalid(f"the union has {len(union.headers)} header(s)")
        return union.headers[index]


def _is_varbit(found: Expression) -> TypeGuard[ir.Lvalue]:
    return isinstance(found, (ir.FieldValue, ir.ElementField)) and found.field.varbit


def _same(left: Expression, right: Expression, node: Node) -> Bool:
    """Of headers, unions or varbits."""
    if isinstance(left, (ir.Header, ir.Element)) and isinstance(right, (ir.Header, ir.Element)):
        return ir.HeadersEqual(left, right)
    if isinstance(left, UnionValue) and isinstance(right, UnionValue):
        return unions_equal(left, right, node)
    if _is_varbit(left) and _is_varbit(right):
        return ir.VarbitsEqual(left, right)
    if isinstance(left, ir.Stack) and isinstance(right, ir.Stack):
        node.unsupported("a comparison of header stacks")
    return node.invalid("compares values of different kinds")
