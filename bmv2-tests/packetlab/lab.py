# SPDX-License-Identifier: Apache-2.0
"""A running switch with its links, its tables and what comes out of it."""

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
        received: dict[int, list[bytes]] = {}
        for start in range(0, len(frames), self.limits.frames_at_once):
            for frame in frames[start : start + self.limits.frames_at_once]:
                self.far_ends.send(port, frame)
            if port != HOST_PORT:
                self._wait_for(port)
            for out, more in self.outputs().items():
                received.setdefault(out, []).extend(more)
        return received

    def outputs(self) -> dict[int, list[bytes]]:
        """Everything that has come out.

        Ports are queues: behind all that went into the host's goes a push to every port,
        so that what did not come out before its copies never will.
        """
        payload = f"last frame {next(self._serial)}".encode()
        self.far_ends.send(HOST_PORT, push_frame(LAST_GROUP, payload))
        last = {member.replica(payload) for member in _last_members()}
        received = self.far_ends.receive_until(last.__contains__, LAST_SECONDS)
        return {port: frames for port, frames in received.items() if frames}

    def _wait_for(self, port: int) -> None:
        """Ports do not wait for each other: until a last frame has gone through this one."""
        number = next(self._serial)
        frame = Ether(dst=HOST_MAC, src=HOST_MAC, type=ETHERTYPE_LAST) / str(number)
        self.far_ends.send(port, bytes(frame))
        while self.control.last_frame() != bytes(frame):
            pass

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


def artifacts() -> Path:
    return Path(str(resources.files("hectograph"))) / "artifacts" / "v1model"


@contextmanager
def running_lab(testbed: Testbed, target: Target) -> Generator[Lab]:
    """The target with all its links, in this process's own namespace."""
    here = Namespace.current()
    for port, mtu in MTU.items():
        near = End(here, f"switch{port}", ipv6=False)
        testbed.veth(near, End(here, f"far{port}", ipv6=False), mtu=mtu)
    address = f"127.0.0.1:{_free_port()}"
    command = target.command({port: f"switch{port}" for port in MTU}, address)
    if target.bundles:
        # What the pipeline emits: the kernel counts IPv4's identification up in super-frames.
        command += ["--io", "afpacket"]
    program = testbed.start(target.name, command, here)
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    far_ends = FarEnds({port: f"far{port}" for port in MTU})
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
