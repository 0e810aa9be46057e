# SPDX-License-Identifier: Apache-2.0
"""What a pusher is told of contents, and what it tells of them and of their flows."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class ContentSpec:
    """What a pusher answers with; the same on every host that serves it."""

    id: int
    """The service table's `content`; not 0."""
    path: str
    etag: str
    """What identifies the bytes: their SHA-256, say; without quotes."""
    type: str = ""
    """Media type; empty: application/octet-stream."""
    modified: int = 0
    """Unix time of Last-Modified; 0: the file's."""


class ContentPhase(StrEnum):
    PREPARING = "preparing"
    READY = "ready"
    DRAINING = "draining"
    """Removed; its last downloads finish."""
    WITHDRAWN = "withdrawn"
    """Its file changed, vanished or could not be read; `error` says which."""


@dataclass(frozen=True, slots=True)
class ContentState:
    spec: ContentSpec
    phase: ContentPhase
    file_bytes: int
    response_bytes: int
    """The service table's `response_length`."""
    prepared_bytes: int
    """Of the response."""
    flows: int
    error: str


class FlowPhase(StrEnum):
    REQUEST = "request"
    RESPONSE = "response"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class FlowState:
    client: IPv4Address | IPv6Address
    client_port: int
    service: IPv4Address | IPv6Address
    service_port: int
    content: int
    phase: FlowPhase
    port: int
    """The switch's, where the client is."""
    acked: int
    sent: int
    length: int
    """Of the response; 0 while the request is not there."""
    window: int
    congestion_window: int
    rtt_seconds: float
    recovering: bool


@dataclass(frozen=True, slots=True)
class FlowCounters:
    flows: int
    contents: int
    by_name: dict[str, int]
    """What each counts: host/tcp/counters.h."""


@dataclass(frozen=True, slots=True)
class HostedFlow:
    host: str
    flow: FlowState
    content: str | None = None
    """Its content's name; None: one that is not in the desired state."""
