# SPDX-License-Identifier: Apache-2.0
"""What values an integer expression can take.

BMv2 computes with integers of any size. Knowing each step's range, the generator
picks a C type in which the step is exact, and leaves out masks that change nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hectograph.switch.compiler import ir

MAX_SHIFT = 4096
"""Any amount beyond is as good as this one: no C type is that wide."""


@dataclass(frozen=True, slots=True)
class Range:
    low: int
    high: int

    def __contains__(self, other: "Range") -> bool:
        return self.low <= other.low and other.high <= self.high

    def union(self, other: "Range") -> "Range":
        return Range(min(self.low, other.low), max(self.high, other.high))

    @property
    def constant(self) -> int | None:
        return self.low if self.low == self.high else None


def unsigned(bits: int) -> Range:
    return Range(0, (1 << bits) - 1)


def signed(bits: int) -> Range:
    return Range(-1 << (bits - 1), (1 << (bits - 1)) - 1)


def field_range(field: ir.Field) -> Range:
    """A signed field of BMv2 also keeps what only fits the unsigned one as wide."""
    if field.signed:
        return signed(field.bits).union(unsigned(field.bits))
    return unsigned(field.bits)


def value_range(expression: ir.Data) -> Range:
    if isinstance(expression, ir.Constant):
        return Range(expression.value, expression.value)
    if isinstance(expression, (ir.FieldValue, ir.ElementField)):
        return field_range(expression.field)
    if isinstance(expression, ir.Extracted):
        return Range(0, expression.stack.size)
    if isinstance(expression, ir.LastIndex):
        return unsigned(32)
    if isinstance(expression, ir.Parameter):
        return unsigned(expression.bits)
    if isinstance(expression, ir.Validity):
        return unsigned(1)
    if isinstance(expression, ir.FromBool):
        if isinstance(expression.operand, ir.Truth):
            return Range(int(expression.operand.value), int(expression.operand.value))
        return unsigned(1)
    if isinstance(expression, ir.Choice):
        return value_range(expression.yes).union(value_range(expression.no))
    if isinstance(expression, ir.Complement):
        of = value_range(expression.operand)
        return Range(~of.high, ~of.low)
    if isinstance(expression, ir.Wrap):
        of, into = value_range(expression.operand), signed(expression.bits)
        return of if of in into else into
    if isinstance(expression, ir.Saturate):
        of = value_range(expression.operand)
        into = signed(expression.bits) if expression.signed else unsigned(expression.bits)
        return Range(_clamp(of.low, into), _clamp(of.high, into))
    return _binary(expression.op, value_range(expression.left), value_range(expression.right))


def _clamp(value: int, into: Range) -> int:
    return min(max(value, into.low), into.high)


def _binary(op: str, left: Range, right: Range) -> Range:
    if op == "+":
        return Range(left.low + right.low, left.high + right.high)
    if op == "-":
        return Range(left.low - right.high, left.high - right.low)
    if op == "*":
        return _span(a * b for a in (left.low, left.high) for b in (right.low, right.high))
    if op == "<<":
        amounts = (_amount(right.low), _amount(right.high))
        return _span(a << n for a in (left.low, left.high) for n in amounts)
    if op == ">>":
        amounts = (_amount(right.low), _amount(right.high))
        return _span(a >> n for a in (left.low, left.high) for n in amounts)
    if op in ("/", "%") and left.low < 0:  # not compiled
        return left.union(Range(0, 0))
    if op == "/":  # by a positive constant, as below
        return Range(left.low // right.low, left.high // right.low)
    if op == "%":
        return Range(0, min(left.high, right.high - 1))
    return _bitwise(op, left, right)


def _span(values: Iterable[int]) -> Range:
    seen = list(values)
    return Range(min(seen), max(seen)) if seen else Range(0, 0)


def _amount(value: int) -> int:
    return _clamp(value, Range(0, MAX_SHIFT))


def _bitwise(op: str, left: Range, right: Range) -> Range:
    a, b = left.constant, right.constant
    if a is not None and b is not None:
        value = a & b if op == "&" else a | b if op == "|" else a ^ b
        return Range(value, value)
    if op == "&" and max(left.low, right.low) >= 0:
        return Range(0, min(each.high for each in (left, right) if each.low >= 0))
    width = max(_magnitude(left), _magnitude(right))
    if min(left.low, right.low) >= 0:
        return Range(max(left.low, right.low) if op == "|" else 0, (1 << width) - 1)
    return Range(-1 << width, (1 << width) - 1)


def _magnitude(of: Range) -> int:
    """Bits beside the sign."""
    return max(of.high.bit_length(), (~of.low).bit_length() if of.low < 0 else 0)
