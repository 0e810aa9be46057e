# SPDX-License-Identifier: Apache-2.0
"""Contents and flows (core/contents.py) in the host protocol's messages."""

from ipaddress import IPv4Address, IPv6Address

from hectograph.core.contents import (
    ContentPhase,
    ContentSpec,
    ContentState,
    FlowCounters,
    FlowPhase,
    FlowState,
)
from hectograph.pusher import pusher_pb2 as pb

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
