# SPDX-License-Identifier: Apache-2.0
"""What the reconciler needs of a connection to a switch."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from hectograph.core.entities import Change, Tables
from hectograph.core.model import Switch
from hectograph.core.status import CounterValue


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the switch did not make one change."""

    reason: str
    stale: bool
    """The entry was not what we believed (there already, or gone): read again."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    refusals: Sequence[Refusal | None]
    """One for each change, in their order; None where it was made."""
    requests: int
    bytes: int
    """Of the encoded requests."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Every counter of the pipeline."""

    ingress_drops: Mapping[int, CounterValue]
    egress_drops: Mapping[int, CounterValue]
    trees: Mapping[int, CounterValue]
    """By pipeline group."""
    members: Mapping[tuple[int, int], CounterValue]
    """By pipeline group and instance."""


@dataclass(frozen=True, slots=True)
class PacketIn:
    ingress_port: int
    reason: int
    frame: bytes


class Session(Protocol):
    """A connection on which arbitration has begun. Every call raises Unavailable when
    the switch cannot be reached or takes another controller for primary."""

    @property
    def is_primary(self) -> bool: ...

    async def changed(self) -> None:
        """Return when primacy changes; raise Unavailable when the connection is lost."""
        ...

    async def ensure_pipeline(self) -> bool:
        """Set the forwarding pipeline if it is absent or another; True when it was set."""
        ...

    async def read(self) -> Tables:
        """What stands on the switch."""
        ...

    async def write(self, changes: Sequence[Change]) -> WriteResult:
        """Make these changes, in any order; those that fail do not stop the others."""
        ...

    async def read_counters(self) -> Readings: ...

    def packets(self) -> AsyncIterator[PacketIn]:
        """What the pipeline hands to the controller; one reader."""
        ...

    async def send(self, port: int, frame: bytes) -> None:
        """Packet-out."""
        ...


Driver = Callable[[Switch], AbstractAsyncContextManager[Session]]
"""Connects to a switch, and disconnects."""
