# SPDX-License-Identifier: Apache-2.0
"""A content's addresses are the switch's: ARP, neighbour solicitation, ping."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw
from scapy.utils import checksum

from packetlab.lab import CLIENT_PORTS, HOST_PORT, assert_frames
from packetlab.site import Site, counted
from packetlab.tcp import CLIENT_MAC, SERVICE_MAC, ipv4_client, ipv6_client

IPV4, IPV6 = ipv4_client(), ipv6_client()
CLIENT4, SERVICE4 = str(IPV4.address), str(IPV4.service_address)
CLIENT6, SERVICE6 = str(IPV6.address), str(IPV6.service_address)
EVERYONE = "ff:ff:ff:ff:ff:ff"
SOLICITED_MAC, SOLICITED = "33:33:ff:00:00:01", "ff02::1:ff00:1"
LINK_LOCAL = "fe80::9"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    asked: Packet
    answer: Packet


def arp(**fields: str | int) -> Packet:
    known = {"hwsrc": CLIENT_MAC, "psrc": CLIENT4, "pdst": SERVICE4}
    return ARP(**(known | fields))


def arp_answer(mac: str = CLIENT_MAC, address: str = CLIENT4) -> Packet:
    return ARP(op=2, hwsrc=SERVICE_MAC, psrc=SERVICE4, hwdst=mac, pdst=address)


def solicitation(source: str = CLIENT6, destination: str = SOLICITED, **ip: int) -> Packet:
    return IPv6(src=source, dst=destination, **({"hlim": 255} | ip)) / ICMPv6ND_NS(tgt=SERVICE6)


def advertisement(destination: str = CLIENT6) -> Packet:
    start = IPv6(src=SERVICE6, dst=destination, hlim=255)
    said = ICMPv6ND_NA(tgt=SERVICE6, R=0, S=1, O=1)
    return start / said / ICMPv6NDOptDstLLAddr(lladdr=SERVICE_MAC)


OPTION = ICMPv6NDOptSrcLLAddr(lladdr=CLIENT_MAC)
TO_EVERYONE = Ether(src=CLIENT_MAC, dst=EVERYONE)
TO_SOLICITED = Ether(src=CLIENT_MAC, dst=SOLICITED_MAC)
TO_SERVICE = Ether(src=CLIENT_MAC, dst=SERVICE_MAC)
BACK = Ether(src=SERVICE_MAC, dst=CLIENT_MAC)


def echo(version: int, payload: bytes, **fields: int) -> Case:
    """As ping sends it, and with a checksum that scapy computes on both sides."""
    numbers = {"id": 0xBEEF, "seq": 7} | fields
    data = Raw(payload)
    if version == 4:
        asked = IP(src=CLIENT4, dst=SERVICE4, ttl=33, id=99) / ICMP(type=8, **numbers) / data
        answer = IP(src=SERVICE4, dst=CLIENT4, ttl=64, id=99) / ICMP(type=0, **numbers) / data
    else:
        asked = IPv6(src=CLIENT6, dst=SERVICE6, hlim=33) / ICMPv6EchoRequest(**numbers) / data
        answer = IPv6(src=SERVICE6, dst=CLIENT6, hlim=64) / ICMPv6EchoReply(**numbers) / data
    return Case(f"ping of {len(payload)} bytes, ipv{version}", TO_SERVICE / asked, BACK / answer)


CASES = [
    Case("arp", TO_EVERYONE / arp(), BACK / arp_answer()),
    Case("arp to us alone", TO_SERVICE / arp(hwdst=SERVICE_MAC), BACK / arp_answer()),
    Case("arp, padded", TO_EVERYONE / arp() / Padding(bytes(18)), BACK / arp_answer() / bytes(18)),
    Case("arp, tagged", TO_EVERYONE / Dot1Q(vlan=7) / arp(), BACK / Dot1Q(vlan=7) / arp_answer()),
    # RFC 5227: who wants our address hears that it is taken.
    Case("arp probe", TO_EVERYONE / arp(psrc="0.0.0.0"), BACK / arp_answer(address="0.0.0.0")),
    Case(
        "solicitation",
        TO_SOLICITED / solicitation() / OPTION,
        BACK / advertisement() / Padding(bytes(OPTION)),
    ),
    Case("solicitation without option", TO_SOLICITED / solicitation(), BACK / advertisement()),
    Case(
        "solicitation from a link-local address",
        TO_SOLICITED / solicitation(LINK_LOCAL),
        BACK / advertisement(LINK_LOCAL),
    ),
    Case(
        "is it still there",
        TO_SERVICE / solicitation(destination=SERVICE6),
        BACK / advertisement(),
    ),
    Case(
        "solicitation, tagged",
        TO_SOLICITED / Dot1Q(vlan=9, prio=2) / solicitation(),
        BACK / Dot1Q(vlan=9, prio=2) / advertisement(),
    ),
    *(echo(version, bytes(size)) for version in (4, 6) for size in (0, 1, 56, 1400)),
    *(echo(version, b"\xff" * 57) for version in (4, 6)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("port", [CLIENT_PORTS[0], CLIENT_PORTS[-1], HOST_PORT])
def test_answered(site: Site, case: Case, port: int) -> None:
    with counted(site.lab):
        received = site.lab.exchange(port, [bytes(case.asked)])
    assert_frames(received, {port: [bytes(case.answer)]})


@pytest.mark.parametrize("version", [4, 6])
def test_every_carry_of_the_checksum(site: Site, version: int) -> None:
    """The answer's is computed from the request's: each high byte of it, and both zeros."""
    cases = [echo(version, b"", seq=seq) for seq in [*range(0, 1 << 16, 256), *near_zero(version)]]
    for at in range(0, len(cases), 64):
        some = cases[at : at + 64]
        received = site.lab.exchange(2, [bytes(case.asked) for case in some])
        assert list(map(valid, received[2])) == [True] * len(some)
        assert [frame[:36] for frame in received[2]] == [bytes(case.answer)[:36] for case in some]


def near_zero(version: int) -> list[int]:
    """Sequence numbers around those that make the request's checksum 0."""
    plain = Ether(bytes(echo(version, b"", seq=0).asked))
    layer = ICMP if version == 4 else ICMPv6EchoRequest
    sum_of_zero = plain[layer].chksum if version == 4 else plain[layer].cksum
    return [(sum_of_zero + change) & 0xFFFF for change in range(-3, 4)]


