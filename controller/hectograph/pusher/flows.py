# SPDX-License-Identifier: Apache-2.0
"""Flows (core/flows.py) in the host protocol's messages."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from hectograph.core.flows import FlowAnswer, FlowCounters, FlowKey, FlowPhase, FlowState, HostLink
from hectograph.errors import InvalidInput
from hectograph.pusher import pusher_pb2 as pb

MAC_BYTES = 6

_PHASES = {
    pb.Flow.REQUEST: FlowPhase.REQUEST,
    pb.Flow.RESPONSE: FlowPhase.RESPONSE,
    pb.Flow.CLOSING: FlowPhase.CLOSING,
}
_STATES = {phase: state for state, phase in _PHASES.items()}
_ANSWERS = {
    pb.Flow.CONTENT: FlowAnswer.CONTENT,
    pb.Flow.HEAD: FlowAnswer.HEAD,
    pb.Flow.NOT_MODIFIED: FlowAnswer.NOT_MODIFIED,
    pb.Flow.BAD_REQUEST: FlowAnswer.BAD_REQUEST,
    pb.Flow.METHOD_NOT_ALLOWED: FlowAnswer.METHOD_NOT_ALLOWED,
    pb.Flow.NOT_FOUND: FlowAnswer.NOT_FOUND,
}
_ANSWER_NUMBERS = {answer: number for number, answer in _ANSWERS.items()}
_IPV4_MAPPED = b"\0" * 10 + b"\xff" * 2


@lru_cache(4096)
def address_of(packed: bytes) -> IPv4Address | IPv6Address:
    if packed.startswith(_IPV4_MAPPED):
        return IPv4Address(packed[len(_IPV4_MAPPED) :])
    return IPv6Address(packed)


def packed_address(address: IPv4Address | IPv6Address) -> bytes:
    return address.packed if address.version == 6 else _IPV4_MAPPED + address.packed


def _packed_mac(mac: str) -> bytes:
    try:
        packed = bytes.fromhex(mac.replace(":", ""))
    except ValueError:
        packed = b""
    if len(packed) != MAC_BYTES:
        raise InvalidInput(f"{mac!r} is no Ethernet address")
    return packed


def key_message(key: FlowKey) -> pb.FlowKey:
    return pb.FlowKey(
        client_address=packed_address(key.client),
        service_address=packed_address(key.service),
        client_port=key.client_port,
        service_port=key.service_port,
    )


def flow_message(flow: FlowState) -> pb.Flow:
    """What another pusher takes over."""
    try:
        return pb.Flow(
            client_address=packed_address(flow.key.client),
            service_address=packed_address(flow.key.service),
            client_port=flow.key.client_port,
            service_port=flow.key.service_port,
            content=flow.content,
            state=_STATES[flow.phase],
            port=flow.port,
            acked=flow.acked,
            sent=flow.sent,
            length=flow.length,
            client_mac=_packed_mac(flow.client_mac),
            service_mac=_packed_mac(flow.service_mac),
            vlan_tci=flow.vlan_tci,
            secret=flow.secret,
            constants=flow.constants,
            acknowledgement=flow.acknowledgement,
            answer=_ANSWER_NUMBERS[flow.answer],
            client_fin=flow.client_fin,
            request=flow.request,
        )
    except ValueError as error:
        raise InvalidInput(f"{flow}: {error}") from error


def flow_of(message: pb.Flow) -> FlowState:
    return FlowState(
        key=FlowKey(
            client=address_of(message.client_address),
            client_port=message.client_port,
            service=address_of(message.service_address),
            service_port=message.service_port,
        ),
        content=message.content,
        port=message.port,
        client_mac=message.client_mac.hex(":"),
        service_mac=message.service_mac.hex(":"),
        secret=message.secret,
        constants=message.constants,
        acknowledgement=message.acknowledgement,
        vlan_tci=message.vlan_tci,
        phase=_PHASES[message.state],
        acked=message.acked,
        sent=message.sent,
        length=message.length,
        answer=_ANSWERS[message.answer],
        client_fin=message.client_fin,
        request=message.request,
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
        link=_link_of(message.link) if message.HasField("link") else None,
    )


def _link_of(message: pb.HostLink) -> HostLink:
    return HostLink(
        answers=message.answers,
        window=message.window,
        outstanding=message.outstanding,
        round_trip_seconds=message.round_trip_microseconds / 1e6,
        lowest_round_trip_seconds=message.lowest_round_trip_microseconds / 1e6,
        waiting=message.waiting,
    )
