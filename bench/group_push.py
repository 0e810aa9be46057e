# SPDX-License-Identifier: Apache-2.0
"""What it costs to serve TCP clients together: one push for all of them, which the switch copies.

The pusher is `group_push.c`, which has nothing to do but push; clients are the kernel's TCP.
Beside it: the same where the kernel copies the payload for every client, a push for each
client, and nginx.
"""

import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

import finsy as fy

import tcp
import tcp_lab
import tcp_load
import usage
from hectograph.core.checksum import tcp_member_sum
from hectograph.core.entities import (
    Change,
    Entity,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    TcpMemberEntry,
)
from hectograph.core.validate import mac_number
from hectograph.drivers.codec import encode_change
from hectograph.errors import ToolFailure
from hectograph.testbed.targets import TARGETS
from rows import Row, row
from tcp_lab import tcplab

CLIENTS = (1, 8, 64, 512)
BYTES = 64 << 20
"""Of one download, at most."""
DELIVERED = 2 << 30
"""To all clients of a round, at most."""
ROUNDS = 3
GROUP, TREE = 8192, 4000
EACH = 0
"""Instead of a group: flow pushes."""
WINDOW = 65535
LIMIT_SECONDS = 120.0
NS = 1e9
START_SECONDS = 0.3
REPAIRED = 0.01
"""More repairs than that part of the pushes, and what was measured is something else."""


def missing() -> str | None:
    return tcp.missing()


@dataclass(slots=True)
class Cost:
    """CPU seconds; those of several rounds add up."""

    switch: float = 0
    pusher: float = 0
    clients: float = 0
    pushes: int = 0
    gigabytes: float = 0
    seconds: float = 0

    @property
    def servers(self) -> float:
        return self.switch + self.pusher