def valid(frame: bytes) -> bool:
    """As a receiver checks it: everything with the checksum adds up to all ones."""
    packet = Ether(frame)
    if IP in packet:
        return checksum(bytes(packet[IP].payload)) == 0
    message = bytes(packet[IPv6].payload)
    source, destination = (
        IPv6Address(packet[IPv6].src).packed,
        IPv6Address(packet[IPv6].dst).packed,
    )
    pseudo = source + destination + len(message).to_bytes(4) + bytes(3) + b"\x3a"
    return checksum(pseudo + message) == 0


@dataclass(frozen=True, slots=True)
class Other:
    name: str
    frame: Packet


OTHERS = [
    Other("arp reply", TO_SERVICE / arp(op=2)),
    Other("arp for another", TO_EVERYONE / arp(pdst="192.0.2.81")),
    Other("arp of another hardware", TO_EVERYONE / arp(hwtype=6)),
    Other("arp of another protocol", TO_EVERYONE / arp(ptype=0x86DD)),
    Other("whether our address is free", TO_SOLICITED / solicitation("::")),
    Other("solicitation from beyond the link", TO_SOLICITED / solicitation(hlim=254)),
    Other("advertisement", TO_SERVICE / advertisement(SERVICE6)),
    Other("echo reply", TO_SERVICE / IP(src=CLIENT4, dst=SERVICE4) / ICMP(type=0)),
    Other("echo reply, ipv6", TO_SERVICE / IPv6(src=CLIENT6, dst=SERVICE6) / ICMPv6EchoReply()),
    Other("ping of another", TO_SERVICE / IP(src=CLIENT4, dst="192.0.2.81") / ICMP()),
    Other("fragment", TO_SERVICE / IP(src=CLIENT4, dst=SERVICE4, flags="MF") / ICMP()),
    Other("last fragment", TO_SERVICE / IP(src=CLIENT4, dst=SERVICE4, frag=9) / ICMP()),
    Other("udp", TO_SERVICE / IPv6(src=CLIENT6, dst=SERVICE6) / UDP(dport=80) / b"query"),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.name)
def test_left_to_the_controller(site: Site, other: Other) -> None:
    frame = bytes(other.frame)
    with counted(site.lab):
        assert_frames(site.lab.exchange(2, [frame]), {})
    assert site.lab.control.packet_in().payload.hex() == frame.hex()


def test_addresses_that_are_nobodys_any_more(site: Site) -> None:
    """Only what the controller says is ours is answered for."""
    site.lab.prepare()
    for case in CASES:
        assert_frames(site.lab.exchange(2, [bytes(case.asked)]), {})
        assert site.lab.control.packet_in().payload == bytes(case.asked)


def test_every_address_has_its_own_mac(site: Site) -> None:
    clients = [
        ipv4_client(service_address=IPv4Address("192.0.2.81")),
        ipv6_client(service_address=IPv6Address("2001:db8:c::2")),
    ]
    for client in clients:
        site.own(client, mac="02:00:00:00:02:77")
    (frame,) = site.lab.exchange(2, [bytes(TO_EVERYONE / arp(pdst="192.0.2.81"))])[2]
    assert (Ether(frame)[ARP].hwsrc, Ether(frame).src) == ("02:00:00:00:02:77",) * 2
    asked = IPv6(src=CLIENT6, dst=SOLICITED) / ICMPv6ND_NS(tgt="2001:db8:c::2")
    (frame,) = site.lab.exchange(2, [bytes(TO_SOLICITED / asked)])[2]
    assert Ether(frame)[ICMPv6NDOptDstLLAddr].lladdr == "02:00:00:00:02:77"
