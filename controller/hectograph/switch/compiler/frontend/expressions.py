# SPDX-License-Identifier: Apache-2.0
"""Expressions: JSON's typed values and operators to ir.Data, ir.Bool and headers."""

from collections.abc import Callable
from typing import Literal, TypeVar, cast, get_args

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node
from hectograph.switch.compiler.ir import (
    ActionParameter,
    ArithmeticOp,
    Bool,
    CompareOp,
    Data,
    Expression,
    Header,
)

ARITHMETIC = frozenset[str](get_args(ArithmeticOp))
COMPARISONS = frozenset[str](get_args(CompareOp))

_UNSUPPORTED_TYPES = {
    "header_stack": "header stacks",
    "stack_field": "header stacks",
    "union_stack_field": "header unions",
    "header_union": "header unions",
    "header_union_stack": "header unions",
    "register": "registers",
    "lookahead": "lookahead inside an expression",
}
_UNSUPPORTED_OPERATORS = {
    "valid_union": "header unions",
    "access_union_header": "header unions",
    "dereference_union_stack": "header unions",
    "dereference_stack": "header stacks",
    "dereference_header_stack": "header stacks",
    "last_stack_index": "header stacks",
    "size_stack": "header stacks",
}

_DATA = (
    ir.FieldValue,
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
    """Loads expressions; `parameters` are those of the action they stand in."""

    def __init__(self, headers: Headers, parameters: tuple[ActionParameter, ...] = ()) -> None:
        self.headers = headers
        self._parameters = parameters

    def data(self, node: Node) -> Data:
        found = self.expression(node)
        return found if isinstance(found, _DATA) else node.invalid("is not an integer expression")

    def bool(self, node: Node) -> Bool:
        found = self.expression(node)
        if isinstance(found, (*_DATA, Header)):
            node.invalid("is not a boolean expression")
        return found

    def header(self, node: Node) -> Header:
        found = self.expression(node)
        return found if isinstance(found, Header) else node.invalid("is not a header")

    def expression(self, node: Node) -> Expression:
        """A typed value: {"type": ..., "value": ...}."""
        kind = node["type"].string()
        if kind == "expression":
            return self._expression_value(node["value"])
        if kind == "field":
            return self.headers.field(node["value"])
        if kind == "hexstr":
            return ir.Constant(node["value"].hexstr())
        if kind == "bool":
            return ir.Truth(node["value"].boolean())
        if kind == "header":
            return self.headers.header(node["value"])
        if kind in ("local", "runtime_data"):
            return self._parameter(node["value"])
        if kind in _UNSUPPORTED_TYPES:
            node.unsupported(_UNSUPPORTED_TYPES[kind])
        return node.unsupported(f"a value of type '{kind}'")

    def _expression_value(self, node: Node) -> Expression:
        """An operator; or, as a primitive's argument has it, once more a typed value."""
        return self.expression(node) if node.find("type") else self._operator(node)

    def _parameter(self, node: Node) -> ir.Parameter:
        index = node.natural()
        if index >= len(self._parameters):
            node.invalid(f"the action has {len(self._parameters)} parameter(s)")
        return ir.Parameter(index, self._parameters[index].bits)

    def _operator(self, node: Node) -> Expression:
        op = node["op"].string()
        if op in _UNSUPPORTED_OPERATORS:
            node.unsupported(f"{_UNSUPPORTED_OPERATORS[op]} (operator '{op}')")
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
        right = node["right"]
        if op == "~":
            return ir.Complement(self.data(right))
        if op == "not":
            return ir.Not(self.bool(right))
        if op == "valid":
            return ir.IsValid(self.header(right))
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
        if isinstance(left, _DATA) and isinstance(right, _DATA):
            return ir.Compare(op, left, right)
        if isinstance(left, Header) and isinstance(right, Header):
            equal = ir.HeadersEqual(left, right)
            return equal if op == "==" else ir.Not(equal)
        if isinstance(left, (*_DATA, Header)) or isinstance(right, (*_DATA, Header)):
            node.invalid("compares values of different kinds")
        return ir.Logical(op, left, right)

    def _choice(self, node: Node) -> Expression:
        condition = self.bool(node["cond"])
        yes, no = self._both(node, self.expression)
        if isinstance(yes, _DATA) and isinstance(no, _DATA):
            return ir.Choice(condition, yes, no)
        if isinstance(yes, Header) or isinstance(no, Header):
            node.unsupported("a choice between headers")
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

    def _access(self, node: Node) -> ir.FieldValue:
        header, index = self.header(node["left"]), node["right"].natural()
        if index >= len(header.type.fields):
            node.invalid(f"header '{header.name}' has {len(header.type.fields)} field(s)")
        return ir.FieldValue(header, header.type.fields[index])
