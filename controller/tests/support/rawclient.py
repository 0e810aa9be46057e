# SPDX-License-Identifier: Apache-2.0
"""A client whose every segment a test writes: its namespace's kernel knows nothing of it."""

import errno
import socket
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, cast

from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether
from scapy.packet import NoPayload, Padding
from tcplab import SERVICE_MAC, Client, Content

from packetlab import tcp as packets

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
MAC = "02:00:00:00:01:77"
SPACE = 1 << 32
QUIET_SECONDS = 0.25
"""Without a segment: no more come by themselves. Longer than the least retransmission timeout."""
IPV4, IPV6 = IPv4Address("10.0.0.200"), IPv6Address("2001:db8:1::ffff:200")
SACK_PERMITTED = b"\x04\x02\x01\x01"


@dataclass(frozen=True, slots=True)
class Segment:
    """One of the service's."""

    flags: str
    seq: int
    ack: int
    window: int
    payload: bytes


@dataclass(slots=True)
class RawClient:
    behind: Client
    content: Content
    version: int = 4
    port: int = 40000
    window: int = 64240
    another: int = 0
    """Added to its address."""
    seq: int = 1000
    """Its next own sequence number."""
    first: int = 0
    """The response's first sequence number, once connected."""
    sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        def inside() -> socket.socket:
            return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))

        self.sock = self.behind.namespace.call(inside)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.bind(("eth", 3))

    def close(self) -> None:
        self.sock.close()

    def _tuple(self) -> packets.Client:
        ipv4, ipv6 = self.content.addresses
        here, there = (IPV4, ipv4) if self.version == 4 else (IPV6, ipv6)
        return packets.Client(
            here + self.another, there, self.port, mac=MAC, service_mac=SERVICE_MAC
        )

    def send(self, flags: str, *, ahead: int = 0, position: int = 0, **fields: Any) -> None:
        """`ahead` of its own next number; acknowledging the response up to `position`."""
        fields = {"window": self.window} | fields
        ack = self.first + position if "A" in flags else 0
        frame = self._tuple().segment(flags, seq=self.seq + ahead, ack=ack, **fields)
        while not self._is_sent(frame):
            time.sleep(0.001)

    def _is_sent(self, frame: bytes) -> bool:
        try:
            self.sock.send(frame)
        except OSError as error:
            if (
                error.errno != errno.ENOBUFS
            ):  # the other end of the link has not taken the last ones
                raise
            return False
        return True

    def next(self, timeout: float = 5.0) -> Segment | None:
        """The next segment to this client; None: none came in time."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                frame = Ether(self.sock.recv(65536))
            except TimeoutError:
                return None
            segment = cast(Any, frame.getlayer(TCP))
            if frame.dst == MAC and segment is not None and segment.dport == self.port:
                return _segment(segment)
        return None

    def expect(self, timeout: float = 5.0) -> Segment:
        segment = self.next(timeout)
        assert segment is not None, "nothing came"
        return segment

    def rest(self, quiet: float = QUIET_SECONDS) -> list[Segment]:
        """All that comes until it is quiet."""
        segments: list[Segment] = []
        while segment := self.next(quiet):
            segments.append(segment)
        return segments

    def burst(self) -> bytes:
        """What comes of the response at once, in order."""
        segments = [self.expect(), *self.rest(0.1)]
        received = b""
        for segment in segments:
            if self.position(segment) == len(received):
                received += segment.payload
        return received

    def connect(self, options: bytes = SACK_PERMITTED, request: bytes = GET) -> None:
        """Up to the request's end, which goes with the handshake's last acknowledgement."""
        self.send("S", options=b"\x02\x04\x05\xb4" + options)
        answer = self.expect()
        self.seq += 1
        assert (answer.flags, answer.ack) == ("SA", self.seq)
        self.first = (answer.seq + 1) % SPACE
        if request:
            self.say(request)

    def say(self, data: bytes, **fields: Any) -> None:
        self.send("PA", payload=data, **fields)
        self.seq += len(data)

    def position(self, segment: Segment) -> int:
        return (segment.seq - self.first) % SPACE

    def download(self, received: bytes = b"", timeout: float = 20.0) -> bytes:
        """The whole response, in order and acknowledged, up to our FIN's acknowledgement."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            segment = self.expect()
            assert "R" not in segment.flags
            if not segment.payload and "F" not in segment.flags:
                continue
            if self.position(segment) == len(received):
                received += segment.payload
                if "F" in segment.flags:
                    # This client is slow: a tail-loss probe may be here already.
                    self.rest(0.05)
                    return received
            self.send("A", position=len(received))
        raise AssertionError("no end")

    def finish(self, received: bytes) -> None:
        """Both sides close; nothing more comes."""
        self.send("FA", position=len(received) + 1)
        answer = self.expect()
        assert (answer.flags, answer.ack) == ("A", self.seq + 1)
        self.assert_quiet()

    def assert_quiet(self) -> None:
        """Nothing comes any more, once what was on its way is here."""
        self.rest(0.1)
        assert self.rest(0.6) == []


def _segment(tcp: Any) -> Segment:
    payload = tcp.payload
    data = b"" if isinstance(payload, NoPayload | Padding) else bytes(payload)
    return Segment(str(tcp.flags), tcp.seq, tcp.ack, tcp.window, data)
