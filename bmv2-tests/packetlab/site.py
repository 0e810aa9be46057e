# SPDX-License-Identifier: Apache-2.0
"""A content at two addresses, with its hosts, on a switch: what the tests of TCP have in common."""

import random
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import finsy as fy
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from hectograph import wire
from packetlab.frames import ETHERTYPE_PUSH
from packetlab.lab import HOST_PORT, Lab, assert_frames
from packetlab.tcp import MAPPED, SERVICE_MAC, Client, Pull, Secrets, ipv4_client, ipv6_client

CONTENT = 0x01020304
HOST_SET = 3
BUCKETS = 16
LENGTH = 128 * 1000
HOST_MAC = "02:00:00:00:00:fe"
UNVERIFIED, RESET, LEARN = (
    wire.TCP_METER_UNVERIFIED,
    wire.TCP_METER_RESET,
    wire.TCP_METER_LEARN,
)
"""Cells of tcp_meter."""


def mapped(address: IPv4Address | IPv6Address) -> int:
    return int(address) | (MAPPED if address.version == 4 else 0)


@dataclass(slots=True)
class Site:
    lab: Lab
    secrets: Secrets

    def set_secrets(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.lab.control.modify(secrets.entry())

    def serve(
        self, client: Client, length: int = LENGTH, content: int = CONTENT, host_set: int = HOST_SET
    ) -> None:
        """The content at the address and port to which this client connects."""
        action = fy.P4TableAction(
            "serve", content=content, response_length=length, host_set=host_set
        )
        match = fy.P4TableMatch(address=mapped(client.service_address), port=client.service_port)
        self.lab.control.insert(fy.P4TableEntry("service", match=match, action=action))

    def own(self, client: Client, mac: str = SERVICE_MAC) -> None:
        action = fy.P4TableAction("own_address", mac=mac, host_set=HOST_SET)
        match = fy.P4TableMatch(address=mapped(client.service_address))
        self.lab.control.insert(fy.P4TableEntry("content_address", match=match, action=action))

    def set_host(self, bucket: int, port: int, mac: str = HOST_MAC) -> None:
        action = fy.P4TableAction("to_host", port=port, host_mac=mac)
        match = fy.P4TableMatch(host_set=HOST_SET, bucket=bucket)
        self.lab.control.insert(fy.P4TableEntry("service_host", match=match, action=action))

    def limit(self, cell: int, burst: int) -> None:
        """So many packets, and then one a second."""
        config = fy.P4MeterConfig(cir=1, cburst=burst, pir=1, pburst=burst)
        self.lab.control.set_meter("tcp_meter", cell, config)

    def exchange(self, client: Client, *frames: bytes) -> dict[int, list[bytes]]:
        return self.lab.exchange(client.switch_port, frames)

    def answered(self, client: Client, frame: bytes, answer: bytes) -> None:
        with counted(self.lab):
            assert_frames(self.exchange(client, frame), {client.switch_port: [answer]})

    def dropped(self, client: Client, frame: bytes, reason: str) -> None:
        with counted(self.lab, **{reason: 1}):
            assert_frames(self.exchange(client, frame), {})

    def pulled(self, client: Client, frame: bytes, pull: bytes, port: int = HOST_PORT) -> None:
        with counted(self.lab):
            assert_frames(self.exchange(client, frame), {port: [pull]})

    def pull(
        self,
        client: Client,
        frame: bytes,
        number: int,
        flags: int,
        length: int = LENGTH,
        mac: str = HOST_MAC,
    ) -> bytes:
        """The pull of that frame, which names `number`, one of our sequence numbers."""
        current, previous = (
            (number - (client.cookie(secret) & 0xFFFF_FF80)) & 0xFFFF_FF80
            for secret in (self.secrets.current, self.secrets.previous)
        )
        header = Pull(
            flags=flags,
            ingress_port=client.switch_port,
            content=CONTENT,
            length=length,
            current_position=current,
            previous_position=previous,
            constants=number & 0x7F,
            secret=self.secrets.number,
        )
        ethernet = Ether(dst=mac, src=Ether(frame).dst, type=ETHERTYPE_PUSH)
        return bytes(ethernet / header / Raw(frame))

    def unlimit(self, cell: int) -> None:
        self.lab.control.set_meter("tcp_meter", cell, None)

    def enter(self, client: Client, low: int = 0) -> None:
        """Completes a handshake, under the current secret."""
        ack = client.first(self.secrets.current, low)
        self.exchange(client, client.segment("A", ack=ack))


@contextmanager
def counted(lab: Lab, **expected: int) -> Generator[None]:
    """Exactly these reasons' counters rise by exactly that."""
    before = lab.control.drops()
    yield
    assert lab.control.drops() - before == Counter(expected)


def make_site(lab: Lab, serial: int) -> Site:
    """With secrets of its own: no flow of another site is in the filter."""
    dice = random.Random(serial)
    site = Site(lab, Secrets(dice.getrandbits(64), dice.getrandbits(64)))
    site.set_secrets(site.secrets)
    for client in (ipv4_client(), ipv6_client()):
        site.serve(client)
        site.own(client)
    for bucket in range(BUCKETS):
        site.set_host(bucket, HOST_PORT)
    return site
