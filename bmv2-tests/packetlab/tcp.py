# SPDX-License-Identifier: Apache-2.0
"""Clients' segments, and what the pipeline must make of them (docs/stateless-tcp.md)."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar

import finsy as fy
from scapy.fields import (
    BitField,
    ByteField,
    IntField,
    IP6Field,
    MACField,
    ShortField,
    XByteField,
    XShortField,
)
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw, bind_layers

from packetlab.frames import ETHERTYPE_PUSH, HOST_MAC, Push, payload_sum
from packetlab.halfsiphash import halfsiphash

CLIENT_MAC = "02:00:00:00:01:00"
SERVICE_MAC = "02:00:00:00:02:00"

MAPPED = 0xFFFF << 32
NO_SCALE = 15
SEQUENCE = 1 << 32

CURRENT, PREVIOUS, MAYBE_CURRENT, MAYBE_PREVIOUS, ICMP_ERROR = 1, 2, 4, 8, 16


class Pull(Packet):
    name = "Pull"
    fields_desc: ClassVar = [
        BitField("version", 1, 4),
        BitField("kind", 3, 4),
        XByteField("flags", 0),
        ShortField("ingress_port", 0),
        IntField("content", 0),
        IntField("length", 0),
        IntField("current_position", 0),
        IntField("previous_position", 0),
        XByteField("constants", 0),
        ByteField("secret", 0),
        ShortField("reserved", 0),
    ]


class Flow(Packet):
    name = "Flow"
    fields_desc: ClassVar = [
        MACField("client_mac", CLIENT_MAC),
        MACField("service_mac", SERVICE_MAC),
        XShortField("vlan_tci", 0),
        ByteField("secret", 0),
        XByteField("constants", 0),
        IP6Field("client_addr", "::"),
        IP6Field("service_addr", "::"),
        ShortField("client_port", 0),
        ShortField("service_port", 0),
        IntField("ack_no", 0),
        ShortField("window", 0),
        ShortField("egress_port", 0),
        IntField("reserved", 0),
    ]


bind_layers(Push, Flow, kind=2)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The parameters of set_secrets."""

    current: int
    previous: int
    number: int = 7
    epoch: int = 2
    previous_epoch: int = 1
    mss: int = 1220

    def rotated(self, following: int) -> "Secrets":
        number = (self.number + 1) % 256
        return replace(self, current=following, previous=self.current, number=number)

    def aged(self) -> "Secrets":
        return replace(self, epoch=self.epoch % 255 + 1, previous_epoch=self.epoch)

    def secret(self, number: int) -> int:
        return self.current if number == self.number else self.previous

    def entry(self) -> fy.P4TableEntry:
        """What the controller writes."""
        action = fy.P4TableAction(
            "set_secrets",
            current=self.current,
            previous=self.previous,
            epoch=self.epoch,
            previous_epoch=self.previous_epoch,
            mss=self.mss,
            number=self.number,
        )
        return fy.P4TableEntry("flow_secrets", action=action, is_default_action=True)


def constants(wscale: int = NO_SCALE, mss_class: int = 0, sack: int = 0) -> int:
    """The low seven bits of the first data byte's sequence number."""
    return wscale << 3 | mss_class << 1 | sack


