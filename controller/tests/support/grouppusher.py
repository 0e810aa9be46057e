# SPDX-License-Identifier: Apache-2.0
"""The least that serves TCP clients together, by one push for all of them."""

import socket
import struct
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import finsy as fy
from tcplab import OTHER_HOST_PORT, Content, Host, Lab, artifacts

from hectograph.core.checksum import ones_complement_sum, tcp_member_sum
from hectograph.core.entities import (
    Change,
    Entity,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    TcpMemberEntry,
)
from hectograph.drivers.codec import encode_change

ETHERTYPE_PUSH = 0x88B5
PUSH, PULL, BUNDLE = 0x11, 0x13, 0x14
"""Version and kind."""
FIN, RST, ACK = 0x01, 0x04, 0x10
PULL_BYTES, ETHERNET_BYTES, IPV6_BYTES, IPV4_BYTES = 24, 14, 40, 20
SPACE = 1 << 32
WINDOW = 65535
GROUP, TREE = 8192, 4000
SECONDS = 20
RESEND_SECONDS = 0.5


@dataclass(slots=True)
class Pulled:
    """A client's segment, and what the switch says about it."""

    port: int
    client_mac: bytes
    service_mac: bytes
    client: IPv4Address | IPv6Address
    service: IPv4Address | IPv6Address
    client_port: int
    service_port: int
    seq: int
    ack: int
    flags: int
    position: int
    payload: bytes

    @classmethod
    def parse(cls, frame: bytes) -> "Pulled | None":
        if frame[12:15] != ETHERTYPE_PUSH.to_bytes(2) + bytes([PULL]):
            return None
        port, _, _, position = struct.unpack_from("!HIII", frame, 16)
        frame = frame[ETHERNET_BYTES + PULL_BYTES :]
        ip = frame[ETHERNET_BYTES:]
        if ip[0] >> 4 == 4:
            service, client = IPv4Address(ip[16:20]), IPv4Address(ip[12:16])
            end, tcp = int.from_bytes(ip[2:4]), IPV4_BYTES
        else:
            service, client = IPv6Address(ip[24:40]), IPv6Address(ip[8:24])
            end, tcp = IPV6_BYTES + int.from_bytes(ip[4:6]), IPV6_BYTES
        client_port, service_port, seq, ack, words, flags = struct.unpack_from("!HHIIBB", ip, tcp)
        return cls(
            port,
            frame[6:12],
            frame[:6],
            client,
            service,
            client_port,
            service_port,
            seq,
            ack,
            flags,
            position,
            ip[tcp + (words >> 4) * 4 : end],
        )

    @property
    def name(self) -> tuple[IPv4Address | IPv6Address, int]:
        return self.client, self.client_port


@dataclass(slots=True)
class Member:
    instance: int
    request: Pulled
    acked: int = 0

    @property
    def base(self) -> int:
        return (self.request.ack - self.request.position) % SPACE

    def entry(self) -> TcpMemberEntry:
        pulled = self.request
        ack_no = (pulled.seq + len(pulled.payload)) % SPACE
        ports = pulled.service_port, pulled.client_port
        return TcpMemberEntry(
            group=GROUP,
            instance=self.instance,
            dst_mac=int.from_bytes(pulled.client_mac),
            src_mac=int.from_bytes(pulled.service_mac),
            vlan_tci=0,
            src_addr=pulled.service,
            dst_addr=pulled.client,
            src_port=pulled.service_port,
            dst_port=pulled.client_port,
            member_sum=tcp_member_sum(pulled.service, pulled.client, *ports, ack_no, WINDOW),
            sequence_base=self.base,
            ack_no=ack_no,
            window=WINDOW,
        )


class GroupPusher:
    """At a host's port of its own."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._members: dict[tuple[IPv4Address | IPv6Address, int], Member] = {}
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        self._sock.bind((f"{lab.prefix}host{OTHER_HOST_PORT}", 3))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._sock.settimeout(RESEND_SECONDS)

    def close(self) -> None:
        self._sock.close()

    def collect(self, count: int) -> None:
        """Until so many clients have asked for something."""
        self._until(lambda: len(self._members) == count)

    def enter(self) -> None:
        """All of them, into one group."""
        self._write(Operation.INSERT, self._entities())

    def leave(self) -> None:
        self._write(Operation.DELETE, self._entities()[::-1])
        self._members.clear()

    def push(self, data: bytes, run_bytes: int, segment_bytes: int, ahead: int) -> None:
        """Everything to everyone, so many runs ahead of the last acknowledgement, with FIN."""

        def resend() -> None:
            """Who is slow to read drops what his window has no room for."""
            self._send(data, self._acked(), run_bytes, segment_bytes)

        for position in range(0, len(data), run_bytes):
            self._until(lambda at=position: self._acked() >= at - ahead * run_bytes, resend)
            self._send(data, position, run_bytes, segment_bytes)
        self._until(lambda: self._acked() >= len(data), resend)

    def _acked(self) -> int:
        return min(member.acked for member in self._members.values())

    def _send(self, data: bytes, position: int, run_bytes: int, segment_bytes: int) -> None:
        payload = data[position : position + run_bytes]
        flags = FIN | ACK if position + len(payload) == len(data) else ACK
        ethernet = b"\x02" + bytes(5) + b"\x02" + bytes(5) + ETHERTYPE_PUSH.to_bytes(2)
        total = ones_complement_sum(payload)
        header = struct.pack("!BBHHHII", PUSH, flags, GROUP, len(payload), total, 0, position)
        frame = ethernet + header + payload
        if segment_bytes:
            segment = segment_bytes if len(payload) > segment_bytes else 0
            frame = ethernet + struct.pack("!BBHH", BUNDLE, 0, len(frame), segment) + frame
        self._sock.send(frame)

    def _until(
        self, condition: Callable[[], bool], resend: Callable[[], None] | None = None
    ) -> None:
        now = time.monotonic()
        deadline, patience = now + SECONDS, now + RESEND_SECONDS
        while not condition():
            now = time.monotonic()
            assert now < deadline, "clients acknowledge nothing"
            if resend is not None and now >= patience:
                resend()
                patience = now + RESEND_SECONDS
            with suppress(TimeoutError):
                if pulled := Pulled.parse(self._sock.recv(1 << 16)):
                    self._take(pulled)

    def _take(self, pulled: Pulled) -> None:
        member = self._members.get(pulled.name)
        if member is not None and pulled.flags & RST:
            member.acked = SPACE  # waits for nothing
        elif member is not None:
            member.acked = max(member.acked, (pulled.ack - member.base) % SPACE)
        elif pulled.payload:
            self._members[pulled.name] = Member(len(self._members) + 1, pulled)

    def _entities(self) -> list[Entity]:
        members = self._members.values()
        replicas = frozenset(Replica(member.request.port, member.instance) for member in members)
        entries = [member.entry() for member in members]
        return [*entries, MulticastGroup(TREE, replicas), PushGroup(GROUP, TREE)]

    def _write(self, operation: Operation, entities: list[Entity]) -> None:
        schema = fy.P4Schema(artifacts()[0])
        self._lab.write([encode_change(Change(operation, entity), schema) for entity in entities])


def publish(lab: Lab, size: int) -> Content:
    """A content whose clients' pulls come to the other host's port."""
    content = lab.add_content(bytes(size))
    lab.give_buckets(Host(OTHER_HOST_PORT, lab.host.control, lab.host.pusher))
    return content


@contextmanager
def pusher(lab: Lab) -> Generator[GroupPusher]:
    made = GroupPusher(lab)
    try:
        yield made
    finally:
        made.close()
        lab.give_buckets(lab.host)
