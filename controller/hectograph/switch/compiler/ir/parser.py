# SPDX-License-Identifier: Apache-2.0
"""The parser: a graph of states."""

from dataclasses import dataclass
from typing import TypeAlias

from hectograph.switch.compiler.ir.actions import Statement
from hectograph.switch.compiler.ir.expressions import (
    Bool,
    Data,
    ElementField,
    FieldValue,
    Validity,
)
from hectograph.switch.compiler.ir.headers import Header, Stack


@dataclass(frozen=True, slots=True)
class Lookahead:
    """Bits of the packet beyond what has been extracted."""

    offset: int
    bits: int


@dataclass(frozen=True, slots=True)
class Extract:
    header: Header
    varbit_bits: Data | None = None
    """How long its varbit is, if it has one."""


@dataclass(frozen=True, slots=True)
class ExtractNext:
    """Into the first element of a stack that was not extracted yet; `column` as in Element."""

    stack: Stack
    column: int
    varbit_bits: Data | None = None


@dataclass(frozen=True, slots=True)
class SetField:
    target: FieldValue
    value: Data | Lookahead
    """A varbit is set to another."""


@dataclass(frozen=True, slots=True)
class Verify:
    condition: Bool
    error: Data


@dataclass(frozen=True, slots=True)
class Advance:
    bits: Data


@dataclass(frozen=True, slots=True)
class ParserStatement:
    statement: Statement


ParserOp: TypeAlias = Extract | ExtractNext | SetField | Verify | Advance | ParserStatement


@dataclass(frozen=True, slots=True)
class PlacedOp:
    op: ParserOp
    where: str


SelectKey: TypeAlias = FieldValue | ElementField | Validity | Lookahead


def key_bits(key: SelectKey) -> int:
    if isinstance(key, Validity):
        return 1
    return key.bits if isinstance(key, Lookahead) else key.field.bits


@dataclass(frozen=True, slots=True)
class SelectCase:
    """Matches where every key, masked, is the value; one value and mask for each key."""

    values: tuple[int, ...]
    masks: tuple[int, ...]
    next: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ValueSet:
    """What the control plane says that keys of these widths may be."""

    name: str
    size: int
    bits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ValueSetCase:
    """Matches where the keys are in the set."""

    value_set: ValueSet
    next: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ParserState:
    name: str
    ops: tuple[PlacedOp, ...]
    keys: tuple[SelectKey, ...]
    cases: tuple[SelectCase | ValueSetCase, ...]
    default: str | None
    """The next state's name; None accepts."""
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Parser:
    start: str | None
    states: dict[str, ParserState]
    value_sets: tuple[ValueSet, ...]
