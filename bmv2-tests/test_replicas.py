# SPDX-License-Identifier: Apache-2.0
"""One push in, one correct packet per member out."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import pytest
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether

from packetlab.frames import (
    Member,
    ipv4_member,
    ipv6_member,
    padded,
    payload_with_sum,
    push_frame,
)
from packetlab.lab import HOST_PORT, Lab, assert_frames

GROUP = 7
PAYLOAD = bytes(range(256))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    members: tuple[Member, ...]
    payload: bytes = PAYLOAD
    padding: bytes = b""
    """What the push carries behind its payload, which every replica then carries, too."""
    fields: tuple[tuple[str, int], ...] = ()
    """Of the push header, where it is not what push_frame() writes."""


def payload_for_checksum_zero(member: Member) -> bytes:
    """One whose UDP checksum computes to 0 and has to be sent as 0xFFFF."""
    probe = Ether(member.replica(bytes(2)))[UDP].chksum
    return probe.to_bytes(2)


IPV4, IPV6 = ipv4_member(2, 1), ipv6_member(3, 2)
BOTH = (IPV4, IPV6)
CASES = [
    Case("ipv4", (IPV4,)),
    Case("ipv6", (IPV6,)),
    Case("ipv4 and ipv6", BOTH),
    Case("vlan", (ipv4_member(2, 1, vlan=42), ipv6_member(3, 2, vlan=4094))),
    Case(
        "vlan priority",
        (ipv4_member(2, 1, vlan=1, priority=7), ipv6_member(3, 2, vlan=1, priority=1)),
    ),
    Case("vlan and untagged on one port", (ipv4_member(2, 1, vlan=9), ipv4_member(2, 2))),
    Case("same port twice", (ipv4_member(2, 1), ipv6_member(2, 2))),
    Case("back to the host's own port", (ipv4_member(HOST_PORT),)),
    Case(
        "source per member",
        (
            ipv4_member(2, 1, src_addr=IPv4Address("192.0.2.1"), src_mac="02:aa:00:00:00:01"),
            ipv4_member(2, 2, src_addr=IPv4Address("192.0.2.2"), src_port=65535),
            ipv6_member(3, 3, src_addr=IPv6Address("2001:db8:ffff::1"), src_port=1),
        ),
    ),
    Case(
        "destination per member",
        (
            ipv4_member(2, 1, dst_addr=IPv4Address("255.255.255.254"), dst_port=65535),
            ipv4_member(2, 2, dst_addr=IPv4Address("224.0.0.1"), dst_mac="01:00:5e:00:00:01"),
            ipv6_member(3, 3, dst_addr=IPv6Address("ff02::1"), dst_mac="33:33:00:00:00:01"),
        ),
    ),
    Case("hop limit", (ipv4_member(2, 1, hop_limit=1), ipv6_member(3, 2, hop_limit=255))),
    Case("largest instance", (ipv4_member(2, 65535), ipv6_member(3, 65534))),
    Case("one byte", BOTH, b"\x80"),
    Case("two bytes", BOTH, b"\x80\x01"),
    Case("odd", BOTH, bytes(range(255))),
    Case("largest in ipv4", (IPV4,), bytes(range(184)) * 8),
    Case("largest in ipv6", BOTH, bytes(range(242)) * 6),
    Case("largest with a tag", (ipv4_member(2, vlan=5),), bytes(range(184)) * 8),
    Case("jumbo", (ipv4_member(4, 1), ipv6_member(4, 2)), bytes(range(256)) * 34),
    Case("payload of zeros", BOTH, bytes(64)),
    Case("payload of ones", BOTH, b"\xff" * 64),
    Case("payload of ones, odd", BOTH, b"\xff" * 63),
    Case("sum 0x0000", BOTH, bytes(64), fields=(("payload_sum", 0x0000),)),
    Case("sum 0xFFFF for zeros", BOTH, bytes(64), fields=(("payload_sum", 0xFFFF),)),
    Case("sum 0xFFFF", BOTH, payload_with_sum(0xFFFF, 64), fields=(("payload_sum", 0xFFFF),)),
    Case("sum 0x0000 for 0xFFFF", BOTH, payload_with_sum(0, 64), fields=(("payload_sum", 0),)),
    Case("checksum 0 in ipv4", (IPV4,), payload_for_checksum_zero(IPV4)),
    Case("checksum 0 in ipv6", (IPV6,), payload_for_checksum_zero(IPV6)),
    Case("padded to the minimum", BOTH, b"short", padding=bytes(25)),
    Case("padding is not zero", BOTH, b"short", padding=b"\xa5" * 25),
    Case("padded, but not to the minimum", BOTH, b"short", padding=bytes(5)),
    Case(
        "content and offset are not looked at", BOTH, fields=(("content", 1 << 31), ("offset", 77))
    ),
    Case("tcp flags are not looked at", BOTH, fields=(("tcp_flags", 0xFF),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_member_gets_its_packet(lab: Lab, case: Case) -> None:
    lab.control.add_group(GROUP, case.members)
    frame = push_frame(GROUP, case.payload, **dict(case.fields)) + case.padding
    expected: dict[int, list[bytes]] = {}
    for member in case.members:
        replica = member.replica(case.payload, case.padding)
        expected.setdefault(member.port, []).append(replica)
    assert_frames(lab.exchange(HOST_PORT, [frame]), expected)


def test_the_checksum_cases_are_what_they_say() -> None:
    """The oracle really computes 0xFFFF there, and both payload sums are what they claim."""
    for member in (IPV4, IPV6):
        assert Ether(member.replica(payload_for_checksum_zero(member)))[UDP].chksum == 0xFFFF
    assert int.from_bytes(payload_with_sum(0xFFFF, 64)) % 0xFFFF == 0


def test_a_member_is_counted(lab: Lab) -> None:
    lab.control.add_group(GROUP, BOTH)
    assert lab.control.member_counter(GROUP, IPV4) == (0, 0)
    lab.push(GROUP, PAYLOAD, PAYLOAD)
    # v1model counts the frame as it came in, push header and all.
    frame = len(push_frame(GROUP, PAYLOAD))
    assert lab.control.member_counter(GROUP, IPV4) == (2, 2 * frame)
    assert lab.control.member_counter(GROUP, IPV6) == (2, 2 * frame)


def test_pushes_come_out_in_order(lab: Lab) -> None:
    lab.control.add_group(GROUP, BOTH)
    payloads = [number.to_bytes(2) * 50 for number in range(30)]
    expected = {member.port: [member.replica(load) for load in payloads] for member in BOTH}
    assert lab.push(GROUP, *payloads) == expected


def test_many_members_on_one_port(lab: Lab) -> None:
    count = lab.limits.copies_per_port
    members = [
        ipv4_member(2, number, dst_addr=IPv4Address(f"10.1.0.{number}"), dst_port=number)
        for number in range(1, count + 1)
    ]
    lab.control.add_group(GROUP, members)
    for payload in (PAYLOAD, b"next"):
        expected = {2: [member.replica(payload) for member in members]}
        assert_frames(lab.push(GROUP, payload), expected)


def test_groups_do_not_mix(lab: Lab) -> None:
    """The same slots in two groups are two members."""
    one, two = ipv4_member(2, dst_port=1), ipv4_member(2, dst_port=2)
    lab.control.add_group(1, [one])
    lab.control.add_group(2, [two])
    assert_frames(lab.push(1, PAYLOAD), {2: [one.replica(PAYLOAD)]})
    assert_frames(lab.push(2, PAYLOAD), {2: [two.replica(PAYLOAD)]})


def test_a_short_push_needs_no_padding(lab: Lab) -> None:
    lab.control.add_group(GROUP, [IPV4])
    frame = push_frame(GROUP, b"x")
    assert_frames(lab.exchange(HOST_PORT, [frame]), {2: [IPV4.replica(b"x")]})
    rest = padded(frame)[len(frame) :]
    assert_frames(lab.exchange(HOST_PORT, [padded(frame)]), {2: [IPV4.replica(b"x", rest)]})


def test_a_link_too_small_for_the_replica_costs_only_its_own(lab: Lab) -> None:
    """1,473 bytes of payload are one too many for a client's link of 1,500."""
    small, large = ipv4_member(2, 1), ipv4_member(4, 2)
    lab.control.add_group(GROUP, [small, large])
    payload = bytes(1473)
    assert_frames(lab.push(GROUP, payload), {4: [large.replica(payload)]})
    assert_frames(
        lab.push(GROUP, b"next"), {2: [small.replica(b"next")], 4: [large.replica(b"next")]}
    )
