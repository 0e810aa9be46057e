# SPDX-License-Identifier: Apache-2.0
"""The network: a host, a switch, and clients behind a link each.

    host ── push0 ═ host1 ── switch ── client2 ═ eth0 ── client 1
                                    ── client3 ═ eth0 ── client 2 ...

The switch and its controller live in the process's own namespace, where the
demonstration can speak to them; the host and every client have one of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from hectograph.demo.likeness import Likeness, Line
from hectograph.testbed import Counters, End, Namespace, Testbed, limit_rate

HOST_PORT = 1
HOST_INTERFACE = "push0"
CLIENT_INTERFACE = "eth0"
UDP_PORT = 5000
BUNDLE_MTU = 65535
"""Of the host's link, where many pushes go in one frame."""

SOURCE_MAC = "02:00:00:00:00:01"
SOURCE_IPV4 = IPv4Address("10.0.0.1")
SOURCE_IPV6 = IPv6Address("fd00::1")
IPV4_NETWORK = int(IPv4Address("10.1.0.0"))
IPV6_NETWORK = int(IPv6Address("fd00::1:0:0"))


@dataclass(frozen=True, slots=True)
class Client:
    name: str
    port: int
    """Of the switch."""
    mac: str
    address: IPv4Address | IPv6Address
    namespace: Namespace

    def counters(self) -> Counters:
        return self.namespace.counters(CLIENT_INTERFACE)


@dataclass(frozen=True, slots=True)
class Topology:
    host: Namespace
    switch: Namespace
    ports: Mapping[int, str]
    """The switch's interfaces."""
    clients: tuple[Client, ...]
    mtu: int

    def host_counters(self) -> Counters:
        return self.host.counters(HOST_INTERFACE)


def build(bed: Testbed, count: int, mtu: int, likeness: Likeness, *, bundles: bool) -> Topology:
    """Odd clients are on IPv4, even ones on IPv6. Without `bundles` on the host's link, and with
    them super-frames on the clients', every segment is a packet, and has its checksum, as on a
    wire."""
    switch, host = Namespace.current("switch"), bed.namespace("host")
    ports = {HOST_PORT: f"host{HOST_PORT}"}
    near, far = End(switch, ports[HOST_PORT], ipv6=False), End(host, HOST_INTERFACE, ipv6=False)
    bed.veth(far, near, mtu=likeness.host_mtu or (BUNDLE_MTU if bundles else mtu))
    for end in (near, far):
        _limit(end, likeness.host)
    clients = tuple(_client(bed, number) for number in range(1, count + 1))
    for client in clients:
        ports[client.port] = f"client{client.port}"
        prefix = 8 if client.address.version == 4 else 64
        far = End(
            client.namespace,
            CLIENT_INTERFACE,
            client.mac,
            (f"{client.address}/{prefix}",),
            checksum_offload=bundles,
        )
        near = End(switch, ports[client.port], ipv6=False, checksum_offload=bundles)
        bed.veth(far, near, mtu=mtu)
        _limit(near, likeness.port)
    return Topology(host, switch, ports, clients, mtu)


def _limit(end: End, line: Line | None) -> None:
    if line:
        limit_rate(end.namespace, end.interface, line.bits_per_second, line.queue_bytes)


def _client(bed: Testbed, number: int) -> Client:
    name = f"client-{number}"
    ipv4 = number % 2 == 1
    return Client(
        name=name,
        port=HOST_PORT + number,
        mac=(0x020000010000 + number).to_bytes(6).hex(":"),
        address=IPv4Address(IPV4_NETWORK + number) if ipv4 else IPv6Address(IPV6_NETWORK + number),
        namespace=bed.namespace(name),
    )
