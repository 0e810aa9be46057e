# SPDX-License-Identifier: Apache-2.0
"""A host's mark comes back to the port that it was sent on, behind what was sent before it."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from scapy.layers.l2 import Ether

from packetlab.frames import HOST_MAC, ipv4_member, padded, push_frame
from packetlab.lab import CLIENT_PORTS, HOST_PORT, Lab, assert_frames
from packetlab.tcp import Flow

MARK, ECHO = 5, 6
GROUP = 7
MEMBER = ipv4_member(2, 1)
SESSION, NUMBER = 0x89ABCDEF, 0xFFFFFFFF


def mark(payload: bytes = b"", group: int = 0, **fields: int) -> bytes:
    fields = {"kind": MARK, "content": SESSION, "offset": NUMBER} | fields
    return push_frame(group, payload, **fields)


def echo_of(frame: bytes) -> bytes:
    """As it came, but for its kind and the addresses, which change places."""
    return frame[6:12] + frame[:6] + frame[12:14] + bytes([1 << 4 | ECHO]) + frame[15:]


@contextmanager
def counted(lab: Lab, **expected: int) -> Generator[None]:
    before = lab.control.drops()
    yield
    assert lab.control.drops() - before == Counter(expected)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    frame: bytes


RETURNED = [
    Case("as pushers send it", mark()),
    Case("padded", padded(mark())),
    Case("with a payload", mark(b"and more", group=GROUP, tcp_flags=255)),
    Case("number 0", mark(offset=0)),
    Case("no session", mark(content=0)),
]


@pytest.mark.parametrize("case", RETURNED, ids=lambda case: case.name)
def test_comes_back(lab: Lab, case: Case) -> None:
    with counted(lab):
        assert_frames(lab.exchange(HOST_PORT, [case.frame]), {HOST_PORT: [echo_of(case.frame)]})


def test_an_echo_goes_to_who_sent_the_mark(lab: Lab) -> None:
    (out,) = lab.exchange(HOST_PORT, [mark()])[HOST_PORT]
    assert Ether(out).dst == HOST_MAC


@dataclass(frozen=True, slots=True)
class Refused:
    name: str
    reason: str
    frame: bytes
    port: int = HOST_PORT


REFUSED = [
    *(
        Refused(f"{name} from client port {port}", "push_from_client", frame, port)
        for name, frame in (("mark", mark()), ("echo", echo_of(mark())))
        for port in CLIENT_PORTS
    ),
    # Or two switches that are joined would send it to and fro for ever.
    Refused("echo from a host", "push_kind", echo_of(mark())),
    Refused("version 2", "push_version", mark(version=2)),
    Refused("length one more", "push_length", mark(payload_length=1)),
    Refused("longer than padding goes", "push_length", mark().ljust(61, b"\0")),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_dropped_and_counted(lab: Lab, case: Refused) -> None:
    with counted(lab, **{case.reason: 1}):
        assert_frames(lab.exchange(case.port, [case.frame]), {})


def test_behind_what_was_sent_before(lab: Lab) -> None:
    """All copies of it have been made by then; marks come back in their order."""
    lab.control.add_group(GROUP, [MEMBER])
    payloads = [bytes([i]) * 100 for i in range(20)]
    marks = [mark(offset=i) for i in range(20)]
    frames = [
        frame
        for payload, each in zip(payloads, marks, strict=True)
        for frame in (push_frame(GROUP, payload), each)
    ]
    with counted(lab):
        out = lab.exchange(HOST_PORT, frames)
    assert out[HOST_PORT] == [echo_of(each) for each in marks]
    assert out[MEMBER.port] == [MEMBER.replica(payload) for payload in payloads]


def test_what_looks_like_a_flow_push_is_a_mark(lab: Lab) -> None:
    """Nothing behind the push header is read."""
    frame = mark(bytes(Flow()))
    with counted(lab):
        assert_frames(lab.exchange(HOST_PORT, [frame]), {HOST_PORT: [echo_of(frame)]})
