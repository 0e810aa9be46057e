# SPDX-License-Identifier: Apache-2.0
"""Expressions over headers' fields: integers of any size, and truth values."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hectograph.switch.compiler.ir.headers import Field, Header, HeaderType, Stack


@dataclass(frozen=True, slots=True)
class FieldValue:
    header: Header
    field: Field


@dataclass(frozen=True, slots=True)
class Extracted:
    """How many of a stack's elements the parser has filled, less what was popped."""

    stack: Stack


@dataclass(frozen=True, slots=True)
class LastIndex:
    """Of the element that was extracted last; beyond the end while there is none."""

    stack: Stack


@dataclass(frozen=True, slots=True)
class Element:
    """A header of a stack that only the packet decides; beyond the end there is none.

    `column` is its place in a union; 0 where the stack is one of headers.
    """

    stack: Stack
    index: "Data"
    column: int = 0

    @property
    def name(self) -> str:
        return f"{self.stack.name}[...]"

    @property
    def type(self) -> HeaderType:
        return self.stack.rows[0][self.column].type

    @property
    def metadata(self) -> bool:
        return False

    @property
    def possible(self) -> tuple[Header, ...]:
        return tuple(row[self.column] for row in self.stack.rows)


@dataclass(frozen=True, slots=True)
class ElementField:
    element: Element
    field: Field


@dataclass(frozen=True, slots=True)
class Validity:
    """The hidden field ``$valid$``, as the integer 0 or 1."""

    header: Header


@dataclass(frozen=True, slots=True)
class Constant:
    value: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of the action that the expression stands in: unsigned."""

    index: int
    bits: int


HeaderRef: TypeAlias = Header | Element
Lvalue: TypeAlias = FieldValue | ElementField
"""What can be assigned to."""

ArithmeticOp: TypeAlias = Literal["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]


@dataclass(frozen=True, slots=True)
class Binary:
    op: ArithmeticOp
    left: "Data"
    right: "Data"


@dataclass(frozen=True, slots=True)
class Complement:
    operand: "Data"


@dataclass(frozen=True, slots=True)
class Wrap:
    """``two_comp_mod``: the signed value of the operand's low bits."""

    operand: "Data"
    bits: int


@dataclass(frozen=True, slots=True)
class Saturate:
    """``usat_cast`` and ``sat_cast``."""

    operand: "Data"
    bits: int
    signed: bool


@dataclass(frozen=True, slots=True)
class Choice:
    condition: "Bool"
    yes: "Data"
    no: "Data"


@dataclass(frozen=True, slots=True)
class FromBool:
    operand: "Bool"


Data: TypeAlias = (
    FieldValue
    | ElementField
    | Extracted
    | LastIndex
    | Validity
    | Constant
    | Parameter
    | Binary
    | Complement
    | Wrap
    | Saturate
    | Choice
    | FromBool
)


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool


CompareOp: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Compare:
    op: CompareOp
    left: Data
    right: Data


@dataclass(frozen=True, slots=True)
class HeadersEqual:
    """Both valid, and every field the same."""

    left: HeaderRef
    right: HeaderRef


@dataclass(frozen=True, slots=True)
class VarbitsEqual:
    """As long, and the same bits."""

    left: Lvalue
    right: Lvalue


@dataclass(frozen=True, slots=True)
class Logical:
    op: Literal["and", "or", "==", "!="]
    left: "Bool"
    right: "Bool"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Bool"


@dataclass(frozen=True, slots=True)
class IsValid:
    header: HeaderRef


@dataclass(frozen=True, slots=True)
class NonZero:
    operand: Data


@dataclass(frozen=True, slots=True)
class BoolChoice:
    condition: "Bool"
    yes: "Bool"
    no: "Bool"


Bool: TypeAlias = (
    Truth | Compare | HeadersEqual | VarbitsEqual | Logical | Not | IsValid | NonZero | BoolChoice
)