@dataclass(slots=True)
class Bench:
    lab: tcp_lab.Lab
    programs: Path

    def add_content(self, size: int) -> tcplab.Content:
        """Whose clients' pulls come to `group_push`."""
        ours = self.lab.ours.lab
        content = self.lab.add_content(size)
        ours.give_buckets(tcplab.Host(tcplab.OTHER_HOST_PORT, ours.host.control, ours.host.pusher))
        return content

    def run(self, cost: Cost, content: tcplab.Content, clients: int, size: int, group: int) -> None:
        started = time.monotonic() + START_SECONDS
        downloads = self._start_clients(content, clients, int(started * NS))
        pusher = self._start_pusher(clients, size, group)
        entities: list[Entity] = []
        assert pusher.stdout is not None
        try:
            members = list(iter(pusher.stdout.readline, "\n"))
            if group:
                entities = _entities(members)
                self._write(Operation.INSERT, entities)
            switch, begin = usage.process_cpu(self._switch), time.monotonic()
            output, _ = pusher.communicate("go\n", timeout=LIMIT_SECONDS)
            outputs = [client.communicate(timeout=LIMIT_SECONDS)[0] for client in downloads]
        finally:
            for process in (pusher, *downloads):
                process.kill()
        cost.seconds += time.monotonic() - begin
        cost.switch += usage.process_cpu(self._switch) - switch
        if entities:
            self._write(Operation.DELETE, entities[::-1])
        if any(process.returncode for process in (pusher, *downloads)):
            raise ToolFailure("a download was not complete")
        for text in outputs:
            received, _, _, cpu = (int(word) for word in text.splitlines()[0].split())
            cost.gigabytes += received / 1e9
            cost.clients += cpu / 1e6
        pushes, repairs, cpu = (int(word) for word in output.split())
        if repairs > pushes * REPAIRED:
            raise ToolFailure(f"{repairs} repairs of {pushes} pushes: the machine is too busy")
        cost.pushes += pushes
        cost.pusher += cpu / 1e6

    @property
    def _switch(self) -> int:
        return self.lab.ours.lab.switch.pid

    def _start_pusher(self, clients: int, size: int, group: int) -> "subprocess.Popen[str]":
        interface = f"{self.lab.ours.lab.prefix}host{tcplab.OTHER_HOST_PORT}"
        command = [str(self.programs / "group_push"), interface]
        command += [str(clients), str(size), str(group)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _start_clients(
        self, content: tcplab.Content, clients: int, start: int
    ) -> "list[subprocess.Popen[str]]":
        used = min(clients, len(self.lab.clients))
        started: list[subprocess.Popen[str]] = []
        for namespace in self.lab.clients[:used]:
            command = [str(self.programs / "download"), str(content.addresses[0]), "/"]
            command += [str(clients // used), "0", str(start)]
            with namespace.entered():
                started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started

    def _write(self, operation: Operation, entities: Sequence[Entity]) -> None:
        schema = fy.P4Schema(tcplab.artifacts()[0])
        self.lab.ours.lab.write([encode_change(Change(operation, e), schema) for e in entities])


def _entities(lines: Sequence[str]) -> list[Entity]:
    members = [_member(line) for line in lines]
    replicas = frozenset(replica for replica, _ in members)
    entries = [entry for _, entry in members]
    return [*entries, MulticastGroup(TREE, replicas), PushGroup(GROUP, TREE)]


def _member(line: str) -> tuple[Replica, TcpMemberEntry]:
    instance, port, client_mac, service_mac, *rest = line.split()
    client, client_port, service, service_port, base, ack_no = rest
    source, destination = IPv4Address(service), IPv4Address(client)
    ports = int(service_port), int(client_port)
    entry = TcpMemberEntry(
        group=GROUP,
        instance=int(instance),
        dst_mac=mac_number(client_mac),
        src_mac=mac_number(service_mac),
        vlan_tci=0,
        src_addr=source,
        dst_addr=destination,
        src_port=ports[0],
        dst_port=ports[1],
        member_sum=tcp_member_sum(source, destination, *ports, int(ack_no), WINDOW),
        sequence_base=int(base),
        ack_no=int(ack_no),
        window=WINDOW,
    )
    return Replica(int(port), int(instance)), entry


@contextmanager
def _benches(programs: Path) -> Generator[tuple[Bench, Bench]]:
    """What the kernel takes, and with a copy of the payload for every client."""
    target = TARGETS["embedded"]
    copying = replace(target, program=(*target.program, "--io", "super"))
    with tcp_lab.running() as one, tcp_lab.running(copying) as other:
        yield Bench(one, programs), Bench(other, programs)


def measure(programs: Path, artifacts: Path) -> list[Row]:  # noqa: ARG001
    rows: list[Row] = []
    with _benches(programs) as (bench, copying):
        for clients in CLIENTS:
            size = min(BYTES, DELIVERED // clients)
            contents = bench.add_content(size), copying.add_content(size)
            ours, copied, each, nginx = Cost(), Cost(), Cost(), tcp_load.Load()
            for _ in range(ROUNDS):
                bench.run(ours, contents[0], clients, size, GROUP)
                copying.run(copied, contents[1], clients, size, GROUP)
                bench.run(each, contents[0], clients, size, EACH)
                case = tcp_load.Case(contents[0], clients, 0)
                tcp_load.add_round(nginx, bench.lab, programs, bench.lab.nginx, case)
            name = f"{clients} client{'s' if clients > 1 else ''}"
            rows += _rows(name, ours, {"copied": copied, "flow pushes": each})
            rows += _beside_nginx(name, ours, nginx)
    return rows


def _rows(name: str, ours: Cost, peers: dict[str, Cost]) -> list[Row]:
    rows: list[Row] = []
    for peer, its in peers.items():
        for part in ("switch", "pusher", "clients"):
            values = [getattr(cost, part) / cost.gigabytes for cost in (ours, its)]
            rows.append(row(f"{name}: {part}", values[0], "CPU s per GB", peer, values[1]))
        rates = [8 * cost.gigabytes / cost.seconds for cost in (ours, its)]
        rows.append(row(f"{name}: rate", rates[0], "Gbit/s", peer, rates[1]))
    return rows


def _beside_nginx(name: str, ours: Cost, nginx: tcp_load.Load) -> list[Row]:
    server = nginx.server_cpu["nginx"]
    parts = {
        "servers": (ours.servers, server),
        "clients": (ours.clients, nginx.client_cpu),
        "all programs": (ours.servers + ours.clients, nginx.process_cpu),
    }
    rows = [
        row(
            f"{name}: {part}",
            one / ours.gigabytes,
            "CPU s per GB",
            "nginx",
            other / nginx.gigabytes,
        )
        for part, (one, other) in parts.items()
    ]
    rates = 8 * ours.gigabytes / ours.seconds, 8 * nginx.gigabytes / nginx.seconds
    return [*rows, row(f"{name}: rate", rates[0], "Gbit/s", "nginx", rates[1])]