@dataclass(frozen=True, slots=True)
class Client:
    """One connection to a content, and where its client is."""

    address: IPv4Address | IPv6Address
    service_address: IPv4Address | IPv6Address
    port: int = 40000
    service_port: int = 80
    mac: str = CLIENT_MAC
    service_mac: str = SERVICE_MAC
    switch_port: int = 2
    vlan: int | None = None
    priority: int = 0

    @property
    def vlan_tci(self) -> int:
        return self.priority << 13 | self.vlan if self.vlan is not None else 0

    @property
    def mapped(self) -> tuple[int, int]:
        """Both addresses as the pipeline has them: IPv4's as ::ffff:a.b.c.d."""
        prefix = MAPPED if self.address.version == 4 else 0
        return prefix | int(self.address), prefix | int(self.service_address)

    def cookie(self, secret: int) -> int:
        """The reference's hash of the tuple, each of its words turned to little-endian."""
        words = b"".join(address.to_bytes(16) for address in self.mapped)
        words += self.port.to_bytes(2) + self.service_port.to_bytes(2)
        message = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
        return int.from_bytes(halfsiphash(message, secret.to_bytes(8, "little")), "little")

    def first(self, secret: int, low: int) -> int:
        """The sequence number of the first data byte: 25 bits of the cookie and the constants."""
        return self.cookie(secret) & 0xFFFF_FF80 | low

    def segment(
        self,
        flags: str,
        *,
        seq: int = 1000,
        ack: int = 0,
        options: bytes = b"",
        payload: bytes = b"",
        **fields: Any,  # noqa: ANN401
    ) -> bytes:
        """What the client sends; `options` are the header's bytes behind the first twenty."""
        assert len(options) % 4 == 0
        tcp = {"dataofs": 5 + len(options) // 4, "window": 64240} | fields
        segment = TCP(
            sport=self.port,
            dport=self.service_port,
            seq=seq % SEQUENCE,
            ack=ack % SEQUENCE,
            flags=flags,
            **tcp,
        )
        ethernet = self._tagged(Ether(src=self.mac, dst=self.service_mac))
        if isinstance(self.address, IPv4Address):
            ip: Packet = IP(
                src=str(self.address), dst=str(self.service_address), ttl=57, id=4711, tos=8
            )
        else:
            ip = IPv6(
                src=str(self.address), dst=str(self.service_address), hlim=57, tc=8, fl=0x12345
            )
        return bytes(ethernet / ip / segment / Raw(options + payload))

    def received(
        self,
        flags: str | int,
        *,
        seq: int,
        ack: int,
        options: bytes = b"",
        payload: bytes = b"",
        window: int = 0xFFFF,
        trailer: bytes = b"",
    ) -> bytes:
        """What the client must get; `trailer` stands behind the end that the IP header says."""
        segment = TCP(
            sport=self.service_port,
            dport=self.port,
            seq=seq % SEQUENCE,
            ack=ack % SEQUENCE,
            flags=flags,
            dataofs=5 + len(options) // 4,
            window=window,
        )
        ethernet = self._tagged(Ether(src=self.service_mac, dst=self.mac))
        if isinstance(self.address, IPv4Address):
            source, destination = str(self.service_address), str(self.address)
            ip: Packet = IP(src=source, dst=destination, ttl=64, id=0, flags="DF")
        else:
            ip = IPv6(src=str(self.service_address), dst=str(self.address), hlim=64)
        return bytes(ethernet / ip / segment / Raw(options + payload) / Padding(trailer))

    def push(
        self,
        payload: bytes = b"",
        *,
        offset: int = 0,
        flags: str = "A",
        push: dict[str, int] | None = None,
        **flow: int | str,
    ) -> bytes:
        """A host's flow push to this client; `push` and `flow` override what is right."""
        client, service = (str(IPv6Address(address)) for address in self.mapped)
        fields = {
            "client_mac": self.mac,
            "service_mac": self.service_mac,
            "vlan_tci": self.vlan_tci,
            "client_addr": client,
            "service_addr": service,
            "client_port": self.port,
            "service_port": self.service_port,
            "egress_port": self.switch_port,
        }
        header = {
            "kind": 2,
            "tcp_flags": int(TCP(flags=flags).flags),
            "payload_length": len(payload),
            "payload_sum": payload_sum(payload),
            "offset": offset % SEQUENCE,
        }
        frame = Ether(src=HOST_MAC, dst="02:00:00:00:00:ff", type=ETHERTYPE_PUSH)
        return bytes(
            frame / Push(**(header | (push or {}))) / Flow(**(fields | flow)) / Raw(payload)
        )

    def _tagged(self, frame: Packet) -> Packet:
        return frame if self.vlan is None else frame / Dot1Q(vlan=self.vlan, prio=self.priority)


def ipv4_client(**changes: Any) -> Client:  # noqa: ANN401
    client = Client(IPv4Address("198.51.100.9"), IPv4Address("192.0.2.80"))
    return replace(client, **changes)


def ipv6_client(**changes: Any) -> Client:  # noqa: ANN401
    client = Client(IPv6Address("2001:db8:1::9"), IPv6Address("2001:db8:c::1"))
    return replace(client, **changes)
