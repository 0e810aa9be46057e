# SPDX-License-Identifier: Apache-2.0
"""Copies delivered per second over veth pairs: one push to a group, on each target.

The peers: BMv2 with the same artifact and samplicator, where they are on PATH, and a loop of
sendmmsg() that sends each client its own. Copies are counted by the payload that the far
interfaces got, because a super-frame is one packet to them. Their kernels have no address for
it; only of samplicator's they have, which sends by sockets of theirs.
"""

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import finsy as fy

from hectograph.core.checksum import udp_member_sum
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
HEADER_BYTES = 42
"""Ethernet, IPv4, UDP"""
BUNDLE_MTU = 65535
"""Of the host's link."""
SAMPLICATOR = "samplicate"
SAMPLICATOR_BUFFER_BYTES = 8 << 20
UDP_PORT = 5000
PUSHES_PER_SECOND = (1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000)
"""More than a target can copy makes it slower, so it is measured at each; the best counts."""


def missing() -> None:
    """Nothing: peers that are not here are left out."""


def measure(programs: Path, artifacts: Path) -> list[Row]:
    rows: list[Row] = []
    for payload in PAYLOADS:
        embedded = _best(TARGETS["embedded"], payload, artifacts)
        peers = {"sendmmsg": _sendmmsg(programs, payload)}
        if TARGETS["bmv2"].missing() is None:
            peers["bmv2"] = _best(TARGETS["bmv2"], payload, artifacts)
        if shutil.which(SAMPLICATOR):
            peers["samplicator"] = _samplicator(payload)
        name = f"over veth, {payload} bytes, group of {MEMBERS}"
        for peer, its in peers.items():
            rows.append(row(name, embedded.copies, "copies/s", peer, its.copies))
            unit = "copies per CPU s"
            rows.append(row(name, embedded.per_cpu, unit, peer, its.per_cpu))
    return rows


@dataclass(frozen=True, slots=True)
class Delivery:
    copies: float
    """Per second."""
    per_cpu: float
    """Per second of CPU time of what makes them, the kernel's work on it included."""


def _cpu(pid: int) -> float:
    """Seconds of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sendmmsg(programs: Path, payload: int) -> Delivery:
    with _links() as (bed, here, far):
        command = [str(programs / "sendmmsg"), str(payload), str(SECONDS)]
        command += [f"switch{port}" for port in _client_ports()]
        before = _received(far, payload)
        program = bed.start("sendmmsg", command, here)
        time.sleep(SECONDS / 2)
        cpu, copies = _cpu(program.pid), _received(far, payload) - before
        program.wait(SECONDS + 10)
        return Delivery((_received(far, payload) - before) / SECONDS, copies / cpu)


def _samplicator(payload: int) -> Delivery:
    """It gets datagrams over the loopback, and its copies go to a socket that nobody reads."""
    with (
        _links(addressed=True) as (bed, here, far),
        far.entered(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("", UDP_PORT))
        options = ["-p", str(UDP_PORT), "-s", "127.0.0.1", "-b", str(SAMPLICATOR_BUFFER_BYTES)]
        clients = [f"{address}/{UDP_PORT}" for each in _addresses() for address in each]
        program = bed.start(SAMPLICATOR, [SAMPLICATOR, *options, *clients], here)
        time.sleep(0.3)
        return _most([_copied(bed, here, far, payload, r, program.pid) for r in PUSHES_PER_SECOND])


def _copied(
    bed: Testbed, here: Namespace, far: Namespace, payload: int, rate: int, pid: int
) -> Delivery:
    """Datagrams at this rate; one program of Python sends some 100,000 a second at most."""
    source = str(Path(__file__).with_name("udp_source.py"))
    command = [sys.executable, source, "127.0.0.1", str(UDP_PORT), str(payload), str(rate)]
    program = bed.start(f"source-{rate}", command, here)
    time.sleep(0.3)
    return _observed(far, payload, pid, program)


def _addresses() -> list[list[str]]:
    """Of the members, by port."""
    each = range(2, 2 + MEMBERS // PORTS)
    return [[f"10.2.{port}.{host}" for host in each] for port in _client_ports()]


def _best(target: Target, payload: int, artifacts: Path) -> Delivery:
    """The most at any push rate, and the most for its CPU time."""
    with _links() as (bed, here, far), _running(bed, here, target, artifacts) as pid:
        return _most(
            [_delivered(bed, here, far, payload, rate, target, pid) for rate in PUSHES_PER_SECOND]
        )


def _most(each: list[Delivery]) -> Delivery:
    return Delivery(max(one.copies for one in each), max(one.per_cpu for one in each))


def _delivered(
    bed: Testbed,
    here: Namespace,
    far: Namespace,
    payload: int,
    rate: int,
    target: Target,
    pid: int,
) -> Delivery:
    content = bed.directory / "content"
    content.write_bytes(bytes(range(256)) * 4096)
    command = [str(program_path()), "push", "--interface", "push", "--group", str(GROUP)]
    command += ["--segment-bytes", str(payload), "--pps", str(rate), "--loop", str(content)]
    command += ["--bundles"] if target.bundles else []
    pusher = bed.start(f"pusher-{rate}", command, here)
    time.sleep(0.3)
    return _observed(far, payload, pid, pusher)


def _observed(far: Namespace, payload: int, pid: int, source: Program) -> Delivery:
    """While the source runs, which is stopped then."""
    before, cpu, start = _received(far, payload), _cpu(pid), time.monotonic()
    time.sleep(SECONDS)
    copies = _received(far, payload) - before
    delivery = Delivery(copies / (time.monotonic() - start), copies / max(_cpu(pid) - cpu, 0.01))
    source.stop()
    return delivery


def _client_ports() -> range:
    return range(HOST_PORT + 1, HOST_PORT + 1 + PORTS)


@contextmanager
def _links(*, addressed: bool = False) -> Generator[tuple[Testbed, Namespace, Namespace]]:
    """The switch's namespace, with the host's link in it, and the one of all clients; with
    addresses where kernels are to send."""
    with Testbed() as bed:
        here, far = bed.namespace("switch"), bed.namespace("clients")
        push = End(here, "push", ipv6=False)
        bed.veth(End(here, f"switch{HOST_PORT}", ipv6=False), push, BUNDLE_MTU)
        for port, hosts in zip(_client_ports(), _addresses(), strict=True):
            ours = (f"10.2.{port}.1/24",) if addressed else ()
            theirs = tuple(f"{host}/24" for host in hosts) if addressed else ()
            bed.veth(
                End(here, f"switch{port}", addresses=ours, ipv6=False, checksum_offload=True),
                End(far, f"far{port}", addresses=theirs, ipv6=False, checksum_offload=True),
            )
        yield bed, here, far


@contextmanager
def _running(bed: Testbed, here: Namespace, target: Target, artifacts: Path) -> Generator[int]:
    """The target with its pipeline and one group of members: its process's number."""
    with here.entered(), socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    interfaces = {port: f"switch{port}" for port in (HOST_PORT, *_client_ports())}
    program: Program = bed.start(
        target.name, target.command(interfaces, address, [HOST_PORT]), here
    )
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    here.call(lambda: asyncio.run(_set_up(address, artifacts)))
    yield program.pid
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
            member_sum=udp_member_sum(source, client, 5000, 5000),
        ),
    )


def _received(far: Namespace, payload: int) -> float:
    """Copies so far."""
    counters = [far.counters(f"far{port}") for port in _client_ports()]
    return sum(each.rx_bytes - HEADER_BYTES * each.rx_packets for each in counters) / payload
