# SPDX-License-Identifier: Apache-2.0
"""The whole UDP and TCP checksums as the pipeline computes them, against scapy's."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet
from scapy.utils import checksum as scapy_checksum

from hectograph.core.checksum import (
    TCP_DATA_OFFSET,
    TCP_PROTOCOL,
    UDP_PROTOCOL,
    ones_complement_sum,
    tcp_member_sum,
    udp_member_sum,
)

UDP_HEADER_BYTES = 8
TCP_HEADER_BYTES = 20
PORTS = st.integers(0, 0xFFFF)
NUMBERS = st.integers(0, 0xFFFFFFFF)
FLAGS = st.integers(0, 0xFF)
PAYLOADS = st.binary(min_size=1, max_size=64)


def pipeline_checksum(constant: int, payload_sum: int, length: int) -> int:
    """p4/v1model/checksum.p4, step by step."""
    total = constant + payload_sum + length + length
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF


def pipeline_tcp_checksum(
    constant: int, payload_sum: int, length: int, seq_no: int, flags: int
) -> int:
    """Likewise."""
    total = constant + payload_sum + (seq_no >> 16) + (seq_no & 0xFFFF) + flags + length
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def oracle(packet: Packet, protocol: type[Packet] = UDP) -> int:
    return int(type(packet)(bytes(packet))[protocol].chksum)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS, PAYLOADS)
def test_ipv4(
    source: IPv4Address, destination: IPv4Address, sport: int, dport: int, payload: bytes
) -> None:
    packet = IP(src=str(source), dst=str(destination)) / UDP(sport=sport, dport=dport) / payload
    constant = udp_member_sum(source, destination, sport, dport)
    length = len(payload) + UDP_HEADER_BYTES
    assert pipeline_checksum(constant, ones_complement_sum(payload), length) == oracle(packet)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), PORTS, PORTS, PAYLOADS)
def test_ipv6(
    source: IPv6Address, destination: IPv6Address, sport: int, dport: int, payload: bytes
) -> None:
    packet = IPv6(src=str(source), dst=str(destination)) / UDP(sport=sport, dport=dport) / payload
    constant = udp_member_sum(source, destination, sport, dport)
    length = len(payload) + UDP_HEADER_BYTES
    assert pipeline_checksum(constant, ones_complement_sum(payload), length) == oracle(packet)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS, PAYLOADS)
def test_both_zeros_of_a_payload_are_the_same(
    source: IPv4Address, destination: IPv4Address, sport: int, dport: int, payload: bytes
) -> None:
    constant = udp_member_sum(source, destination, sport, dport)
    length = len(payload) + UDP_HEADER_BYTES
    assert pipeline_checksum(constant, 0, length) == pipeline_checksum(constant, 0xFFFF, length)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), PORTS, PORTS, PAYLOADS)
def test_computed_zero_is_sent_as_ones(
    source: IPv6Address, destination: IPv6Address, sport: int, dport: int, payload: bytes
) -> None:
    """Two bytes more make the sum of everything 0xFFFF, whose inverse is 0."""
    payload += bytes(len(payload) % 2)
    length = len(payload) + 2 + UDP_HEADER_BYTES
    constant = udp_member_sum(source, destination, sport, dport)
    words = b"".join(n.to_bytes(2) for n in (constant, length, length))
    missing = 0xFFFF - ones_complement_sum(words + payload)
    payload += missing.to_bytes(2)
    packet = IPv6(src=str(source), dst=str(destination)) / UDP(sport=sport, dport=dport) / payload
    computed = pipeline_checksum(constant, ones_complement_sum(payload), length)
    assert computed == 0xFFFF
    assert computed == oracle(packet)


@given(
    addresses=st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4))
    | st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6)),
    ports=st.tuples(PORTS, PORTS),
    numbers=st.tuples(NUMBERS, NUMBERS),
    flags=FLAGS,
    window=PORTS,
    payload=PAYLOADS
    | st.integers(1, 64).map(bytes)
    | st.integers(1, 64).map(lambda n: b"\xff" * n),
)
def test_tcp(
    addresses: tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address],
    ports: tuple[int, int],
    numbers: tuple[int, int],
    flags: int,
    window: int,
    payload: bytes,
) -> None:
    source, destination = map(str, addresses)
    seq_no, ack_no = numbers
    ip = (IP if addresses[0].version == 4 else IPv6)(src=source, dst=destination)
    segment = TCP(
        sport=ports[0], dport=ports[1], seq=seq_no, ack=ack_no, flags=flags, window=window
    )
    constant = tcp_member_sum(*addresses, *ports, ack_no, window)
    length = len(payload) + TCP_HEADER_BYTES
    expected = oracle(ip / segment / payload, TCP)
    total = ones_complement_sum(payload)
    assert pipeline_tcp_checksum(constant, total, length, seq_no, flags) == expected
    if total in (0, 0xFFFF):
        other = pipeline_tcp_checksum(constant, 0xFFFF - total, length, seq_no, flags)
        assert other == expected


@given(st.tuples(*[st.integers(0xFFF0, 0xFFFF) | PORTS] * 5), FLAGS)
def test_two_folds_end_tcps_carries(words: tuple[int, int, int, int, int], flags: int) -> None:
    constant, payload_sum, length, high, low = words
    expected = sum(words) + flags
    computed = pipeline_tcp_checksum(constant, payload_sum, length, high << 16 | low, flags)
    assert (0xFFFF - computed) % 0xFFFF == expected % 0xFFFF


@given(st.binary(max_size=100))
def test_sum_is_rfc_1071s(data: bytes) -> None:
    assert 0xFFFF - ones_complement_sum(data) == scapy_checksum(data)


def test_sum_of_nothing_but_zeros_is_zero() -> None:
    assert ones_complement_sum(bytes(6)) == 0
    assert ones_complement_sum(b"\xff\xff") == 0xFFFF


def test_a_members_sum_is_never_the_other_zero() -> None:
    nowhere = IPv4Address(0)
    assert udp_member_sum(nowhere, nowhere, 0xFFFF - UDP_PROTOCOL, 0) == 0xFFFF
    rest = TCP_PROTOCOL + TCP_DATA_OFFSET
    assert tcp_member_sum(nowhere, nowhere, 0xFFFF - rest, 0, 0, 0) == 0xFFFF
