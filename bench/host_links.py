# SPDX-License-Identifier: Apache-2.0
"""Eight downloads at once over host links of several MTUs, and what the switch's port lost.

A host link is narrow for the pusher, which is faster than the switch: docs/host-link.md.
nginx has a link of its own to each client, which is the same in every row.
"""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import tcp_lab
from hectograph.drivers.port_metrics import read_port_drops
from rows import Row, row
from tcp_lab import HOST_PORT, Content
from tcp_load import Case, Load, add_round

MTUS = (1500, 4000, 9000, 20_000, 65_535)
CLIENTS = 8
CONTENT_BYTES = 20_000_000
ROUNDS = 5


@dataclass(slots=True)
class HostLink:
    mtu: int
    lab: tcp_lab.Lab
    metrics: str
    """Where the switch serves its own."""
    loads: tuple[Load, Load] = field(default_factory=lambda: (Load(), Load()))

    def add_round(self, programs: Path, content: Content) -> None:
        case = Case(content, CLIENTS, 0.0)
        for load, server in zip(self.loads, self.lab.servers, strict=True):
            add_round(load, self.lab, programs, server, case)

    def rows(self, how: str) -> list[Row]:
        name = f"8 of 20 MB {how}, host link of {self.mtu:,}"
        ours, peer = (sorted(load.last_byte) for load in self.loads)
        middle, last = len(ours) // 2, -1
        return [
            row(f"{name}: complete, p50", ours[middle] / 1e3, "ms", "nginx", peer[middle] / 1e3),
            row(f"{name}: the last of {ROUNDS}", ours[last] / 1e3, "ms", "nginx", peer[last] / 1e3),
            row(f"{name}: lost", self._lost(), "frames", "sent", self._sent()),
        ]

    def _lost(self) -> int:
        drops = asyncio.run(read_port_drops(self.metrics))
        return sum(each.packets for each in drops if each.port == HOST_PORT)

    def _sent(self) -> int:
        """By the pusher, marks too."""
        lab = self.lab.ours.lab
        return lab.here.counters(f"{lab.prefix}host{HOST_PORT}").tx_packets


@contextmanager
def linked(mtu: int, *, entries: bool = True) -> Generator[HostLink]:
    """Without `entries` the switch is left to a controller."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    options = ("--metrics", metrics)
    with tcp_lab.running(entries=entries, host_mtu=mtu, options=options) as lab:
        yield HostLink(mtu, lab, metrics)


def measure_alone(programs: Path) -> list[Row]:
    """Nobody watches cohorts: everybody is served alone."""
    rows: list[Row] = []
    for mtu in MTUS:
        with linked(mtu) as link:
            content = link.lab.add_content(CONTENT_BYTES)
            for _ in range(ROUNDS):
                link.add_round(programs, content)
            rows += link.rows("alone")
    return rows
