# SPDX-License-Identifier: Apache-2.0
"""Copies delivered per second over veth pairs: one push to a group, on each target.

The peers: BMv2 with the same artifact, where it is on PATH, and a loop of sendmmsg()
that sends each client its own. Received frames are counted by the far interfaces, whose
kernels have no address for them, the same for all.
"""

import asyncio
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import finsy as fy

from hectograph.core.checksum import member_sum
from hectograph.pusher import program_path
from hectograph.testbed import End, Namespace, Program, Testbed
from hectograph.testbed.targets import TARGETS, Target
from rows import Row, row

PORTS = 8
MEMBERS = 32
GROUP = 1
HOST_PORT = 1
PAYLOADS = (64, 512, 1400)
SECONDS = 2.0
PUSHES_PER_SECOND = (1000, 2000, 4000, 8000, 16000, 32000)
"""More than a target can copy makes it slower, so it is measured at each; the best counts."""


def missing() -> None:
    """Nothing: peers that are not here are left out."""


def measure(programs: Path, artifacts: Path) -> list[Row]:
    rows: list[Row] = []
    for payload in PAYLOADS:
        embedded = _best(TARGETS["embedded"], payload, artifacts)
        name = f"delivered over veth, {payload} bytes, group of {MEMBERS}"
        rows.append(row(name, embedded, "copies/s", "sendmmsg", _sendmmsg(programs, payload)))
        if TARGETS["bmv2"].missing() is None:
            bmv2 = _best(TARGETS["bmv2"], payload, artifacts)
            rows.append(row(name, embedded, "copies/s", "bmv2", bmv2))
    return rows


def _sendmmsg(programs: Path, payload: int) -> float:
    with _links() as (bed, here, far):
        command = [str(programs / "sendmmsg"), str(payload), str(SECONDS)]
        command += [f"switch{port}" for port in _client_ports()]
        before = _received(far)
        bed.start("sendmmsg", command, here).wait(SECONDS + 10)
        return (_received(far) - before) / SECONDS


def _best(target: Target, payload: int, artifacts: Path) -> float:
    """Copies per second at the push rate that gives most."""
    with _links() as (bed, here, far), _running(bed, here, target, artifacts):
        return max(_delivered(bed, here, far, payload, rate) for rate in PUSHES_PER_SECOND)


def _delivered(bed: Testbed, here: Namespace, far: Namespace, payload: int, rate: int) -> float:
    content = bed.directory / "content"
    content.write_bytes(bytes(range(256)) * 4096)
    command = [str(program_path()), "push", "--interface", "push", "--group", str(GROUP)]
    command += ["--segment-bytes", str(payload), "--pps", str(rate), "--loop", str(content)]
    pusher = bed.start(f"pusher-{rate}", command, here)
    time.sleep(0.3)
    before, start = _received(far), time.monotonic()
    time.sleep(SECONDS)
    delivered = (_received(far) - before) / (time.monotonic() - start)
    pusher.stop()
    return delivered


def _client_ports() -> range:
    return range(HOST_PORT + 1, HOST_PORT + 1 + PORTS)


@contextmanager
def _links() -> Generator[tuple[Testbed, Namespace, Namespace]]:
    """The switch's namespace, with the host's link in it, and the one of all clients."""
    with Testbed() as bed:
        here, far = bed.namespace("switch"), bed.namespace("clients")
        push = End(here, "push", ipv6=False)
        bed.veth(End(here, f"switch{HOST_PORT}", ipv6=False), push)
        for port in _client_ports():
            near = End(here, f"switch{port}", ipv6=False)
            bed.veth(near, End(far, f"far{port}", ipv6=False))
        yield bed, here, far


@contextmanager
def _running(bed: Testbed, here: Namespace, target: Target, artifacts: Path) -> Generator[None]:
    """The target with its pipeline and one group of members."""
    with here.entered(), socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    interfaces = {port: f"switch{port}" for port in (HOST_PORT, *_client_ports())}
    program: Program = bed.start(target.name, target.command(interfaces, address), here)
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    here.call(lambda: asyncio.run(_set_up(address, artifacts)))
    yield
    program.stop()


async def _set_up(address: str, artifacts: Path) -> None:
    options = fy.SwitchOptions(
        p4info=artifacts / "hectograph.p4info.txtpb", p4blob=artifacts / "hectograph.json"
    )
    async with fy.Switch("switch", address, options) as switch:
        await switch.insert(_entries())


def _entries() -> list[fy.P4TableEntry | fy.P4MulticastGroupEntry]:
    ports = [_client_ports()[i % PORTS] for i in range(MEMBERS)]
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
            src_port=5000,
            dst_port=5000,
            member_sum=member_sum(source, client, 5000, 5000),
        ),
    )


def _received(far: Namespace) -> int:
    return sum(far.counters(f"far{port}").rx_packets for port in _client_ports())
