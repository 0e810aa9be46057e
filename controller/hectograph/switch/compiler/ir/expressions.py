# SPDX-License-Identifier: Apache-2.0
"""Headers, and expressions over their fields: integers of any size, and truth values."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

STANDARD = "standard_metadata"
"""The header that v1model's intrinsic metadata is in."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    bits: int
    signed: bool
    offset: int
    """Bits from the header's start."""


@dataclass(frozen=True, slots=True, eq=False)
class HeaderType:
    name: str
    fields: tuple[Field, ...]

    @property
    def bits(self) -> int:
        return sum(each.bits for each in self.fields)

    @property
    def bytes(self) -> int:
        return self.bits // 8


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    name: str
    type: HeaderType
    metadata: bool
    """Always valid, never in a packet."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    header: Header
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

    left: Header
    right: Header


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
    header: Header


@dataclass(frozen=True, slots=True)
class NonZero:
    operand: Data


@dataclass(frozen=True, slots=True)
class BoolChoice:
    condition: "Bool"
    yes: "Bool"
    no: "Bool"


Bool: TypeAlias = Truth | Compare | HeadersEqual | Logical | Not | IsValid | NonZero | BoolChoice
Expression: TypeAlias = Data | Bool | Header
