# SPDX-License-Identifier: Apache-2.0
"""Contents and flows of stateless TCP, as a pusher tells of them."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from hectograph.pusher import pusher_pb2 as pb


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


_CONTENT_PHASES = {
    pb.Content.PREPARING: ContentPhase.PREPARING,
    pb.Content.READY: ContentPhase.READY,
    pb.Content.DRAINING: ContentPhase.DRAINING,
    pb.Content.WITHDRAWN: ContentPhase.WITHDRAWN,
}
_FLOW_PHASES = {
    pb.Flow.REQUEST: FlowPhase.REQUEST,
    pb.Flow.RESPONSE: FlowPhase.RESPONSE,
    pb.Flow.CLOSING: FlowPhase.CLOSING,
}


def content_message(spec: ContentSpec) -> pb.ContentSpec:
    return pb.ContentSpec(
        id=spec.id, path=spec.path, type=spec.type, etag=spec.etag, modified=spec.modified
    )


def content_of(message: pb.Content) -> ContentState:
    spec = message.spec
    return ContentState(
        spec=ContentSpec(spec.id, spec.path, spec.etag, spec.type, spec.modified),
        phase=_CONTENT_PHASES[message.state],
        file_bytes=message.file_bytes,
        response_bytes=message.response_bytes,
        prepared_bytes=message.prepared_bytes,
        flows=message.flows,
        error=message.error,
    )


def _address(packed: bytes) -> IPv4Address | IPv6Address:
    address = IPv6Address(packed)
    return address.ipv4_mapped or address


def flow_of(message: pb.Flow) -> FlowState:
    return FlowState(
        client=_address(message.client_address),
        client_port=message.client_port,
        service=_address(message.service_address),
        service_port=message.service_port,
        content=message.content,
        phase=_FLOW_PHASES[message.state],
        port=message.port,
        acked=message.acked,
        sent=message.sent,
        length=message.length,
        window=message.window,
        congestion_window=message.congestion_window,
        rtt_seconds=message.rtt_microseconds / 1e6,
        recovering=message.recovering,
    )


def flow_counters_of(message: pb.FlowCounters) -> FlowCounters:
    return FlowCounters(
        flows=message.flows,
        contents=message.contents,
        by_name={counter.name: counter.value for counter in message.counters},
    )
