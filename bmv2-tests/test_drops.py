# SPDX-License-Identifier: Apache-2.0
"""What must not come out, and the one counter that says why."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import Ether

from packetlab.frames import ETHERTYPE_PUSH, HOST_MAC, Member, ipv4_member, padded, push_frame
from packetlab.lab import CLIENT_PORTS, HOST_PORT, Lab, assert_frames

GROUP, UNKNOWN_GROUP, TREELESS_GROUP = 7, 8, 9
MEMBER = ipv4_member(2, 1)
EMPTY_SLOT = ipv4_member(3, 2)
PAYLOAD = bytes(range(100))
GOOD = push_frame(GROUP, PAYLOAD)
SHORT = push_frame(GROUP, b"short")


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    reason: str
    frame: bytes
    port: int = HOST_PORT
    out: tuple[Member, ...] = ()
    """Who gets it all the same."""


def changed(**fields: int) -> bytes:
    return push_frame(GROUP, PAYLOAD, **fields)


CASES = [
    *(Case(f"from client port {port}", "push_from_client", GOOD, port) for port in CLIENT_PORTS),
    *(Case(f"version {number}", "push_version", changed(version=number)) for number in (0, 2, 15)),
    Case("kind pull", "push_kind", changed(kind=3)),
    Case("kind 0", "push_kind", changed(kind=0)),
    Case("kind echo", "push_kind", changed(kind=6)),
    Case("kind 15", "push_kind", changed(kind=15)),
    Case("no payload", "push_empty", push_frame(GROUP, b"")),
    Case("no payload, padded", "push_empty", padded(push_frame(GROUP, b""))),
    Case("length says 0", "push_empty", changed(payload_length=0)),
    Case("length one less", "push_length", changed(payload_length=len(PAYLOAD) - 1)),
    Case("length one more", "push_length", changed(payload_length=len(PAYLOAD) + 1)),
    Case("length 65535", "push_length", changed(payload_length=0xFFFF)),
    Case("a byte behind the payload", "push_length", GOOD + b"\0"),
    Case("longer than padding goes", "push_length", SHORT.ljust(61, b"\0")),
    Case(
        "short frame, length one more", "push_length", push_frame(GROUP, b"short", payload_length=6)
    ),
    Case("unknown group", "unknown_group", push_frame(UNKNOWN_GROUP, PAYLOAD)),
    Case("group 0", "unknown_group", push_frame(0, PAYLOAD)),
    Case("group 65535", "unknown_group", push_frame(0xFFFF, PAYLOAD)),
    Case("empty slot", "empty_slot", GOOD, out=(MEMBER,)),
]


@pytest.fixture
def switch(lab: Lab) -> Lab:
    lab.control.add_group(GROUP, [MEMBER])
    return lab


@contextmanager
def counted(lab: Lab, **expected: int) -> Generator[None]:
    """Exactly these reasons' counters rise by exactly that."""
    before = lab.control.drops()
    yield
    assert lab.control.drops() - before == Counter(expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dropped_and_counted(lab: Lab, case: Case) -> None:
    empty = [EMPTY_SLOT] if case.reason == "empty_slot" else []
    lab.control.add_group(GROUP, [MEMBER], empty)
    with counted(lab, **{case.reason: 1}):
        out = {member.port: [member.replica(PAYLOAD)] for member in case.out}
        assert_frames(lab.exchange(case.port, [case.frame]), out)


def test_a_good_push_is_no_drop(switch: Lab) -> None:
    with counted(switch):
        assert_frames(switch.exchange(HOST_PORT, [GOOD]), {2: [MEMBER.replica(PAYLOAD)]})


def test_truncated_after_every_byte(switch: Lab) -> None:
    """No header or not all of it: malformed. All of it, but less payload than it says: length."""
    header = len(push_frame(GROUP, b""))
    frames = [GOOD[:size] for size in range(14, len(GOOD))]
    malformed = sum(len(frame) < header for frame in frames)
    with counted(switch, malformed=malformed, push_length=len(frames) - malformed):
        assert_frames(switch.exchange(HOST_PORT, frames), {})


def test_truncated_ipv6_is_malformed(switch: Lab) -> None:
    """IPv6 is looked into as far as the ICMPv6 type."""
    whole = bytes(Ether(dst="33:33:00:00:00:01") / IPv6(dst="ff02::1") / ICMPv6ND_NS())
    frames = [whole[:size] for size in range(14, 14 + 40 + 4)]
    with counted(switch, malformed=len(frames)):
        assert_frames(switch.exchange(CLIENT_PORTS[0], frames), {})


def test_a_group_without_a_tree_reaches_nobody(lab: Lab) -> None:
    lab.control.add_group_without_tree(TREELESS_GROUP)
    assert_frames(lab.push(TREELESS_GROUP, PAYLOAD), {})


def test_a_tree_that_names_a_port_that_is_not_there(lab: Lab) -> None:
    lab.control.add_group(GROUP, [MEMBER, ipv4_member(77, 2)])
    assert_frames(lab.push(GROUP, PAYLOAD), {2: [MEMBER.replica(PAYLOAD)]})


def test_a_tagged_push_is_no_push(switch: Lab) -> None:
    """Hosts push untagged; what is behind a tag is a client's and goes to the controller."""
    tagged = GOOD[:12] + b"\x81\x00\x00\x01" + GOOD[12:]
    with counted(switch):
        assert_frames(switch.exchange(HOST_PORT, [tagged]), {})
    assert switch.control.packet_in().payload == tagged


def test_garbage_behind_the_ethertype(switch: Lab) -> None:
    """Every byte value as the whole of a push header: nothing comes out, each counted once."""
    ethernet = bytes(Ether(src=HOST_MAC, dst=HOST_MAC, type=ETHERTYPE_PUSH))
    frames = [ethernet + bytes([value]) * 46 for value in range(256)]
    before = switch.control.drops()
    assert_frames(switch.exchange(HOST_PORT, frames), {})
    assert switch.control.drops().total() - before.total() == len(frames)
