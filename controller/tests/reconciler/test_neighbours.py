# SPDX-License-Identifier: Apache-2.0
"""Requests for a source's address are answered as scapy understands it; nothing else is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from fakes.examples import GROUP, SOURCE, SWITCH, member
from fakes.switch import FakeSession, FakeSwitch
from fakes.waiting import until
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from hectograph import wire
from hectograph.core import edits
from hectograph.core.state import State
from hectograph.drivers.base import PacketIn
from hectograph.reconciler.neighbours import Neighbours, answer

OURS = bytes.fromhex("020000000001")
OURS_TEXT = "02:00:00:00:00:01"
CLIENT = "02:00:00:01:00:07"
ALL = "ff:ff:ff:ff:ff:ff"
ARP_REQUEST = Ether(dst=ALL, src=CLIENT) / ARP(
    op=1, hwsrc=CLIENT, psrc="203.0.113.7", pdst="198.51.100.1"
)
SOLICITATION = (
    Ether(dst="33:33:ff:00:00:01", src=CLIENT)
    / IPv6(src="2001:db8:1::7", dst="ff02::1:ff00:1", hlim=255)
    / ICMPv6ND_NS(tgt="2001:db8::1")
    / ICMPv6NDOptSrcLLAddr(lladdr=CLIENT)
)


def mac_of(address: IPv4Address | IPv6Address) -> bytes | None:
    return OURS if address in (SOURCE.ipv4, SOURCE.ipv6) else None


def reply_to(request: Packet) -> Packet:
    reply = answer(bytes(request), mac_of)
    assert reply is not None
    return Ether(reply)


def test_arp() -> None:
    reply = reply_to(ARP_REQUEST)
    assert (reply.dst, reply.src) == (CLIENT, OURS_TEXT)
    assert reply[ARP].op == 2
    assert (reply[ARP].hwsrc, reply[ARP].psrc) == (OURS_TEXT, "198.51.100.1")
    assert (reply[ARP].hwdst, reply[ARP].pdst) == (CLIENT, "203.0.113.7")


def test_arp_padded_to_ethernets_minimum() -> None:
    assert answer(bytes(ARP_REQUEST) + bytes(18), mac_of) == bytes(reply_to(ARP_REQUEST))


def test_arp_with_a_tag_gets_it_back() -> None:
    tagged = Ether(dst=ALL, src=CLIENT) / Dot1Q(vlan=100, prio=5) / ARP_REQUEST[ARP]
    reply = reply_to(tagged)
    assert (reply[Dot1Q].vlan, reply[Dot1Q].prio) == (100, 5)
    assert reply[ARP].psrc == "198.51.100.1"


def test_solicitation() -> None:
    reply = reply_to(SOLICITATION)
    assert (reply.dst, reply.src) == (CLIENT, OURS_TEXT)
    assert (reply[IPv6].src, reply[IPv6].dst) == ("2001:db8::1", "2001:db8:1::7")
    assert reply[IPv6].hlim == 255
    advertisement = reply[ICMPv6ND_NA]
    assert (advertisement.R, advertisement.S, advertisement.O) == (0, 1, 1)
    assert advertisement.tgt == "2001:db8::1"
    assert reply[ICMPv6NDOptDstLLAddr].lladdr == OURS_TEXT


def test_advertisements_checksum_is_scapys() -> None:
    reply = reply_to(SOLICITATION)
    sent = reply[ICMPv6ND_NA].cksum
    del reply[ICMPv6ND_NA].cksum
    assert Ether(bytes(reply))[ICMPv6ND_NA].cksum == sent


def test_duplicate_address_detection_is_told_everyone() -> None:
    request = SOLICITATION.copy()
    request[IPv6].src = "::"
    request[ICMPv6ND_NS].remove_payload()
    reply = reply_to(request)
    assert (reply.dst, reply[IPv6].dst) == ("33:33:00:00:00:01", "ff02::1")
    assert reply[ICMPv6ND_NA].S == 0


def changed(packet: Packet, change: Callable[[Packet], object]) -> bytes:
    packet = packet.copy()
    change(packet)
    return bytes(packet)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(ARP_REQUEST)[:-1],
        bytes(SOLICITATION)[:60],
        changed(ARP_REQUEST, lambda p: setattr(p[ARP], "pdst", "198.51.100.2")),
        changed(ARP_REQUEST, lambda p: setattr(p[ARP], "op", 2)),
        changed(ARP_REQUEST, lambda p: setattr(p[ARP], "hwtype", 6)),
        changed(SOLICITATION, lambda p: setattr(p[ICMPv6ND_NS], "tgt", "2001:db8::2")),
        changed(SOLICITATION, lambda p: setattr(p[IPv6], "hlim", 254)),
        changed(SOLICITATION, lambda p: setattr(p[ICMPv6ND_NS], "cksum", 1)),
        changed(SOLICITATION, lambda p: setattr(p[ICMPv6ND_NS], "code", 1)),
        changed(SOLICITATION, lambda p: setattr(p[ICMPv6ND_NS], "type", 133)),
    ],
)
def test_everything_else_is_left_alone(frame: bytes) -> None:
    assert answer(frame, mac_of) is None


@given(st.binary(max_size=120))
def test_garbage_after_a_good_beginning(garbage: bytes) -> None:
    """No input makes it raise, and none makes an answer longer than a valid request's."""
    for start in (b"", bytes(ARP_REQUEST)[:20], bytes(SOLICITATION)[:54]):
        reply = answer(start + garbage, mac_of)
        assert reply is None or len(reply) <= 90


async def test_packets_are_answered_out_of_their_port_and_counted() -> None:
    state = State()
    other = replace(SOURCE, ipv4=IPv4Address("198.51.100.9"), mac="02:00:00:00:00:09")
    for edit in (
        lambda: edits.put_switch(state, SWITCH),
        lambda: edits.put_group(state, GROUP),
        lambda: edits.put_member(state, replace(member(1), source=other)),
    ):
        state.apply(edit())
    override = changed(ARP_REQUEST, lambda p: setattr(p[ARP], "pdst", "198.51.100.9"))
    switch = FakeSwitch()
    switch.packets_lost = 5
    for port, reason, frame in (
        (3, wire.PUNT_ARP, bytes(ARP_REQUEST)),
        (4, wire.PUNT_NEIGHBOUR_DISCOVERY, bytes(SOLICITATION)),
        (5, wire.PUNT_ARP, override),
        (6, wire.PUNT_UNKNOWN, b"who knows"),
    ):
        switch.packets.put_nowait(PacketIn(port, reason, frame))

    neighbours = Neighbours(state, "s1")
    serving = asyncio.create_task(neighbours.serve(FakeSession(switch)))
    await until(lambda: sum(neighbours.counters.punted.values()) == 4)
    serving.cancel()

    assert [port for port, _ in switch.sent] == [3, 4, 5]
    assert Ether(switch.sent[2][1]).src == "02:00:00:00:00:09"
    counters = neighbours.counters
    assert counters.punted == {"arp": 2, "neighbour_discovery": 1, "unknown": 1}
    assert (counters.answered, counters.ignored, counters.lost) == (3, 1, 5)
