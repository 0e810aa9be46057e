# SPDX-License-Identifier: Apache-2.0
"""A UDP group push to eight clients, behind ports of which four are slow, down or not read."""

import socket
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol, cast

import finsy as fy
from tcplab import OTHER_HOST_PORT, Client, Content, Lab

from hectograph.core.checksum import udp_member_sum
from hectograph.pusher import program_path
from hectograph.testbed.process import Program

SLOW = {0: 10_000_000, 1: 100_000_000}
"""Bits per second, by client."""
DOWN, UNREAD = 2, 3
GOOD = range(4, 8)
CLIENTS = 8
GROUP = 1
UDP_PORT = 7000
SEGMENT_BYTES = 1400
HEADER_BYTES = 42
"""Ethernet, IPv4, UDP"""
QUEUE_BYTES = 64 << 10
"""Of a slow port's interface."""
BURST_BYTES = 16 << 10
TC_H_ROOT = 0xFFFFFFFF
"""linux/pkt_sched.h"""
SOURCE = IPv4Address("10.0.2.1")


class _TrafficSocket(Protocol):
    """What is used here of pyroute2's IPRoute, which has no types of its own."""

    def link_lookup(self, *, ifname: str) -> Sequence[int]: ...
    def link(self, command: str, /, **attributes: object) -> object: ...
    def tc(self, command: str, kind: str | None = None, /, **attributes: object) -> object: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class SlowPorts:
    """Ports are as fast as the machine until `slowed()`."""

    lab: Lab

    def join(self) -> None:
        """All clients, into one group."""
        ports = [client.port for client in self.lab.clients]
        replicas = [(port, instance) for instance, port in enumerate(ports, 1)]
        group = fy.P4MulticastGroupEntry(GROUP, replicas=replicas)
        action = fy.P4TableAction("replicate", multicast_group=GROUP)
        match = fy.P4TableMatch({"group": GROUP})
        entry = fy.P4TableEntry("push_group", match=match, action=action)
        members = [_member(instance) for instance in range(1, CLIENTS + 1)]
        self.lab.insert([group, entry, *members])  # pyright: ignore[reportArgumentType]

    @contextmanager
    def slowed(self, content: Content) -> Generator[None]:
        """One at 10 Mbit/s, one at 100, one down, one whose client reads nothing that it gets."""
        unread = self.lab.clients[UNREAD]
        with self._no_reader(unread), self._download_not_read(unread, content):
            for client, rate in SLOW.items():
                self._change(client, lambda ip, index, rate=rate: _limit(ip, index, rate))
            self._change(DOWN, lambda ip, index: ip.link("set", index=index, state="down"))
            try:
                yield
            finally:
                for client in SLOW:
                    self._change(client, _unlimit)
                self._change(DOWN, lambda ip, index: ip.link("set", index=index, state="up"))

    def pushed(self, path: str, bits_per_second: int, *options: str) -> Program:
        """The file, to the group."""
        lab = self.lab
        command = [str(program_path()), "push", "--interface", f"{lab.prefix}host{OTHER_HOST_PORT}"]
        command += ["--group", str(GROUP), "--segment-bytes", str(SEGMENT_BYTES), "--bundles"]
        command += ["--pps", str(bits_per_second // 8 // SEGMENT_BYTES), *options, path]
        return lab.testbed.start(f"push-{time.monotonic_ns()}", command, lab.here)

    def received(self, client: int) -> int:
        """Bytes of pushes so far: a super-frame is one packet to an interface."""
        counters = self.lab.clients[client].namespace.counters("eth")
        return counters.rx_bytes - HEADER_BYTES * counters.rx_packets

    def _interface(self, client: int) -> str:
        return f"{self.lab.prefix}switch{self.lab.clients[client].port}"

    def _change(self, client: int, change: "Callable[[_TrafficSocket, int], object]") -> None:
        from pyroute2 import IPRoute  # pyright: ignore[reportMissingTypeStubs]

        def changed() -> None:
            ip = cast(_TrafficSocket, IPRoute())
            try:
                change(ip, ip.link_lookup(ifname=self._interface(client))[0])
            finally:
                ip.close()

        self.lab.here.call(changed)

    @contextmanager
    def _no_reader(self, client: Client) -> Generator[None]:
        with client.namespace.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.bind(("", UDP_PORT))
            yield

    @contextmanager
    def _download_not_read(self, client: Client, content: Content) -> Generator[None]:
        with client.connect(content.addresses[0]) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            yield


def _limit(ip: _TrafficSocket, index: int, bits_per_second: int) -> None:
    rate = bits_per_second // 8
    ip.tc("add", "tbf", index=index, rate=rate, burst=BURST_BYTES, limit=QUEUE_BYTES)


def _unlimit(ip: _TrafficSocket, index: int) -> None:
    ip.tc("del", index=index, parent=TC_H_ROOT)


def _member(instance: int) -> fy.P4TableEntry:
    address = IPv4Address("10.0.0.0") + instance
    return fy.P4TableEntry(
        "member",
        match=fy.P4TableMatch({"group": GROUP, "instance": instance}),
        action=fy.P4TableAction(
            "udp_ipv4",
            dst_mac=f"02:00:00:00:03:{instance:02x}",
            src_mac="02:00:00:00:00:01",
            vlan_tci=0,
            src_addr=SOURCE,
            dst_addr=address,
            ttl=64,
            src_port=UDP_PORT,
            dst_port=UDP_PORT,
            member_sum=udp_member_sum(SOURCE, address, UDP_PORT, UDP_PORT),
        ),
    )
