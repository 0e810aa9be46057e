# SPDX-License-Identifier: Apache-2.0
"""Push frames, and what members must get: built by scapy, which knows nothing of the pipeline."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar

from scapy.fields import BitField, IntField, ShortField, XByteField, XShortField
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw, bind_layers
from scapy.utils import checksum

ETHERTYPE_PUSH = 0x88B5
HOST_MAC = "02:00:00:00:00:fe"
ETHERNET_MIN_BYTES = 60


class Push(Packet):
    """docs/wire-format.md"""

    name = "Push"
    fields_desc: ClassVar = [
        BitField("version", 1, 4),
        BitField("kind", 1, 4),
        XByteField("tcp_flags", 0),
        ShortField("group", 0),
        ShortField("payload_length", 0),
        XShortField("payload_sum", 0),
        IntField("content", 0),
        IntField("offset", 0),
    ]


bind_layers(Ether, Push, type=ETHERTYPE_PUSH)


def payload_sum(payload: bytes) -> int:
    """Not inverted, as the push header has it; scapy's is inverted, as IP has it."""
    return checksum(payload) ^ 0xFFFF


def push_frame(group: int, payload: bytes, **fields: int) -> bytes:
    """A host's push; `fields` overrides what a correct push header would say."""
    header = {"group": group, "payload_length": len(payload), "payload_sum": payload_sum(payload)}
    frame = Ether(src=HOST_MAC, dst="02:00:00:00:00:ff") / Push(**(header | fields))
    return bytes(frame / Raw(payload))


def padded(frame: bytes) -> bytes:
    """As a network card sends a short frame."""
    return frame.ljust(ETHERNET_MIN_BYTES, b"\0")


@dataclass(frozen=True, slots=True)
class Member:
    """A client flow: which slot of the group it is, and what its packets must look like."""

    port: int
    instance: int
    src_addr: IPv4Address | IPv6Address
    dst_addr: IPv4Address | IPv6Address
    dst_mac: str = "02:00:00:00:01:00"
    src_mac: str = "02:00:00:00:02:00"
    dst_port: int = 5000
    src_port: int = 4000
    hop_limit: int = 64
    vlan: int | None = None
    priority: int = 0

    @property
    def vlan_tci(self) -> int:
        return self.priority << 13 | self.vlan if self.vlan is not None else 0

    def replica(
        self, payload: bytes, padding: bytes = b"", *, offset: int = 0, flags: int = 0
    ) -> bytes:
        """The frame that this member must get for a push of `payload`."""
        frame = self._headers() / self._transport(offset, flags) / Raw(payload)
        return bytes(frame / Padding(padding))

    def _transport(self, offset: int, flags: int) -> Packet:
        del offset, flags  # of a push, mean nothing in UDP
        return UDP(sport=self.src_port, dport=self.dst_port)

    def _headers(self) -> Packet:
        frame: Packet = Ether(dst=self.dst_mac, src=self.src_mac)
        if self.vlan is not None:
            frame /= Dot1Q(vlan=self.vlan, prio=self.priority)
        if isinstance(self.dst_addr, IPv4Address):
            frame /= IP(
                src=str(self.src_addr), dst=str(self.dst_addr), ttl=self.hop_limit, id=0, flags="DF"
            )
        else:
            frame /= IPv6(src=str(self.src_addr), dst=str(self.dst_addr), hlim=self.hop_limit)
        return frame


@dataclass(frozen=True, slots=True)
class TcpMember(Member):
    """A TCP client whose stream's byte 0 has the sequence number `sequence_base`."""

    sequence_base: int = 0x12345678
    ack_no: int = 0x9ABCDEF0
    window: int = 65535

    def _transport(self, offset: int, flags: int) -> Packet:
        return TCP(
            sport=self.src_port,
            dport=self.dst_port,
            seq=(self.sequence_base + offset) % (1 << 32),
            ack=self.ack_no,
            flags=flags,
            window=self.window,
        )


def ipv4_member(port: int, instance: int = 1, **changes: Any) -> Member:  # noqa: ANN401
    member = Member(port, instance, IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"))
    return replace(member, **changes)


def ipv6_member(port: int, instance: int = 1, **changes: Any) -> Member:  # noqa: ANN401
    member = Member(port, instance, IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2"))
    return replace(member, **changes)


def tcp_member(member: Member, **changes: Any) -> TcpMember:  # noqa: ANN401
    """The same client, by TCP."""
    fields = {field: getattr(member, field) for field in Member.__slots__}
    return replace(TcpMember(**fields), **changes)


def describe(frame: bytes) -> str:
    """For a failed comparison: what it is, and its bytes."""
    return f"{Ether(frame).summary()} [{len(frame)}] {frame.hex()}"


def payload_with_sum(total: int, size: int) -> bytes:
    """`size` bytes, an even number, whose one's-complement sum is `total`."""
    start = bytes(range(1, size - 1))
    rest = (total - int.from_bytes(start)) % 0xFFFF
    return start + (rest or 0xFFFF).to_bytes(2)
