# SPDX-License-Identifier: Apache-2.0
"""One push in, the next segment of every TCP member's own stream out."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether

from packetlab.frames import (
    Member,
    TcpMember,
    ipv4_member,
    ipv6_member,
    payload_sum,
    payload_with_sum,
    push_frame,
    tcp_member,
)
from packetlab.lab import CLIENT_PORTS, HOST_PORT, Lab, assert_frames
from test_properties import members as udp_members
from test_properties import payloads

GROUP, TREE = 65535, 7
"""Cohorts' groups are beyond what BMv2 has of trees."""
PAYLOAD = bytes(range(128))
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
IPV4, IPV6 = tcp_member(ipv4_member(2, 1)), tcp_member(ipv6_member(3, 2))
BOTH = (IPV4, IPV6)
LAST = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    members: tuple[Member, ...] = BOTH
    payload: bytes = PAYLOAD
    offset: int = 0
    flags: int = ACK
    padding: bytes = b""
    sum_in_push: int | None = None
    """Where it is not what push_frame() writes."""


def at(base: int) -> tuple[TcpMember, ...]:
    return tuple(replace(member, sequence_base=base) for member in BOTH)


def payload_for_checksum_zero(member: TcpMember) -> bytes:
    """One whose TCP checksum is 0, which TCP sends as it is."""
    probe = Ether(member.replica(bytes(2), flags=ACK))[TCP].chksum
    return probe.to_bytes(2)


CASES = [
    Case("ipv4", (IPV4,)),
    Case("ipv6", (IPV6,)),
    Case("ipv4 and ipv6"),
    Case("vlan", (replace(IPV4, vlan=42), replace(IPV6, vlan=4094, priority=7))),
    Case("udp and tcp", (IPV4, ipv4_member(2, 7), IPV6, ipv6_member(3, 8))),
    Case("udp and tcp, FIN", (ipv6_member(2, 3), IPV4), flags=FIN | ACK),
    Case("same port twice", (IPV4, replace(IPV4, instance=9, sequence_base=1))),
    Case("back to the host's own port", (replace(IPV4, port=HOST_PORT),)),
    Case("largest instance", (replace(IPV4, instance=65535), replace(IPV6, instance=65534))),
    Case("push", flags=PSH | ACK),
    Case("last segment", flags=FIN | PSH | ACK),
    Case("no flag", flags=0),
    Case("every flag", flags=0xFF),
    Case("first byte", at(0)),
    Case("base is the last number", at(LAST)),
    Case("wraps before its first byte", at(LAST), offset=1),
    Case("wraps within it", at(LAST), offset=-64),
    Case("low half carries", at(0x0000FFFF), offset=1),
    Case("high half all ones", at(0xFFFF0000), offset=0xFFFF),
    Case("largest offset", offset=LAST),
    Case("2 GiB", offset=(1 << 31) - 128),
    Case("acknowledges 0", tuple(replace(m, ack_no=0, window=0) for m in BOTH)),
    Case("acknowledges the last", tuple(replace(m, ack_no=LAST, window=65535) for m in BOTH)),
    Case(
        "ports and addresses",
        (
            replace(IPV4, src_port=65535, dst_port=1, dst_addr=IPv4Address("255.255.255.254")),
            replace(IPV6, src_port=1, dst_port=65535, src_addr=IPv6Address("ffff::ffff")),
        ),
    ),
    Case("largest in ipv4", (IPV4,), bytes(range(146)) * 10),
    Case("largest in ipv6", payload=bytes(range(240)) * 6),
    Case("largest with a tag", (replace(IPV4, vlan=5),), bytes(range(146)) * 10),
    Case("jumbo", (replace(IPV4, port=4), replace(IPV6, port=4)), payload=bytes(range(128)) * 69),
    Case("payload of zeros", payload=bytes(64)),
    Case("payload of ones", payload=b"\xff" * 64),
    Case("payload of ones, odd", payload=b"\xff" * 63),
    Case("sum 0x0000", payload=bytes(64), sum_in_push=0x0000),
    Case("sum 0xFFFF for zeros", payload=bytes(64), sum_in_push=0xFFFF),
    Case("sum 0xFFFF", payload=payload_with_sum(0xFFFF, 64), sum_in_push=0xFFFF),
    Case("sum 0x0000 for 0xFFFF", payload=payload_with_sum(0, 64), sum_in_push=0),
    Case("checksum 0 in ipv4", (IPV4,), payload_for_checksum_zero(IPV4)),
    Case("checksum 0 in ipv6", (IPV6,), payload_for_checksum_zero(IPV6)),
    Case("padded to the minimum", payload=b"short", padding=b"\xa5" * 25),
]


