# SPDX-License-Identifier: Apache-2.0
"""A BMv2 program as the code generator sees it: checked, resolved, immutable.

The front end makes these from the JSON and has by then refused whatever the
generator cannot do; names are the JSON's own. Objects that have a name are
compared by identity, expressions by value.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

# ---- headers ----------------------------------------------------------------


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


# ---- expressions: integers of any size, and truth values --------------------


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

# ---- what a program keeps between packets -----------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    name: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Meter:
    name: str
    size: int
    in_bytes: bool


@dataclass(frozen=True, slots=True, eq=False)
class DirectMeter:
    name: str
    in_bytes: bool
    target: FieldValue


# ---- actions ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    target: FieldValue
    value: Data


@dataclass(frozen=True, slots=True)
class CopyHeader:
    target: Header
    source: Header


@dataclass(frozen=True, slots=True)
class AddHeader:
    header: Header


@dataclass(frozen=True, slots=True)
class RemoveHeader:
    header: Header


@dataclass(frozen=True, slots=True)
class MarkToDrop:
    pass


@dataclass(frozen=True, slots=True)
class Count:
    counter: Counter
    index: Data


@dataclass(frozen=True, slots=True)
class ExecuteMeter:
    meter: Meter
    index: Data
    target: FieldValue


@dataclass(frozen=True, slots=True)
class Exit:
    """No further node of the pipeline runs; the rest of this action does."""


@dataclass(frozen=True, slots=True)
class Jump:
    """To the statement with that number, which comes later; with a condition, only if it fails."""

    target: int
    unless: Bool | None


Statement: TypeAlias = (
    Assign
    | CopyHeader
    | AddHeader
    | RemoveHeader
    | MarkToDrop
    | Count
    | ExecuteMeter
    | Exit
    | Jump
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement, and its place in the JSON for errors."""

    statement: Statement
    where: str


@dataclass(frozen=True, slots=True)
class ActionParameter:
    name: str
    bits: int


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    name: str
    parameters: tuple[ActionParameter, ...]
    body: tuple[Placed, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Call:
    """An action with its arguments."""

    action: Action
    arguments: tuple[int, ...]


# ---- parser -----------------------------------------------------------------


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


# ---- tables and control flow ------------------------------------------------


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
class Table:
    name: str
    key: tuple[KeyField, ...]
    actions: tuple[Action, ...]
    size: int
    default: Call
    const_default: bool
    entries: tuple[Entry, ...] | None
    """None: the control plane writes them."""
    has_counter: bool
    meter: DirectMeter | None
    next: NextByAction | NextByHit
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


# ---- checksums --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bits:
    """A constant in a checksum's input."""

    value: int
    bits: int


@dataclass(frozen=True, slots=True, eq=False)
class Checksum:
    """RFC 1071's checksum over the inputs, put together without padding between them."""

    name: str
    target: FieldValue
    inputs: tuple[FieldValue | Bits, ...]
    condition: Bool
    update: bool
    verify: bool
    where: str


# ---- the whole --------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    headers: tuple[Header, ...]
    errors: dict[str, int]
    parser: Parser
    ingress: Pipeline
    egress: Pipeline
    deparser: tuple[Header, ...]
    checksums: tuple[Checksum, ...]
    counters: tuple[Counter, ...]
    meters: tuple[Meter, ...]
    name: str = field(default="")
    """Of the P4 source."""
