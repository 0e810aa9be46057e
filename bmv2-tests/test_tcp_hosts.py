# SPDX-License-Identifier: Apache-2.0
"""Which host a flow's packets go to, and ICMP errors about what it sent."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import finsy as fy
import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from hectograph.core.flows import flow_bucket
from packetlab.lab import HOST_PORT, assert_frames
from packetlab.site import BUCKETS, LENGTH, Site, counted
from packetlab.tcp import CURRENT, ICMP_ERROR, Client, constants, ipv4_client, ipv6_client

IPV4, IPV6 = ipv4_client(), ipv6_client()
LOW = constants(7, 2, 1)
PORTS = (HOST_PORT, 3, 4)
MACS = {port: f"02:00:00:00:00:{port:02x}" for port in PORTS}


def bucket(client: Client) -> int:
    """Of the client's address and port alone, so that it needs neither secret nor memory."""
    return flow_bucket(client.address, client.port)


def host_of(index: int) -> int:
    return PORTS[index % len(PORTS)]


@pytest.fixture
def hosts(site: Site) -> Site:
    """Three hosts share the buckets."""
    for index in range(BUCKETS):
        write_bucket(site, index, host_of(index))
    return site


def write_bucket(site: Site, index: int, port: int) -> None:
    action = fy.P4TableAction("to_host", port=port, host_mac=MACS[port])
    site.lab.control.modify(fy.P4TableEntry("service_host", match=bucket_key(index), action=action))


def bucket_key(index: int) -> fy.P4TableMatch:
    return fy.P4TableMatch(host_set=3, bucket=index)


FLOWS = [
    *(replace(IPV4, port=port) for port in (*range(40000, 40032), 1, 80, 443, 1024, 65535)),
    *(replace(IPV6, port=port) for port in range(50000, 50032)),
    *(replace(IPV6, address=IPv6Address("2001:db8::") + n * 0x11) for n in range(16)),
    *(replace(IPV4, address=IPv4Address("203.0.113.0") + n) for n in range(16)),
]


def test_every_flow_has_a_host(hosts: Site) -> None:
    assert {bucket(client) for client in FLOWS} == set(range(BUCKETS))
    expected: dict[int, list[bytes]] = {}
    frames: list[bytes] = []
    for client in FLOWS:
        number = client.first(hosts.secrets.current, LOW)
        frame = client.segment("A", ack=number)
        port = host_of(bucket(client))
        pull = hosts.pull(client, frame, number, CURRENT, mac=MACS[port])
        expected.setdefault(port, []).append(pull)
        frames.append(frame)
    with counted(hosts.lab):
        assert_frames(hosts.lab.exchange(2, frames), expected)


def test_what_a_flow_sends_next_goes_to_the_same(hosts: Site) -> None:
    number = IPV4.first(hosts.secrets.current, LOW)
    port = host_of(bucket(IPV4))
    for position, flags in ((0, "A"), (0, "PA"), (1280, "A"), (LENGTH, "FA"), (0, "RA")):
        frame = IPV4.segment(flags, ack=number + position)
        pull = hosts.pull(IPV4, frame, number + position, CURRENT, mac=MACS[port])
        hosts.pulled(IPV4, frame, pull, port)


def test_a_host_that_died_is_replaced(hosts: Site) -> None:
    index = bucket(IPV4)
    number = IPV4.first(hosts.secrets.current, LOW)
    frame = IPV4.segment("A", ack=number)
    for port in PORTS:
        write_bucket(hosts, index, port)
        pull = hosts.pull(IPV4, frame, number, CURRENT, mac=MACS[port])
        hosts.pulled(IPV4, frame, pull, port)


def test_no_host(site: Site) -> None:
    entry = fy.P4TableEntry("service_host", match=bucket_key(bucket(IPV4)))
    site.lab.control.delete(entry)
    number = IPV4.first(site.secrets.current, LOW)
    for flags, position in (("A", 0), ("A", 128), ("RA", 128)):
        site.dropped(IPV4, IPV4.segment(flags, ack=number + position), "no_host")
    site.dropped(IPV4, too_big(IPV4, number), "no_host")
    # What needs none is answered all the same.
    assert IPV4.switch_port in site.exchange(IPV4, IPV4.segment("S"))


def test_a_content_of_other_hosts(site: Site) -> None:
    client = replace(IPV6, service_port=81)
    site.serve(client, host_set=4)
    ack = client.first(site.secrets.current, LOW)
    site.dropped(client, client.segment("A", ack=ack), "no_host")


