# SPDX-License-Identifier: Apache-2.0
"""Actions, and what they count in."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hectograph.switch.compiler.ir.calculations import Bits, Calculation
from hectograph.switch.compiler.ir.expressions import (
    Bool,
    Data,
    FieldValue,
    HeaderRef,
    Lvalue,
    Validity,
)
from hectograph.switch.compiler.ir.headers import Stack


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
class Register:
    name: str
    size: int
    bits: int


@dataclass(frozen=True, slots=True, eq=False)
class DirectMeter:
    name: str
    in_bytes: bool
    target: FieldValue


DigestElement: TypeAlias = FieldValue | Validity | Bits


@dataclass(frozen=True, slots=True, eq=False)
class Digest:
    """What one call of digest() sends; calls that send the same type share its name."""

    name: str
    elements: tuple[DigestElement, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    target: Lvalue
    value: Data


@dataclass(frozen=True, slots=True)
class AssignVarbit:
    target: Lvalue
    source: Lvalue


@dataclass(frozen=True, slots=True)
class CopyHeaders:
    """A header, or one after the other those of a union."""

    targets: tuple[HeaderRef, ...]
    sources: tuple[HeaderRef, ...]


NOTHING = CopyHeaders((), ())
"""What is done to a field of bit<0>."""


@dataclass(frozen=True, slots=True)
class CopyStack:
    target: Stack
    source: Stack


@dataclass(frozen=True, slots=True)
class Push:
    """Every element moves so far towards the end; those that the first were are not valid."""

    stack: Stack
    count: int


@dataclass(frozen=True, slots=True)
class Pop:
    """The other way round."""

    stack: Stack
    count: int


@dataclass(frozen=True, slots=True)
class AddHeader:
    header: HeaderRef


@dataclass(frozen=True, slots=True)
class RemoveHeader:
    header: HeaderRef


@dataclass(frozen=True, slots=True)
class MarkToDrop:
    """What says so is in v1model's standard metadata, or in a copy of it."""

    egress_spec: FieldValue
    mcast_grp: FieldValue | None


@dataclass(frozen=True, slots=True)
class Count:
    counter: Counter
    index: Data


@dataclass(frozen=True, slots=True)
class ExecuteMeter:
    meter: Meter
    index: Data
    target: Lvalue


@dataclass(frozen=True, slots=True)
class ReadRegister:
    target: Lvalue
    register: Register
    index: Data


@dataclass(frozen=True, slots=True)
class WriteRegister:
    register: Register
    index: Data
    value: Data


@dataclass(frozen=True, slots=True)
class Hash:
    """The target becomes base + the hash modulo `size`; a size of 0 is as good as 1."""

    target: Lvalue
    base: Data
    calculation: Calculation
    size: Data


@dataclass(frozen=True, slots=True)
class SendDigest:
    digest: Digest


@dataclass(frozen=True, slots=True)
class FieldList:
    """What a clone, or a packet that goes again, keeps of its metadata."""

    number: int
    fields: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class Clone:
    """At the end of the pipeline that it stands in: ingress clones what was received."""

    pipeline: Literal["ingress", "egress"]
    session: Data
    fields: FieldList | None


@dataclass(frozen=True, slots=True)
class Resubmit:
    """At the end of ingress, the packet as it was received."""

    fields: FieldList


@dataclass(frozen=True, slots=True)
class Recirculate:
    """At the end of egress, the packet as it would have left."""

    fields: FieldList


@dataclass(frozen=True, slots=True)
class Truncate:
    """The most that is to leave of the packet; of several, the least."""

    length: Data


@dataclass(frozen=True, slots=True)
class Random:
    """From `low` to `high`, if that is not below it."""

    target: Lvalue
    low: Data
    high: Data


@dataclass(frozen=True, slots=True)
class Assert:
    """A packet for which it does not hold is dropped."""

    condition: Data


@dataclass(frozen=True, slots=True)
class LogMessage:
    """`{}` stands for a value."""

    text: str
    values: tuple[Data, ...]


@dataclass(frozen=True, slots=True)
class Exit:
    """No further node of the pipeline runs; the rest of this action does."""


@dataclass(frozen=True, slots=True)
class Jump:
    """To the statement with that number; with a condition, only if it fails."""

    target: int
    unless: Bool | None


Statement: TypeAlias = (
    Assign
    | AssignVarbit
    | CopyHeaders
    | CopyStack
    | Push
    | Pop
    | AddHeader
    | RemoveHeader
    | MarkToDrop
    | Count
    | ExecuteMeter
    | ReadRegister
    | WriteRegister
    | Hash
    | SendDigest
    | Clone
    | Resubmit
    | Recirculate
    | Truncate
    | Random
    | Assert
    | LogMessage
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
    widths: tuple[int, ...]
    """Of its parameters in the JSON, where those of bit<0> are, too."""


@dataclass(frozen=True, slots=True)
class Call:
    """An action with its arguments."""

    action: Action
    arguments: tuple[int, ...]
