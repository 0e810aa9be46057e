# SPDX-License-Identifier: Apache-2.0
"""The parser: a graph of states."""

from dataclasses import dataclass
from typing import TypeAlias

from hectograph.switch.compiler.ir.actions import Statement
from hectograph.switch.compiler.ir.expressions import Bool, Data, FieldValue, Header, Validity


@dataclass(frozen=True, slots=True)
class Lookahead:
    """Bits of the packet beyond what has been extracted."""

    offset: int
    bits: int


@dataclass(frozen=True, slots=True)
class Extract:
    header: Header


@dataclass(frozen=True, slots=True)
class SetField:
    target: FieldValue
    value: Data | Lookahead


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


ParserOp: TypeAlias = Extract | SetField | Verify | Advance | ParserStatement


@dataclass(frozen=True, slots=True)
class PlacedOp:
    op: ParserOp
    where: str


SelectKey: TypeAlias = FieldValue | Validity | Lookahead


def key_bits(key: SelectKey) -> int:
    if isinstance(key, Validity):
        return 1
    return key.field.bits if isinstance(key, FieldValue) else key.bits


@dataclass(frozen=True, slots=True)
class SelectCase:
    """Matches where every key, masked, is the value; one value and mask for each key."""

    values: tuple[int, ...]
    masks: tuple[int, ...]
    next: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ParserState:
    name: str
    ops: tuple[PlacedOp, ...]
    keys: tuple[SelectKey, ...]
    cases: tuple[SelectCase, ...]
    default: str | None
    """The next state's name; None accepts."""
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Parser:
    start: str | None
    states: dict[str, ParserState]