def segment_of(client: Client, seq: int, size: int = 1460) -> Packet:
    """What the service sent to the client and a router found too big."""
    ends = {"sport": client.service_port, "dport": client.port}
    tcp = TCP(**ends, seq=seq % (1 << 32), ack=77, flags="A") / Raw(bytes(size))
    if client.address.version == 4:
        return IP(src=str(client.service_address), dst=str(client.address), flags="DF") / tcp
    return IPv6(src=str(client.service_address), dst=str(client.address)) / tcp


def too_big(client: Client, seq: int, quoted: int = 500) -> bytes:
    """From a router in between, with the beginning of the segment."""
    ethernet = Ether(src=client.mac, dst=client.service_mac)
    beginning = Raw(bytes(segment_of(client, seq))[:quoted])
    if client.address.version == 4:
        router = IP(src="198.51.100.1", dst=str(client.service_address))
        return bytes(ethernet / router / ICMP(type=3, code=4, nexthopmtu=1400) / beginning)
    router = IPv6(src="2001:db8:1::1", dst=str(client.service_address))
    return bytes(ethernet / router / ICMPv6PacketTooBig(mtu=1400) / beginning)


@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("position", [0, 1280, LENGTH])
def test_packet_too_big_reaches_the_flows_host(hosts: Site, client: Client, position: int) -> None:
    number = (client.first(hosts.secrets.current, LOW) + position) % (1 << 32)
    frame = too_big(client, number)
    port = host_of(bucket(client))
    pull = hosts.pull(client, frame, number, ICMP_ERROR, mac=MACS[port])
    hosts.pulled(client, frame, pull, port)


@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_eight_bytes_of_the_segment_are_enough(site: Site, client: Client) -> None:
    """RFC 792: no more need be quoted; less is malformed."""
    number = client.first(site.secrets.current, LOW)
    enough = (20 if client.address.version == 4 else 40) + 8
    frame = too_big(client, number, enough)
    site.pulled(client, frame, site.pull(client, frame, number, ICMP_ERROR))
    site.dropped(client, too_big(client, number, enough - 1), "malformed")


def test_under_the_previous_secret(site: Site) -> None:
    number = IPV6.first(site.secrets.previous, LOW) + 128
    frame = too_big(IPV6, number)
    site.pulled(IPV6, frame, site.pull(IPV6, frame, number, ICMP_ERROR))


@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("position", [-128, LENGTH + 128, 1 << 31])
def test_about_what_was_never_sent(site: Site, client: Client, position: int) -> None:
    """RFC 5927: who cannot have seen a segment cannot say that it was too big."""
    number = client.first(site.secrets.current, LOW) + position
    site.dropped(client, too_big(client, number), "icmp")


OTHER_ERRORS = {
    "unreachable": IP(dst="192.0.2.80") / ICMP(type=3, code=1) / segment_of(IPV4, 0, 64),
    "unreachable, ipv6": IPv6(dst="2001:db8:c::1") / ICMPv6DestUnreach() / segment_of(IPV6, 0, 64),
    "about another service": IP(dst="192.0.2.80")
    / ICMP(type=3, code=4)
    / segment_of(replace(IPV4, service_port=81), 0, 64),
    "about another protocol": IP(dst="192.0.2.80")
    / ICMP(type=3, code=4)
    / IP(src="192.0.2.80", proto=17)
    / Raw(bytes(40)),
}


@pytest.mark.parametrize("error", OTHER_ERRORS.values(), ids=OTHER_ERRORS)
def test_other_errors_are_the_controllers(site: Site, error: Packet) -> None:
    frame = bytes(Ether(src=IPV4.mac, dst=IPV4.service_mac) / error)
    with counted(site.lab):
        assert_frames(site.lab.exchange(2, [frame]), {})
    assert site.lab.control.packet_in().payload == frame


def test_a_service_counts_its_packets(site: Site) -> None:
    table = fy.P4TableEntry(
        "service", match=fy.P4TableMatch(address=0xFFFF << 32 | int(IPV4.service_address), port=80)
    )
    before, _ = site.lab.control.direct_counter(table)
    frames = [IPV4.segment("S"), IPV4.segment("A"), IPV4.segment("R"), IPV6.segment("S")]
    site.exchange(IPV4, *frames)
    after, _ = site.lab.control.direct_counter(table)
    assert after - before == 3
