# SPDX-License-Identifier: Apache-2.0
"""The whole UDP checksum as the pipeline computes it, against scapy's."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet
from scapy.utils import checksum as scapy_checksum

from hectograph.core.checksum import member_sum, ones_complement_sum

UDP_HEADER_BYTES = 8
PORTS = st.integers(0, 0xFFFF)
PAYLOADS = st.binary(min_size=1, max_size=64)


def pipeline_checksum(constant: int, payload_sum: int, length: int) -> int:
    """p4/v1model/checksum.p4, step by step."""
    total = constant + payload_sum + length + length
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF


def oracle(packet: Packet) -> int:
    return int(type(packet)(bytes(packet))[UDP].chksum)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS, PAYLOADS)
def test_ipv4(
    source: IPv4Address, destination: IPv4Address, sport: int, dport: int, payload: bytes
) -> None:
    packet = IP(src=str(source), dst=str(destination)) / UDP(sport=sport, dport=dport) / payload
    constant = member_sum(source, destination, sport, dport)
    length = len(payload) + UDP_HEADER_BYTES
    assert pipeline_checksum(constant, ones_complement_sum(payload), length) == oracle(packet)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), PORTS, PORTS, PAYLOADS)
def test_ipv6(
    source: IPv6Address, destination: IPv6Address, sport: int, dport: int, payload: bytes
) -> None:
    packet = IPv6(src=str(source), dst=str(destination)) / UDP(sport=sport, dport=dport) / payload
    constant = member_sum(source, destination, sport, dport)
    length = len(payload) + UDP_HEADER_BYTES
    assert pipeline_checksum(constant, ones_complement_sum(payload), length) == oracle(packet)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS, PAYLOADS)
def test_both_zeros_of_a_payload_are_the_same(
    source: IPv4Address, destination: IPv4Address, sport: int, dport: int, payload: bytes
) -> None:
    constant = member_sum(source, destination, sport, dport)
    length = len(payload) + UDP_HEADER_BYTES
    assert pipeline_checksum(constant, 0, length) == pipeline_checksum(constant, 0xFFFF, length)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), PORTS, PORTS, PAYLOADS)
def test_computed_zero_is_sent_as_ones(
    source: IPv6Address, destination: IPv6Address, sport: int, dport: int, payload: bytes
) -> None:
    """Two bytes more make the sum of everything 0xFFFF, whose inverse is 0."""
    payload += bytes(len(payload) % 2)
    length = len(payload) + 2 + UDP_HEADER_BYTES
    constant = member_sum(source, destination, sport, dport)
    words = b"".join(n.to_bytes(2) for n in (constant, length, length))
    missing = 0xFFFF - ones_complement_sum(words + payload)
    payload += missing.to_bytes(2)
    packet = IPv6(src=str(source), dst=str(destination)) / UDP(sport=sport, dport=dport) / payload
    computed = pipeline_checksum(constant, ones_complement_sum(payload), length)
    assert computed == 0xFFFF
    assert computed == oracle(packet)


@given(st.binary(max_size=100))
def test_sum_is_rfc_1071s(data: bytes) -> None:
    assert 0xFFFF - ones_complement_sum(data) == scapy_checksum(data)


def test_sum_of_nothing_but_zeros_is_zero() -> None:
    assert ones_complement_sum(bytes(6)) == 0
    assert ones_complement_sum(b"\xff\xff") == 0xFFFF
