# SPDX-License-Identifier: Apache-2.0
"""A pusher on one end of a link and a packet socket on the other."""

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from pyroute2 import IPRoute  # pyright: ignore[reportMissingTypeStubs]
from scapy.utils import checksum  # pyright: ignore[reportUnknownVariableType]

from hectograph.pusher import program_path
from hectograph.testbed import End, Namespace, Program, Testbed

HOST = "push0"
"""The interface that the pusher sends by ..."""
PEER = "peer0"
"""... and the one that everything arrives on."""
HOST_MAC = "02:00:00:00:00:07"
HOST_ADDRESS = "10.0.0.1"
PUSH_DESTINATION = bytes.fromhex("024847505553")
PUSH_ETHERTYPE = 0x88B5
MARK = 0x15
"""Version and kind of one."""
HEADERS = struct.Struct("!6s6sH BBHHHII")
SEGMENT = 1452
"""1500 less IPv6's 40 and UDP's 8."""

SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("@qq")
RECEIVE_BUFFER = 256 << 20


@dataclass(frozen=True, slots=True)
class Push:
    """A frame as it arrived, its headers read as docs/wire-format.md has them."""

    destination: bytes
    source: bytes
    version_kind: int
    tcp_flags: int
    group: int
    payload_length: int
    payload_sum: int
    content: int
    offset: int
    payload: bytes
    at: int
    """The kernel's time of arrival, ns."""

    @classmethod
    def parse(cls, frame: bytes, at: int) -> "Push":
        fields = HEADERS.unpack_from(frame)
        assert fields[2] == PUSH_ETHERTYPE
        return cls(*fields[:2], *fields[3:], payload=frame[HEADERS.size :], at=at)

    def check(self) -> None:
        """Everything that is the same in every push, and the sum, against scapy's."""
        assert self.destination == PUSH_DESTINATION
        assert self.source == bytes.fromhex(HOST_MAC.replace(":", ""))
        assert (self.version_kind, self.tcp_flags) == (0x11, 0)
        assert self.payload_length == len(self.payload)
        # scapy inverts, and takes an odd length as RFC 1071 does.
        assert self.payload_sum % 0xFFFF == (~checksum(self.payload) & 0xFFFF) % 0xFFFF


class Capture:
    """Every push that arrives on an interface while this is entered; marks apart."""

    def __init__(self, namespace: Namespace, interface: str = PEER) -> None:
        self.pushes: list[Push] = []
        self.marks: list[Push] = []
        self._stopping = threading.Event()
        self._socket = namespace.call(lambda: _packet_socket(interface))
        self._thread = threading.Thread(target=self._receive)

    def __enter__(self) -> "Capture":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        time.sleep(0.05)  # what was sent is in the socket by now
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while True:
            try:
                frame, ancillary, _, _ = self._socket.recvmsg(65600, 256)
            except TimeoutError:
                if self._stopping.is_set():
                    return
                continue
            except OSError:  # the interface went down, or away; it may come back
                if self._stopping.is_set():
                    return
                continue
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            push = Push.parse(frame, seconds * 1_000_000_000 + nanoseconds)
            (self.marks if push.version_kind == MARK else self.pushes).append(push)

    def wait_for(self, count: int, timeout: float = 20) -> None:
        wait_until(lambda: len(self.pushes) >= count, timeout)

    def content(self, group: int = 1) -> bytes:
        """What was pushed to the group, in the order of arrival; no byte missing or twice."""
        data = bytearray()
        for push in self.pushes:
            push.check()
            if push.group == group:
                assert push.offset == len(data) % (1 << 32)
                data += push.payload
        return bytes(data)


def _packet_socket(interface: str) -> socket.socket:
    receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(PUSH_ETHERTYPE))
    receiver.bind((interface, PUSH_ETHERTYPE))
    try:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:  # an ordinary user's namespace: as much as the system allows
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receiver.settimeout(0.02)
    return receiver


def wait_until(condition: Callable[[], bool], timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not so after {timeout:g} s"
        time.sleep(0.005)


@dataclass(slots=True)
class Lab:
    """A link between a host and what would be a switch."""

    testbed: Testbed
    mtu: int = 1500
    host: Namespace = field(init=False)
    peer: Namespace = field(init=False)

    def __post_init__(self) -> None:
        self.host = self.testbed.namespace("host")
        self.peer = self.testbed.namespace("peer")
        self.make_link()

    def make_link(self) -> None:
        self.testbed.veth(
            End(self.host, HOST, HOST_MAC, (f"{HOST_ADDRESS}/24",), ipv6=False),
            End(self.peer, PEER, ipv6=False),
            mtu=self.mtu,
        )

    def remove_link(self) -> None:
        self.host.call(lambda: _link("del", HOST))

    def set_state(self, state: str, *, peer: bool = False) -> None:
        """Up or down: the host's end, or the peer's, which takes the host's carrier."""
        namespace, interface = (self.peer, PEER) if peer else (self.host, HOST)
        namespace.call(lambda: _link("set", interface, state=state))

    def set_mtu(self, mtu: int) -> None:
        self.host.call(lambda: _link("set", HOST, mtu=mtu))

    def file(self, data: bytes, name: str = "content") -> Path:
        path = self.testbed.directory / name
        path.write_bytes(data)
        return path

    def capture(self) -> Capture:
        return Capture(self.peer)

    def push(
        self, *arguments: str | Path, stdin: bytes | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """``hectograph-pusher push`` to its end; group 1 unless the arguments say."""
        with self.host.entered():
            process = self.popen(*arguments)
        out, error = process.communicate(stdin)
        return subprocess.CompletedProcess(
            process.args, process.returncode, out.decode(), error.decode()
        )

    def popen(self, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        words = list(map(str, arguments))
        if "--group" not in words:
            words += ["--group", "1"]
        with self.host.entered():
            return subprocess.Popen(
                [str(program_path()), "push", "--interface", HOST, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def wait_for_udp(self, port: int) -> None:
        """Until someone on the host has bound it."""

        def is_bound() -> bool:
            tables = [Path("/proc/thread-self/net") / name for name in ("udp", "udp6")]
            return any(f":{port:04X} " in table.read_text() for table in tables)

        wait_until(lambda: self.host.call(is_bound))

    @property
    def control(self) -> Path:
        return self.testbed.directory / "pusher.sock"

    def serve(self, *arguments: str, name: str = "pusher") -> Program:
        """``hectograph-pusher serve``, ready for clients."""
        program = self.start_serve(*arguments, name=name)
        program.wait_until(lambda: "control socket" in program.output())
        return program

    def start_serve(self, *arguments: str, name: str = "pusher") -> Program:
        command = [str(program_path()), "serve", "--interface", HOST]
        return self.testbed.start(
            name, [*command, "--control", str(self.control), *arguments], self.host
        )


def _link(command: str, interface: str, **attributes: object) -> None:
    ip = IPRoute()
    try:
        ip.link(command, index=ip.link_lookup(ifname=interface)[0], **attributes)  # pyright: ignore
    finally:
        ip.close()


def runs(pushes: Sequence[Push], gap: int) -> list[int]:
    """Lengths of the runs of pushes that follow each other within `gap` ns."""
    lengths = [1]
    for before, after in pairwise(pushes):
        if after.at - before.at < gap:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return lengths
