# SPDX-License-Identifier: Apache-2.0
"""Packets to the controller, through the meter, and packets from it."""

import time
from collections import Counter
from dataclasses import dataclass

import finsy as fy
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6ND_RS,
    IPv6,
)
from scapy.layers.l2 import ARP, LLC, STP, Dot1Q, Dot3, Ether
from scapy.packet import Packet, Raw

from packetlab.control import PUNTS
from packetlab.frames import push_frame
from packetlab.lab import CLIENT_PORTS, HOST_PORT, Lab, assert_frames

CLIENT_MAC = "02:00:00:00:03:00"
FRAME = Ether(src=CLIENT_MAC, dst="ff:ff:ff:ff:ff:ff")


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    reason: str
    packet: Packet


CASES = [
    Case("arp request", "arp", FRAME / ARP(pdst="10.0.0.1")),
    Case("arp reply", "arp", FRAME / ARP(op=2)),
    Case("router solicitation", "neighbour_discovery", FRAME / IPv6() / ICMPv6ND_RS()),
    Case("router advertisement", "neighbour_discovery", FRAME / IPv6() / ICMPv6ND_RA()),
    Case("neighbour solicitation", "neighbour_discovery", FRAME / IPv6() / ICMPv6ND_NS()),
    Case("neighbour advertisement", "neighbour_discovery", FRAME / IPv6() / ICMPv6ND_NA()),
    Case("redirect", "neighbour_discovery", FRAME / IPv6() / ICMPv6ND_Redirect()),
    Case("echo request", "unknown", FRAME / IPv6() / ICMPv6EchoRequest()),
    Case("type below solicitation", "unknown", FRAME / IPv6(nh=58) / Raw(b"\x84\0\0\0")),
    Case("type above redirect", "unknown", FRAME / IPv6() / ICMPv6MLReport2()),
    Case("ipv6 udp", "unknown", FRAME / IPv6() / UDP(dport=53) / b"query"),
    Case("ipv4 tcp", "unknown", FRAME / IP(dst="10.0.0.1") / TCP(dport=80)),
    Case("802.3", "unknown", Dot3(src=CLIENT_MAC, dst="01:80:c2:00:00:00") / LLC() / STP()),
    Case("tagged arp", "unknown", FRAME / Dot1Q(vlan=5) / ARP()),
    Case("nothing but ethernet", "unknown", Ether(src=CLIENT_MAC, type=0x1234)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("port", [CLIENT_PORTS[0], CLIENT_PORTS[-1]])
def test_punted_as_it_came(lab: Lab, case: Case, port: int) -> None:
    frame = bytes(case.packet)
    before = lab.control.drops()
    assert_frames(lab.exchange(port, [frame]), {})
    packet = lab.control.packet_in()
    assert packet.payload.hex() == frame.hex()
    assert packet.metadata == {"ingress_port": port, "reason": PUNTS[case.reason]}
    assert lab.control.drops() == before


def test_a_host_port_may_ask_too(lab: Lab) -> None:
    frame = bytes(FRAME / ARP())
    assert_frames(lab.exchange(HOST_PORT, [frame]), {})
    assert lab.control.packet_in()["ingress_port"] == HOST_PORT


def test_what_the_meter_marks_red_is_dropped_and_counted(lab: Lab) -> None:
    burst, sent = 3, 20
    config = fy.P4MeterConfig(cir=1, cburst=burst, pir=1, pburst=burst)
    lab.control.set_punt_meter(PUNTS["arp"], config)
    before = lab.control.drops()
    started = time.monotonic()
    lab.exchange(CLIENT_PORTS[0], [bytes(FRAME / ARP())] * sent)
    refilled = int(time.monotonic() - started) + 1
    # Another class has a cell of its own, which tells that all of the first came before it.
    other = bytes(FRAME / IP() / UDP())
    lab.exchange(CLIENT_PORTS[0], [other])
    reasons: list[int] = []
    while PUNTS["unknown"] not in reasons:
        reasons.append(lab.control.packet_in()["reason"])
    passed = reasons.count(PUNTS["arp"])
    assert burst <= passed <= burst + refilled
    assert lab.control.drops() - before == Counter(punt_meter=sent - passed)


@pytest.mark.parametrize("port", [HOST_PORT, *CLIENT_PORTS])
def test_packet_out_leaves_by_its_port_unchanged(lab: Lab, port: int) -> None:
    frame = bytes(FRAME / ARP(op=2, psrc="10.0.0.1"))
    lab.control.packet_out(port, frame)
    assert_frames(wait_for_output(lab, port), {port: [frame]})


def test_packet_out_of_a_push_is_not_replicated(lab: Lab) -> None:
    frame = push_frame(7, b"payload")
    lab.control.packet_out(CLIENT_PORTS[0], frame)
    assert_frames(wait_for_output(lab, CLIENT_PORTS[0]), {CLIENT_PORTS[0]: [frame]})


@pytest.mark.parametrize("port", [0, 510, 511, 512, 513, 65535])
def test_packet_out_to_no_port_is_dropped_and_counted(lab: Lab, port: int) -> None:
    before = lab.control.drops()
    lab.control.packet_out(port, bytes(FRAME / ARP()))
    deadline = time.monotonic() + 5
    while lab.control.drops() == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lab.control.drops() - before == Counter(packet_out_port=1)
    assert_frames(lab.outputs(), {})


def wait_for_output(lab: Lab, port: int) -> dict[int, list[bytes]]:
    """A packet-out takes another way in than a push: ask until it has come out."""
    deadline = time.monotonic() + 5
    while port not in (received := lab.outputs()) and time.monotonic() < deadline:
        pass
    return received
