# SPDX-License-Identifier: Apache-2.0
"""Cohorts, as a pusher tells of them and as it is answered (docs/cohorts.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class CohortSettings:
    """What pushers are given when they are watched."""

    window_seconds: float = 0.005
    """How long a request waits for others; 0: there are no cohorts."""
    patience_seconds: float = 0.1
    """Beyond that, how long it waits for its entry before it goes alone."""
    max_members: int = 0
    """Of one cohort; 0: as many as the pusher can."""


class CohortMember(NamedTuple):
    """A client that shall get a cohort's pushes: they come by the thousand."""

    instance: int
    """Its place in the cohort, never used again in it."""
    client: IPv4Address | IPv6Address
    client_port: int
    service: IPv4Address | IPv6Address
    service_port: int
    client_mac: int
    service_mac: int
    vlan_tci: int
    port: int
    """The switch's."""
    sequence_base: int
    """Of the response's first byte."""
    acknowledgement: int
    """The client's next byte."""


class LeftReason(StrEnum):
    """Why a member left; the words are pusher.proto's."""

    LONE = "lone"
    LATE = "late"
    ALL_SENT = "all-sent"
    BEHIND = "behind"
    SILENT = "silent"
    RESET = "reset"
    CLOSED = "closed"
    PATH = "path"
    DISSOLVED = "dissolved"


@dataclass(frozen=True, slots=True)
class CohortLeft:
    instance: int
    reason: LeftReason


@dataclass(frozen=True, slots=True)
class CohortEvent:
    """What changed of one cohort, in this order."""

    cohort: int
    """The pusher's number of it."""
    content: int
    joined: tuple[CohortMember, ...] = ()
    left: tuple[CohortLeft, ...] = ()
    ended: bool = False
    groups: tuple[int, ...] = ()
    """What it pushes to already: the first event of one that ran before it was watched."""
    entered: bool = False
    """Those in `joined` have their entries already: likewise."""


@dataclass(frozen=True, slots=True)
class CohortEntry:
    """The answer: which entries stand, and which groups lead to them."""

    cohort: int
    groups: tuple[int, ...]
    """All of the cohort's; none: it is dissolved."""
    entered: tuple[int, ...] = ()
    """Instances."""
    refused: tuple[int, ...] = ()


class CohortPhase(StrEnum):
    FORMING = "forming"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class CohortState:
    cohort: int
    content: int
    phase: CohortPhase
    members: int
    groups: tuple[int, ...]
    length: int
    """Of the response."""
    sent: int
    """Position."""
    acked: int
    """What every member has."""
    segment_bytes: int
    congestion_window: int
    rtt_seconds: float
    age_seconds: float
    """Since its first request."""
    pushes: int
    """Frames to groups."""
    payload_bytes: int
    """In those, once for each group."""
    repairs: int
    """Flow pushes that filled members' holes."""
    repair_bytes: int
    group_repairs: int
    """Of `pushes`: what many had lost."""
    joined_late: int
    """Members that came while it ran."""
    left: Mapping[LeftReason, int] = field(default_factory=dict[LeftReason, int])
    """How many, by reason."""

    @property
    def is_running(self) -> bool:
        return self.phase is CohortPhase.RUNNING


@dataclass(frozen=True, slots=True)
class CohortMemberState:
    instance: int
    client: IPv4Address | IPv6Address
    client_port: int
    entered: bool
    acked: int
    """Position."""
    window: int
    """Bytes."""
    repair_bytes: int