def expected(
    members: tuple[Member, ...], payload: bytes, padding: bytes = b"", *, offset: int, flags: int
) -> dict[int, list[bytes]]:
    frames: dict[int, list[bytes]] = {}
    for member in members:
        replica = member.replica(payload, padding, offset=offset, flags=flags)
        frames.setdefault(member.port, []).append(replica)
    return frames


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_member_gets_its_segment(lab: Lab, case: Case) -> None:
    lab.control.add_group(GROUP, case.members, tree=TREE)
    total = payload_sum(case.payload) if case.sum_in_push is None else case.sum_in_push
    offset = case.offset % (1 << 32)
    frame = push_frame(GROUP, case.payload, payload_sum=total, offset=offset, tcp_flags=case.flags)
    received = lab.exchange(HOST_PORT, [frame + case.padding])
    assert_frames(
        received,
        expected(case.members, case.payload, case.padding, offset=offset, flags=case.flags),
    )


def test_the_checksum_cases_are_what_they_say() -> None:
    for member in BOTH:
        replica = Ether(member.replica(payload_for_checksum_zero(member), flags=ACK))
        assert replica[TCP].chksum == 0


def test_every_length(lab: Lab) -> None:
    """Odd and even, from one byte on: an odd last byte is a high byte."""
    lab.control.add_group(GROUP, BOTH, tree=TREE)
    lengths = [*range(1, 70), 255, 256, 257, 1407, 1408, 1439, 1440]
    frames = [push_frame(GROUP, pattern(size), offset=size, tcp_flags=ACK) for size in lengths]
    received = lab.exchange(HOST_PORT, frames)
    assert received == {
        member.port: [member.replica(pattern(n), offset=n, flags=ACK) for n in lengths]
        for member in BOTH
    }


def pattern(size: int) -> bytes:
    return bytes(at * 7 % 251 + 1 for at in range(size))


def test_a_download_segment_by_segment(lab: Lab) -> None:
    """In order, over the sequence number's end, with FIN on the last."""
    members = at(LAST - 3000)
    lab.control.add_group(GROUP, members, tree=TREE)
    pushes = [(number * 1408, ACK) for number in range(7)] + [(7 * 1408, FIN | PSH | ACK)]
    load = pattern(1408)
    frames = [push_frame(GROUP, load, offset=offset, tcp_flags=flags) for offset, flags in pushes]
    assert lab.exchange(HOST_PORT, frames) == {
        member.port: [member.replica(load, offset=offset, flags=flags) for offset, flags in pushes]
        for member in members
    }


def test_a_member_is_counted(lab: Lab) -> None:
    lab.control.add_group(GROUP, BOTH, tree=TREE)
    lab.push(GROUP, PAYLOAD, PAYLOAD)
    for member in BOTH:
        assert lab.control.member_counter(GROUP, member) == (2, 2 * len(push_frame(GROUP, PAYLOAD)))


def test_pushes_to_different_members_leave_nothing_behind(lab: Lab) -> None:
    """UDP after TCP after UDP: no header or sum of the push before."""
    slots = (ipv4_member(2), IPV4, tcp_member(ipv6_member(2)))
    for number, member in enumerate(slots, start=1):
        lab.control.add_group(number, [member])
    order = (1, 2, 3, 1, 2)
    frames = [push_frame(number, PAYLOAD, tcp_flags=ACK) for number in order]
    assert lab.exchange(HOST_PORT, frames) == {
        2: [slots[number - 1].replica(PAYLOAD, flags=ACK) for number in order]
    }


numbers = st.sampled_from((0, 0xFFFF, 0x10000, LAST)) | st.integers(0, LAST)


def by_tcp(member: Member, sequence_base: int, ack_no: int, window: int) -> Member:
    return tcp_member(
        member, hop_limit=64, sequence_base=sequence_base, ack_no=ack_no, window=window
    )


def of_tcp(members: st.SearchStrategy[Member]) -> st.SearchStrategy[Member]:
    return st.builds(by_tcp, members, numbers, numbers, st.integers(0, 65535))


some_udp = udp_members(IPv4Address, 32) | udp_members(IPv6Address, 128)
groups = st.lists(
    of_tcp(some_udp) | of_tcp(some_udp) | some_udp,
    min_size=1,
    max_size=6,
    unique_by=lambda member: member.instance,
)
pushes = st.tuples(payloads, numbers, st.integers(0, 255))


@settings(
    max_examples=settings().max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(group=groups, batch=st.lists(pushes, min_size=1, max_size=8))
def test_segments_are_what_scapy_builds(
    lab: Lab, group: list[Member], batch: list[tuple[bytes, int, int]]
) -> None:
    lab.prepare()
    lab.control.add_group(GROUP, group, tree=TREE)
    batch = [(payload[: 1500 - 60], offset, flags) for payload, offset, flags in batch]
    received = lab.exchange(
        HOST_PORT,
        [
            push_frame(GROUP, payload, offset=offset, tcp_flags=flags)
            for payload, offset, flags in batch
        ],
    )
    together: dict[int, list[bytes]] = {port: [] for port in CLIENT_PORTS}
    for payload, offset, flags in batch:
        for port, frames in expected(tuple(group), payload, offset=offset, flags=flags).items():
            together[port] += frames
    assert_frames(received, {port: frames for port, frames in together.items() if frames})
