# SPDX-License-Identifier: Apache-2.0
"""A host's link, a target with one group of members on eight ports, and the far ends of those,
where copies are counted by the payload that came: a super-frame is one packet to an interface.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import finsy as fy

import usage
from hectograph.core.checksum import udp_member_sum
from hectograph.pusher import program_path
from hectograph.testbed import End, Namespace, Program, Testbed
from hectograph.testbed.targets import Target

PORTS = 8
MEMBERS = 32
GROUP = 1
HOST_PORT = 1
CLIENT_PORTS = range(HOST_PORT + 1, HOST_PORT + 1 + PORTS)
PAYLOADS = (64, 512, 1400)
SECONDS = 2.0
HEADER_BYTES = 42
"""Ethernet, IPv4, UDP"""
BUNDLE_MTU = 65535
"""Of the host's link."""
UDP_PORT = 5000
PUSHES_PER_SECOND = (1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000)
"""More than a target can copy makes it slower, so it is measured at each; the best counts."""


logging.getLogger("finsy").setLevel(logging.ERROR)  # it warns of each switch without gNMI


@dataclass(frozen=True, slots=True)
class Delivery:
    copies: float
    """Per second."""
    per_cpu: float
    """Per second of CPU time of what makes them, the kernel's work on it included."""


@dataclass(frozen=True, slots=True)
class CopiesLab:
    bed: Testbed
    switch: Namespace
    clients: Namespace

    def received(self, payload: int) -> float:
        """Copies so far."""
        counters = [self.clients.counters(f"far{port}") for port in CLIENT_PORTS]
        return sum(each.rx_bytes - HEADER_BYTES * each.rx_packets for each in counters) / payload

    def pusher(self, target: Target, payload: int, rate: int) -> Program:
        content = self.bed.directory / "content"
        content.write_bytes(bytes(range(256)) * 4096)
        command = [str(program_path()), "push", "--interface", "push", "--group", str(GROUP)]
        command += ["--segment-bytes", str(payload), "--pps", str(rate), "--loop", str(content)]
        command += ["--bundles"] if target.bundles else []
        return self.bed.start(f"pusher-{rate}", command, self.switch)

    def observed(self, payload: int, pid: int, source: Program) -> Delivery:
        """While the source runs, which is stopped then; `pid` makes the copies."""
        time.sleep(0.3)
        before, cpu, start = self.received(payload), usage.process_cpu(pid), time.monotonic()
        time.sleep(SECONDS)
        copies = self.received(payload) - before
        seconds, used = time.monotonic() - start, usage.process_cpu(pid) - cpu
        source.stop()
        return Delivery(copies / seconds, copies / max(used, 0.01))

    @contextmanager
    def running(
        self, target: Target, artifacts: Path, options: Sequence[str] = ()
    ) -> Generator[Program]:
        """The target with its pipeline and the group."""
        with self.switch.entered(), socket.create_server(("127.0.0.1", 0)) as probe:
            grpc_port: int = probe.getsockname()[1]
        address = f"127.0.0.1:{grpc_port}"
        interfaces = {port: f"switch{port}" for port in (HOST_PORT, *CLIENT_PORTS)}
        command = [*target.command(interfaces, address, [HOST_PORT]), *options]
        program = self.bed.start(target.name, command, self.switch)
        program.wait_until(lambda: self.switch.listens_on_tcp(grpc_port))
        self.switch.call(lambda: asyncio.run(_set_up(address, artifacts)))
        yield program
        program.stop()


@contextmanager
def copies_lab(*, addressed: bool = False) -> Generator[CopiesLab]:
    """The far kernels have no address for what comes, unless they are to: `addressed`, for
    copies that this kernel's UDP sends."""
    with Testbed() as bed:
        switch, clients = bed.namespace("switch"), bed.namespace("clients")
        push = End(switch, "push", ipv6=False)
        bed.veth(End(switch, f"switch{HOST_PORT}", ipv6=False), push, BUNDLE_MTU)
        for port, hosts in zip(CLIENT_PORTS, member_addresses(), strict=True):
            ours = (f"10.2.{port}.1/24",) if addressed else ()
            theirs = tuple(f"{host}/24" for host in hosts) if addressed else ()
            bed.veth(
                End(switch, f"switch{port}", addresses=ours, ipv6=False, checksum_offload=True),
                End(clients, f"far{port}", addresses=theirs, ipv6=False, checksum_offload=True),
            )
        yield CopiesLab(bed, switch, clients)


def best_delivery(
    target: Target, payload: int, artifacts: Path, options: Sequence[str] = ()
) -> Delivery:
    """The most at any push rate, and the most for its CPU time."""
    with copies_lab() as lab, lab.running(target, artifacts, options) as program:
        return most(
            lab.observed(payload, program.pid, lab.pusher(target, payload, rate))
            for rate in PUSHES_PER_SECOND
        )


def most(deliveries: Iterable[Delivery]) -> Delivery:
    each = list(deliveries)
    return Delivery(max(one.copies for one in each), max(one.per_cpu for one in each))


def member_addresses() -> list[list[str]]:
    """By port."""
    each = range(2, 2 + MEMBERS // PORTS)
    return [[f"10.2.{port}.{host}" for host in each] for port in CLIENT_PORTS]


async def _set_up(address: str, artifacts: Path) -> None:
    options = fy.SwitchOptions(
        p4info=artifacts / "hectograph.p4info.txtpb", p4blob=artifacts / "hectograph.json"
    )
    async with fy.Switch("switch", address, options) as switch:
        await switch.insert(_entries())


def _entries() -> list[fy.P4TableEntry | fy.P4MulticastGroupEntry]:
    ports = [CLIENT_PORTS[i % PORTS] for i in range(MEMBERS)]
    replicas = [(port, instance) for instance, port in enumerate(ports, 1)]
    return [
        fy.P4TableEntry(
            "host_port",
            match=fy.P4TableMatch({"ingress_port": HOST_PORT}),
            action=fy.P4TableAction("is_host"),
        ),
        fy.P4MulticastGroupEntry(GROUP, replicas=replicas),
        fy.P4TableEntry(
            "push_group",
            match=fy.P4TableMatch({"group": GROUP}),
            action=fy.P4TableAction("replicate", multicast_group=GROUP),
        ),
        *(_member(instance) for instance in range(1, MEMBERS + 1)),
    ]


def _member(instance: int) -> fy.P4TableEntry:
    source, client = IPv4Address("10.0.0.1"), IPv4Address("10.1.0.0") + instance
    return fy.P4TableEntry(
        "member",
        match=fy.P4TableMatch({"group": GROUP, "instance": instance}),
        action=fy.P4TableAction(
            "udp_ipv4",
            dst_mac=f"02:00:00:00:01:{instance:02x}",
            src_mac="02:00:00:00:00:01",
            vlan_tci=0,
            src_addr=source,
            dst_addr=client,
            ttl=64,
            src_port=UDP_PORT,
            dst_port=UDP_PORT,
            member_sum=udp_member_sum(source, client, UDP_PORT, UDP_PORT),
        ),
    )
