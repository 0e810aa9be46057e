# SPDX-License-Identifier: Apache-2.0
"""Expressions in C, exact where BMv2 is exact.

Two ways to compute an integer: `exact` gives its value in a type that holds every
value it can take; `modular` gives its low bits only, which is all that a store to an
unsigned field or a mask needs, and which +, -, *, &, |, ^, ~ and << can compute from
the low bits of their operands. Every compound text comes in parentheses.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from hectograph.errors import UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.kinds import (
    I64,
    I128,
    U64,
    U128,
    Kind,
    bare,
    kind_of,
    literal,
    number,
)
from hectograph.switch.compiler.codegen.known import decide, mask_is_idle, unmasked
from hectograph.switch.compiler.codegen.layout import Layout, field_storage, storage_bits
from hectograph.switch.compiler.codegen.ranges import (
    Range,
    field_range,
    signed,
    unsigned,
    value_range,
)

_Leaf: TypeAlias = (
    ir.FieldValue | ir.ElementField | ir.Extracted | ir.LastIndex | ir.Validity | ir.Parameter
)
_MODULAR = ("+", "-", "*", "&", "|", "^", "<<")
_OPPOSITE: dict[str, ir.CompareOp] = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


class Expressions:
    """`parameters` are the C names of the arguments that ir.Parameter stands for."""

    def __init__(self, layout: Layout, parameters: Sequence[str] = ()) -> None:
        self._layout = layout
        self._parameters = parameters

    # ---- leaves -------------------------------------------------------------

    def raw(self, leaf: _Leaf) -> str:
        """As it lies in memory, in its own C type."""
        if isinstance(leaf, ir.FieldValue):
            return self._layout.field(leaf)
        if isinstance(leaf, ir.ElementField):
            name = self._layout.field_name(leaf.element.type, leaf.field)
            return f"{self.member(leaf.element)}.{name}"
        if isinstance(leaf, ir.Extracted):
            return self._layout.count(leaf.stack)
        if isinstance(leaf, ir.LastIndex):
            return f"({self._layout.count(leaf.stack)} - 1u)"
        if isinstance(leaf, ir.Validity):
            return self._layout.valid(leaf.header)
        return f"data->{self._parameters[leaf.index]}"

    def member(self, header: ir.HeaderRef) -> str:
        """Of an index beyond the end, the header that is never valid and always zero."""
        if isinstance(header, ir.Header):
            return self._layout.member(header)
        stack, index = header.stack, self._index(header)
        if not self._within(header):
            index = f"hg_slot({bare(index)}, {stack.size})"
        return self._layout.element(stack, header.column, index)

    def valid(self, header: ir.HeaderRef) -> str:
        if isinstance(header, ir.Header):
            return self._layout.valid(header)
        return f"{self.member(header)}.valid"

    def exists(self, header: ir.HeaderRef) -> str | None:
        """What must hold for it to be written to; None: nothing."""
        if isinstance(header, ir.Header) or self._within(header):
            return None
        return f"{self._index(header)} < {header.stack.size}"

    def _index(self, element: ir.Element) -> str:
        """A negative one is, as an unsigned number, beyond the end."""
        values = value_range(element.index)
        if values in U64.range:
            return self.plain(element.index)
        if values not in I64.range:
            raise UnsupportedFeature("an index of more than 64 bits: not supported")
        return f"(uint64_t){self.exact_as(element.index, I64)}"

    def _within(self, element: ir.Element) -> bool:
        return value_range(element.index) in Range(0, element.stack.size - 1)

    def plain(self, expression: ir.Data) -> str:
        """Its exact value in whatever type is shortest to write."""
        expression = unmasked(expression)
        constant = value_range(expression).constant
        if constant is not None and 0 <= constant < 1 << 64:
            return number(constant)
        if isinstance(expression, _Leaf):
            return self.raw(expression)
        return self.exact(expression)[0]

    # ---- integers -----------------------------------------------------------

    def exact(self, expression: ir.Data) -> tuple[str, Kind]:
        expression = unmasked(expression)
        values = value_range(expression)
        kind = kind_of(values)
        if kind is None:
            raise _too_wide()
        if values.constant is not None:
            return literal(values.constant, kind), kind
        if isinstance(expression, _Leaf):
            return self._leaf(expression, kind), kind
        if isinstance(expression, ir.Wrap):
            return self._wrap(expression)
        if isinstance(expression, ir.Saturate):
            return self._saturate(expression)
        if isinstance(expression, ir.Choice):
            condition = self.truth(expression.condition)
            yes, no = self.exact_as(expression.yes, kind), self.exact_as(expression.no, kind)
            return f"({condition} ? {yes} : {no})", kind
        if isinstance(expression, ir.FromBool):
            return _bit(self.truth(expression.operand), U64), U64
        if isinstance(expression, ir.Binary) and expression.op not in _MODULAR:
            return self._shift_or_divide(expression)
        text = self.modular(expression, kind.bits, kind.bits)
        return (f"({kind.type}){text}" if kind.signed else text), kind

    def exact_as(self, expression: ir.Data, kind: Kind) -> str:
        constant = value_range(expression).constant
        if constant is not None:
            return literal(constant, kind)
        text, found = self.exact(expression)
        return self._cast(text, found, kind)

    def modular(self, expression: ir.Data, width: int, demand: int) -> str:
        """In an unsigned type of `width` (64 or 128) bits, right in the low `demand` bits."""
        kind = U64 if width == 64 else U128
        constant = value_range(expression).constant
        if constant is not None:
            return literal(constant & ((1 << width) - 1), kind)
        if isinstance(expression, _Leaf):
            return self._leaf(expression, kind)
        if isinstance(expression, ir.Complement):
            return f"hg_not{width}({bare(self.modular(expression.operand, width, demand))})"
        if isinstance(expression, ir.Choice):
            yes = self.modular(expression.yes, width, demand)
            no = self.modular(expression.no, width, demand)
            return f"({self.truth(expression.condition)} ? {yes} : {no})"
        if isinstance(expression, ir.Wrap) and expression.bits >= demand:
            return self.modular(expression.operand, width, demand)
        if isinstance(expression, ir.Binary) and expression.op in _MODULAR:
            return self._modular_binary(expression, width, demand)
        text, found = self.exact(expression)
        return self._cast(text, found, kind)

    def _modular_binary(self, expression: ir.Binary, width: int, demand: int) -> str:
        left, right, op = expression.left, expression.right, expression.op
        if op == "<<":
            return self._shift_left(left, right, width, demand)
        if op == "&":
            for kept, mask in ((left, right), (right, left)):
                if mask_is_idle(kept, mask, demand):
                    return self.modular(kept, width, demand)
                constant = value_range(mask).constant
                if constant is not None and constant >= 0:
                    # Only the bits under the mask count.
                    demand = min(demand, constant.bit_length())
        texts = (self.modular(left, width, demand), self.modular(right, width, demand))
        return f"({texts[0]} {op} {texts[1]})"

    def _shift_left(self, value: ir.Data, by: ir.Data, width: int, demand: int) -> str:
        amount, text = value_range(by), self.modular(value, width, demand)
        if amount.constant is None or amount.constant < 0:
            return f"hg_shl{width}({text}, {self._shift_amount(by)})"
        if amount.constant >= width:
            return literal(0, U64 if width == 64 else U128)
        return f"({text} << {amount.constant})"

    def _shift_amount(self, by: ir.Data) -> str:
        amount = value_range(by)
        if amount.low < 0:
            raise UnsupportedFeature("a shift by an amount that may be negative: not supported")
        return self.plain(by)

    def _shift_or_divide(self, expression: ir.Binary) -> tuple[str, Kind]:
        left, kind = self.exact(expression.left)
        by = value_range(expression.right)
        if expression.op == ">>":
            if by.constant is not None and by.constant >= 0:
                return f"({left} >> {min(by.constant, kind.bits - 1)})", kind
            name = "hg_sar" if kind.signed else "hg_shr"
            return f"{name}{kind.bits}({left}, {self._shift_amount(expression.right)})", kind
        if value_range(expression.left).low < 0:
            raise UnsupportedFeature(f"'{expression.op}' of a signed value: not supported")
        common = kind_of(value_range(expression.left).union(by)) or kind
        return (
            f"({self.exact_as(expression.left, common)} {expression.op} {literal(by.low, common)})",
            common,
        )

    def _wrap(self, expression: ir.Wrap) -> tuple[str, Kind]:
        if value_range(expression.operand) in signed(expression.bits):
            return self.exact(expression.operand)
        kind = I64 if expression.bits <= 64 else I128
        text = self.modular(expression.operand, kind.bits, expression.bits)
        return f"hg_signed{kind.bits}({bare(text)}, {expression.bits})", kind

    def _saturate(self, expression: ir.Saturate) -> tuple[str, Kind]:
        operand, values = expression.operand, value_range(expression.operand)
        into = signed(expression.bits) if expression.signed else unsigned(expression.bits)
        if values in into:
            return self.exact(operand)
        if kind_of(values) is None:
            return self._saturate_wide(expression, into)
        text, kind = self.exact(operand)
        high = literal(min(into.high, kind.range.high), kind)
        if not kind.signed:
            return f"hg_min{kind.bits}({bare(text)}, {high})", kind
        low = literal(max(into.low, kind.range.low), kind)
        return f"hg_clamp{kind.bits}({bare(text)}, {low}, {high})", kind

    def _saturate_wide(self, expression: ir.Saturate, into: Range) -> tuple[str, Kind]:
        operand = expression.operand
        names = {"+": "hg_saturating_add128", "-": "hg_saturating_sub128"}
        if (
            expression.signed
            or not isinstance(operand, ir.Binary)
            or operand.op not in names
            or value_range(operand.left).union(value_range(operand.right)) not in U128.range
        ):
            raise _too_wide()
        left, right = self.exact_as(operand.left, U128), self.exact_as(operand.right, U128)
        high = literal(into.high, U128)
        return f"{names[operand.op]}({bare(left)}, {bare(right)}, {high})", U128

    def _leaf(self, leaf: _Leaf, kind: Kind) -> str:
        text = self.raw(leaf)
        if isinstance(leaf, ir.Validity):
            return _bit(text, kind)
        return self._cast(text, _leaf_kind(leaf), kind)

    def _cast(self, text: str, found: Kind, kind: Kind) -> str:
        return text if found == kind else f"({kind.type}){text}"

    # ---- truth values -------------------------------------------------------

    def truth(self, expression: ir.Bool) -> str:
        if isinstance(expression, ir.Truth):
            return "true" if expression.value else "false"
        if isinstance(expression, ir.IsValid):
            return self.valid(expression.header)
        if isinstance(expression, ir.Not):
            return f"(!{self.truth(expression.operand)})"
        if isinstance(expression, ir.Compare):
            return self._compare(expression)
        if isinstance(expression, ir.NonZero):
            return self._nonzero(expression.operand)
        if isinstance(expression, ir.HeadersEqual):
            return self._headers_equal(expression)
        if isinstance(expression, ir.VarbitsEqual):
            return self._varbits_equal(self.raw(expression.left), self.raw(expression.right))
        if isinstance(expression, ir.BoolChoice):
            parts = (expression.condition, expression.yes, expression.no)
            condition, yes, no = map(self.truth, parts)
            return f"({condition} ? {yes} : {no})"
        op = {"and": "&&", "or": "||"}.get(expression.op, expression.op)
        return f"({self.truth(expression.left)} {op} {self.truth(expression.right)})"

    def negation(self, expression: ir.Bool) -> str:
        """The opposite, for the parentheses of an if."""
        if isinstance(expression, ir.Not):
            return bare(self.truth(expression.operand))
        if isinstance(expression, ir.Compare):
            return bare(self._compare(replace(expression, op=_OPPOSITE[expression.op])))
        return f"!{self.truth(expression)}"

    def _nonzero(self, operand: ir.Data) -> str:
        values = value_range(operand)
        if Range(0, 0) not in values:
            return "true"
        if values.constant == 0:
            return "false"
        if isinstance(operand, ir.FromBool):
            return self.truth(operand.operand)
        text = self.plain(operand)
        return text if isinstance(operand, _Leaf) and values.high == 1 else f"({text} != 0)"

    def _compare(self, expression: ir.Compare) -> str:
        left, right = value_range(expression.left), value_range(expression.right)
        decided = decide(expression.op, left, right)
        if decided is not None:
            return "true" if decided else "false"
        kind = kind_of(left.union(right))
        if kind is None:
            raise UnsupportedFeature("a comparison of more than 128 bits: not supported")
        sides = (self._side(expression.left, kind), self._side(expression.right, kind))
        return f"({sides[0]} {expression.op} {sides[1]})"

    def _side(self, expression: ir.Data, kind: Kind) -> str:
        """Without a cast where C's own conversions keep the value."""
        expression = unmasked(expression)
        constant = value_range(expression).constant
        if constant is not None and 0 <= constant < 1 << (31 if kind.signed else 64):
            return number(constant)
        if isinstance(expression, _Leaf):
            leaf = _leaf_kind(expression)
            if not leaf.signed and (not kind.signed or leaf.bits < kind.bits):
                return self.raw(expression)
        return self.exact_as(expression, kind)

    def _headers_equal(self, expression: ir.HeadersEqual) -> str:
        left, right = expression.left, expression.right
        if left.metadata or right.metadata:
            raise UnsupportedFeature("a comparison of metadata as a whole: not supported")
        if left.type is not right.type:
            return "false"
        ours, theirs = self.member(left), self.member(right)
        parts = [f"{ours}.valid", f"{theirs}.valid"]
        for field in left.type.fields:
            name = self._layout.field_name(left.type, field)
            one, other = f"{ours}.{name}", f"{theirs}.{name}"
            equal = self._varbits_equal(one, other) if field.varbit else f"{one} == {other}"
            parts.append(equal)
        return f"({' && '.join(parts)})"

    def _varbits_equal(self, left: str, right: str) -> str:
        same_bits = f"!memcmp({left}.data, {right}.data, {left}.bytes)"
        return f"({left}.bytes == {right}.bytes && {same_bits})"

    # ---- stores -------------------------------------------------------------

    def assignment(self, target: ir.Lvalue, value: ir.Data) -> list[str]:
        """The statement that stores a value in a field; none where it changes nothing."""
        if target == value:
            return []
        return self.store(target, f"{self.raw(target)} = {self.stored(target.field, value)};")

    def store(self, target: ir.Lvalue, statement: str) -> list[str]:
        """A statement that writes to a field, where that is there."""
        exists = self.exists(target.element) if isinstance(target, ir.ElementField) else None
        return [f"if ({exists})", f"\t{statement}"] if exists else [statement]

    def stored_bits(self, field: ir.Field, text: str) -> str:
        """What such a field holds after it was assigned an unsigned number of 64 bits."""
        if field.signed:
            raise UnsupportedFeature("a hash or a random number in a signed field: not supported")
        if field.bits >= 64:
            return bare(text)
        if field.bits == storage_bits(field.bits):
            return f"(uint{field.bits}_t){text}"
        return f"{text} & {number((1 << field.bits) - 1)}"

    def stored(self, field: ir.Field, value: ir.Data) -> str:
        """What such a field holds after the value was assigned to it."""
        values = value_range(value)
        if values in field_range(field):
            return bare(self.plain(value))
        if field.signed:
            kind = I64 if values in I64.range and field.bits < 64 else I128
            if values not in kind.range:
                raise _too_wide()
            return f"hg_keep{kind.bits}({bare(self.exact_as(value, kind))}, {field.bits})"
        width = 64 if field.bits <= 64 else 128
        mask = (1 << field.bits) - 1
        if values.constant is not None:
            return literal(values.constant & mask, U64 if width == 64 else U128)
        text = self.modular(value, width, field.bits)
        if field.bits == storage_bits(field.bits):
            return bare(text) if field.bits == width else f"(uint{field.bits}_t){text}"
        return f"{text} & {literal(mask, U64 if width == 64 else U128)}"


def _too_wide() -> UnsupportedFeature:
    return UnsupportedFeature("an intermediate result of more than 128 bits: not supported")


def _bit(truth: str, kind: Kind) -> str:
    """1 or 0. Not a cast: compilers wonder what ~ and << are to do with a truth value."""
    return f"({truth} ? {literal(1, kind)} : {literal(0, kind)})"


def _leaf_kind(leaf: _Leaf) -> Kind:
    """The type that a leaf has in memory."""
    if isinstance(leaf, (ir.Extracted, ir.LastIndex)):
        return Kind(32, signed=False)
    if isinstance(leaf, ir.Validity):
        return Kind(8, signed=False)
    if isinstance(leaf, ir.Parameter):
        return Kind(storage_bits(leaf.bits), signed=False)
    if isinstance(leaf, ir.FieldValue) and leaf.header.name == ir.STANDARD:
        return Kind(max(32, field_storage(leaf.field)), signed=False)
    return Kind(field_storage(leaf.field), leaf.field.signed)
