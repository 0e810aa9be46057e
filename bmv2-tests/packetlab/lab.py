# SPDX-License-Identifier: Apache-2.0
"""A running switch with its links, its tables and what comes out of it."""

import functools
import itertools
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from scapy.layers.l2 import Ether

from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.targets import Target
from packetlab.control import ETHERTYPE_LAST, Control
from packetlab.frames import HOST_MAC, Member, describe, ipv4_member, push_frame
from packetlab.ports import FarEnds

HOST_PORT = 1
CLIENT_PORTS = (2, 3, 4)
MTU = {HOST_PORT: 9000, 2: 1500, 3: 1500, 4: 9000}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a target takes without losing any; more is lost without a trace."""

    copies_per_port: int
    """Of one push."""
    frames_at_once: int
    """Into one port."""


LIMITS = {
    # Its receive ring of 4 MiB holds 256 frames of up to 9,000 bytes.
    "embedded": Limits(copies_per_port=100, frames_at_once=128),
    # BMv2's egress queue of each port holds 64: these, and the copy that tells the end.
    # Half of what a libpcap ring of 2 MiB holds at 64 KiB for each frame.
    "bmv2": Limits(copies_per_port=63, frames_at_once=16),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a switch made of some frames, in order."""

    frames: dict[int, list[bytes]]
    packet_ins: list[tuple[bytes, dict[str, object]]]


LAST_GROUP = 4000
"""Its members are on all ports; what was pushed before has come out when its copies have."""
LAST_SECONDS = 20


@dataclass(slots=True)
class Lab:
    limits: Limits
    far_ends: FarEnds
    control: Control
    _serial: Iterator[int]

    def prepare(self) -> None:
        """Empty tables, but for the host's port and the group that tells the end."""
        self.control.reset()
        self.control.add_host_port(HOST_PORT)
        self.control.add_group(LAST_GROUP, _last_members())
        self.outputs()

    def exchange(self, port: int, frames: Sequence[bytes]) -> dict[int, list[bytes]]:
        """Send frames into a port; all that came out of every port because of them, in order."""
        return self._exchange(port, frames, wait=port != HOST_PORT)

    def outcome(self, port: int, frames: Sequence[bytes]) -> Outcome:
        """As exchange(), and what went to the controller."""
        return Outcome(self._exchange(port, frames, wait=True), self._packet_ins())

    def outcome_of_packet_outs(self, packet_outs: Sequence[tuple[int, bytes]]) -> Outcome:
        """Of frames that the controller sends to ports; its last ones end it at every port."""
        last = self._last_frame()
        for port, frame in [*packet_outs, *((port, last) for port in MTU)]:
            self.control.packet_out(port, frame)
        received = self.far_ends.receive_until(last.__eq__, LAST_SECONDS)
        return Outcome({port: got for port, got in received.items() if got}, self._packet_ins())

    def _exchange(
        self, port: int, frames: Sequence[bytes], *, wait: bool
    ) -> dict[int, list[bytes]]:
        received: dict[int, list[bytes]] = {}
        for start in range(0, len(frames), self.limits.frames_at_once):
            for frame in frames[start : start + self.limits.frames_at_once]:
                self.far_ends.send(port, frame)
            if wait:
                self._wait_for(port)
            for out, more in self.outputs().items():
                received.setdefault(out, []).extend(more)
        return received

    def _packet_ins(self) -> list[tuple[bytes, dict[str, object]]]:
        return [(packet.payload, dict(packet.metadata)) for packet in self.control.packet_ins()]

    def outputs(self) -> dict[int, list[bytes]]:
        """Everything that has come out.

        Ports are queues: behind all that went into the host's goes a push to every port,
        so that what did not come out before its copies never will.
        """
        payload = _last_payload(next(self._serial))
        push, *replicas = (header + payload for header in _last_headers())
        self.far_ends.send(HOST_PORT, push)
        last = set(replicas)
        received = self.far_ends.receive_until(last.__contains__, LAST_SECONDS)
        return {port: frames for port, frames in received.items() if frames}

    def _wait_for(self, port: int) -> None:
        """Ports do not wait for each other: until a last frame has gone through this one."""
        frame = self._last_frame()
        self.far_ends.send(port, frame)
        while self.control.last_frame() != frame:
            pass

    def _last_frame(self) -> bytes:
        return _LAST_ETHERNET + _last_payload(next(self._serial))

    def push(self, group: int, *payloads: bytes) -> dict[int, list[bytes]]:
        return self.exchange(HOST_PORT, [push_frame(group, payload) for payload in payloads])


def assert_frames(received: dict[int, list[bytes]], expected: dict[int, list[bytes]]) -> None:
    """In any order on each port: the copies of one push come as the replication engine likes.

    Compared as text, so that a failure shows the packets and not only their bytes.
    """
    assert _described(received) == _described(expected)


def _described(frames: dict[int, list[bytes]]) -> dict[int, list[str]]:
    return {port: sorted(map(describe, frames[port])) for port in sorted(frames)}


def _last_members() -> list[Member]:
    return [ipv4_member(port, port) for port in MTU]


def _last_payload(number: int) -> bytes:
    """The sum is the same for all numbers, and so are the headers in front of it."""
    word = number.to_bytes(4)
    return b"last frame" + word + bytes(byte ^ 0xFF for byte in word)


_LAST_ETHERNET = bytes(Ether(dst=HOST_MAC, src=HOST_MAC, type=ETHERTYPE_LAST))


@functools.cache
def _last_headers() -> list[bytes]:
    """Of the push, and of its replicas."""
    payload = _last_payload(0)
    replicas = (member.replica(payload) for member in _last_members())
    return [frame[: -len(payload)] for frame in (push_frame(LAST_GROUP, payload), *replicas)]


def artifacts() -> Path:
    return Path(str(resources.files("hectograph"))) / "artifacts" / "v1model"


@contextmanager
def running_lab(testbed: Testbed, target: Target, tag: str = "") -> Generator[Lab]:
    """The target with all its links, in this process's own namespace; `tag` names the links."""
    here = Namespace.current()
    for port, mtu in MTU.items():
        near = End(here, f"switch{tag}{port}", ipv6=False)
        testbed.veth(near, End(here, f"far{tag}{port}", ipv6=False), mtu=mtu)
    address = f"127.0.0.1:{_free_port()}"
    command = target.command({port: f"switch{tag}{port}" for port in MTU}, address)
    if target.bundles:
        # What the pipeline emits: the kernel counts IPv4's identification up in super-frames.
        command += ["--io", "afpacket"]
    program = testbed.start(target.name, command, here)
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    far_ends = FarEnds({port: f"far{tag}{port}" for port in MTU})
    control = Control(address, artifacts())
    try:
        yield Lab(LIMITS[target.name], far_ends, control, itertools.count())
    finally:
        control.close()
        far_ends.close()
        program.stop()
        here.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
