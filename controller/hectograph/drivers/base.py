# SPDX-License-Identifier: Apache-2.0
"""What the reconcilers need of a connection to a switch, and of one to a pusher."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hectograph.core.cohorts import (
    CohortEntry,
    CohortEvent,
    CohortMemberState,
    CohortSettings,
    CohortState,
)
from hectograph.core.contents import ContentSpec, ContentState, FileIdentity
from hectograph.core.entities import Change, Tables
from hectograph.core.flows import FlowCounters, FlowKey, FlowState
from hectograph.core.model import Host, Switch
from hectograph.core.status import CounterValue, PusherCounters
from hectograph.core.streams import PushSpec, PushState

MAX_UPDATES = 256
"""In one write request, unless it is said otherwise: a few milliseconds of a switch's time."""


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
    contents: Mapping[int, CounterValue]
    """What clients sent to each content, by its number."""


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

    async def write(self, changes: Sequence[Change], *, at_once: int = MAX_UPDATES) -> WriteResult:
        """Make these changes, in any order; those that fail do not stop the others. So many
        in one request: other writes and reads come between two requests, not into one."""
        ...

    async def read_counters(self) -> Readings:
        """All of them; of many members that is much."""
        ...

    async def read_pushes(self) -> Mapping[int, CounterValue]:
        """The trees' alone, by pipeline group."""
        ...

    def packets(self) -> AsyncIterator[PacketIn]:
        """What the pipeline hands to the controller; one reader."""
        ...

    @property
    def packets_lost(self) -> int:
        """Those that the reader was too slow for."""
        ...

    def handshakes(self) -> AsyncIterator[FlowState]:
        """Flows of clients that have completed their handshake, of many only a sample; one
        reader."""
        ...

    async def send(self, port: int, frame: bytes) -> None:
        """Packet-out."""
        ...


Driver = Callable[[Switch], AbstractAsyncContextManager[Session]]
"""Connects to a switch, and disconnects."""


@dataclass(frozen=True, slots=True)
class PusherHello:
    version: str
    interface: str
    mtu: int
    """Of the interface, bytes; 0 while there is no such interface."""
    mac: int | None
    """Of the interface; None while there is no such interface."""
    pid: int
    started_at: datetime


class PusherSession(Protocol):
    """A connection to a pusher. Every call raises Unavailable when it is lost, and
    another HectographError with the pusher's own words when it refuses."""

    async def hello(self) -> PusherHello: ...

    async def list(self) -> Sequence[PushState]:
        """Every stream, those that have ended too."""
        ...

    async def start(self, name: str, spec: PushSpec) -> PushState:
        """One of this name that has ended is replaced."""
        ...

    async def stop(self, name: str) -> PushState:
        """Its last state; it is off the list."""
        ...

    async def counters(self) -> PusherCounters: ...

    async def add_content(
        self, spec: ContentSpec, identity: FileIdentity | None = None
    ) -> ContentState:
        """It prepares from now on; one that is withdrawn is replaced."""
        ...

    async def remove_content(self, content: int, *, reset: bool = False) -> ContentState:
        """Its downloads finish, or are reset."""
        ...

    async def contents(self) -> Sequence[ContentState]: ...

    async def flows(self, limit: int) -> Sequence[FlowState]: ...

    async def adopt_flows(self, flows: Sequence[FlowState]) -> int:
        """Another host's; how many were new to it. LimitExceeded: no room for more."""
        ...

    async def forget_flows(self, keys: Sequence[FlowKey]) -> int:
        """Another host has them; how many it knew."""
        ...

    async def flow_counters(self) -> FlowCounters: ...

    def watch_cohorts(self, settings: CohortSettings) -> AsyncGenerator[CohortEvent, None]:
        """Until the connection is lost (Unavailable), which is for nothing else then: first
        those that run, then what changes. Nobody else watches."""
        ...

    async def enter_cohort(self, entry: CohortEntry) -> None:
        """NotFound: there is no such cohort any more."""
        ...

    async def cohorts(self) -> Sequence[CohortState]: ...

    async def cohort_members(self, cohort: int) -> Sequence[CohortMemberState]:
        """NotFound: there is no such cohort any more."""
        ...


PusherDriver = Callable[[Host], AbstractAsyncContextManager[PusherSession]]
"""Connects to a host's pusher, and disconnects."""
