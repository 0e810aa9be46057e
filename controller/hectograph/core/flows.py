# SPDX-License-Identifier: Apache-2.0
"""Flows of stateless TCP: as one pusher tells of them, and as another takes them over."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

BUCKETS = 16
"""Of each host set, in table service_host."""


class FlowPhase(StrEnum):
    REQUEST = "request"
    RESPONSE = "response"
    CLOSING = "closing"


class FlowAnswer(StrEnum):
    CONTENT = "content"
    HEAD = "head"
    NOT_MODIFIED = "not-modified"
    BAD_REQUEST = "bad-request"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    NOT_FOUND = "not-found"


def flow_bucket(client: IPv4Address | IPv6Address, port: int) -> int:
    """Of `service_host`, as the pipeline finds it (p4/shared/pull.p4): which host answers."""
    number = int(client) ^ port
    return (number ^ number >> 4) & 15


@dataclass(frozen=True, slots=True)
class FlowKey:
    client: IPv4Address | IPv6Address
    client_port: int
    service: IPv4Address | IPv6Address
    service_port: int

    @property
    def bucket(self) -> int:
        return flow_bucket(self.client, self.client_port)


@dataclass(frozen=True, slots=True)
class FlowState:
    """One of which only the handshake was seen has the defaults."""

    key: FlowKey
    content: int
    port: int
    """The switch's, where the client is."""
    client_mac: str
    service_mac: str
    secret: int
    """The number of the one that the SYN was answered under."""
    constants: int
    """Of the sequence numbers."""
    acknowledgement: int
    """The client's next byte."""
    vlan_tci: int = 0
    phase: FlowPhase = FlowPhase.REQUEST
    acked: int = 0
    """Position, bytes."""
    sent: int = 0
    length: int = 0
    """Of the response; 0 while the request is not there."""
    answer: FlowAnswer = FlowAnswer.CONTENT
    """Once there is a response."""
    client_fin: bool = False
    """The client has closed its side."""
    request: int = 0
    """The pusher's own note of how far it has read the request."""
    window: int = 0
    """The client's, bytes. This and what follows describe it; nobody takes them over."""
    congestion_window: int = 0
    rtt_seconds: float = 0
    recovering: bool = False


@dataclass(frozen=True, slots=True)
class HostLink:
    """What a host's downloads have on the way to the switch (docs/host-link.md)."""

    answers: bool
    """The switch sends marks back; while it does not, nothing is bounded."""
    window: int
    """Frames that may be on the way."""
    outstanding: int
    """Frames that are, for all that is known."""
    round_trip_seconds: float
    """Of the last mark."""
    lowest_round_trip_seconds: float
    """Since the pusher found its interface; 0: not known yet."""
    waiting: int
    """Flows and cohorts that wait for their turn."""


@dataclass(frozen=True, slots=True)
class FlowCounters:
    flows: int
    contents: int
    by_name: dict[str, int]
    """What each counts: host/tcp/counters.h."""
    link: HostLink | None = None
    """None: of a pusher that sends no marks."""


@dataclass(frozen=True, slots=True)
class HostedFlow:
    host: str
    flow: FlowState
    content: str | None = None
    """Its content's name; None: one that is not in the desired state."""
