# SPDX-License-Identifier: Apache-2.0
"""Tables, and the control flow between them."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from hectograph.switch.compiler.ir.actions import Action, Call, DirectMeter
from hectograph.switch.compiler.ir.calculations import Calculation
from hectograph.switch.compiler.ir.expressions import Bool, FieldValue, Validity
from hectograph.switch.compiler.ir.parser import key_bits


class Match(Enum):
    EXACT = "exact"
    LPM = "lpm"
    TERNARY = "ternary"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class KeyField:
    name: str
    match: Match
    target: FieldValue | Validity
    mask: int | None = None
    """What counts of it; None: all."""

    @property
    def bits(self) -> int:
        return key_bits(self.target)

    @property
    def bytes(self) -> int:
        return (self.bits + 7) // 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared entry; `masks` are the upper bounds where a key field is a range."""

    values: tuple[int, ...]
    masks: tuple[int, ...]
    priority: int
    """P4Runtime's sense: larger wins; 0 where the table has none."""
    call: Call


@dataclass(frozen=True, slots=True)
class NextByAction:
    """The node after each of the table's actions, in their order; None ends the pipeline."""

    nodes: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class NextByHit:
    hit: str | None
    miss: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ActionProfile:
    """Members: actions with their arguments, which entries of several tables may share.

    With a selector, an entry may lead to a group of them, of which a hash of the packet
    chooses one.
    """

    name: str
    size: int
    selector: Calculation | None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    name: str
    key: tuple[KeyField, ...]
    actions: tuple[Action, ...]
    size: int
    default: Call | None
    """None where there is an action profile: what a miss does the control plane knows."""
    const_default: bool
    entries: tuple[Entry, ...] | None
    """None: the control plane writes them."""
    has_counter: bool
    meter: DirectMeter | None
    support_timeout: bool
    next: NextByAction | NextByHit
    next_without_action: str | None
    """Where nothing was found and there is no default action; or a group was empty."""
    profile: ActionProfile | None
    source: str

    @property
    def key_bytes(self) -> int:
        return sum(each.bytes for each in self.key)

    @property
    def synthetic(self) -> bool:
        """p4c's wrapping of statements outside any table: no key, one fixed action,
        nothing that a control plane can see or change."""
        return (
            self.name.startswith("tbl_")
            and not self.key
            and self.const_default
            and len(self.actions) == 1
        )


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    name: str
    condition: Bool
    yes: str | None
    no: str | None
    where: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ActionCall:
    name: str
    action: Action
    next: str | None
    source: str


Node: TypeAlias = Table | Conditional | ActionCall


@dataclass(frozen=True, slots=True, eq=False)
class Pipeline:
    name: str
    start: str | None
    nodes: dict[str, Node]

    @property
    def tables(self) -> list[Table]:
        return [node for node in self.nodes.values() if isinstance(node, Table)]
