# SPDX-License-Identifier: Apache-2.0
"""Downloads over TCP beside nginx: goodput, CPU time, requests, first bytes, memory.

Both serve the same files to the same clients in the same namespaces, in turns.
"""

from pathlib import Path

import host_links
import tcp_lab
import tcp_memory
from rows import Row, row
from tcp_load import Case, Load, add_round

SECONDS = 2.0
ROUNDS = 2
LONG_SECONDS = 10.0
"""One round of a case that takes longer than this is enough."""

CLIENTS = (1, 8, 64)
REQUEST_BYTES = 1 << 10
DOWNLOADS = {"10 KiB": 10 << 10, "1 MiB": 1 << 20, "100 MiB": 100 << 20}

CONNECTIONS = (1, 1_000, 100_000)
OPEN_CONTENT_BYTES = 1 << 20

BUSY_CORES = 0.1
"""With others at work to this extent, what the whole machine did says nothing about us."""


NEEDED = {"nginx": "nginx-light", "ip": "iproute2", "tc": "iproute2"}
"""Programs, and Debian's packages of them."""


def missing() -> str | None:
    """Why it cannot be measured here, and what to do about it."""
    for program, package in NEEDED.items():
        if tcp_lab.find(program) is None:
            return f"{program} is not installed (Debian: apt install {package})"
    return None


def measure(programs: Path, artifacts: Path) -> list[Row]:  # noqa: ARG001
    rows: list[Row] = []
    with tcp_lab.running() as lab:
        content = lab.add_content(REQUEST_BYTES)
        for clients in CLIENTS:
            rows += _requests(
                _name("1 KiB", clients), *_alternate(lab, programs, Case(content, clients, SECONDS))
            )
        for size, size_bytes in DOWNLOADS.items():
            content = lab.add_content(size_bytes)
            for clients in CLIENTS:
                rows += _goodput(
                    _name(size, clients),
                    *_alternate(lab, programs, Case(content, clients, SECONDS)),
                )
        rows += _memory(lab, programs)
    return rows + host_links.measure_alone(programs)


def _name(size: str, clients: int) -> str:
    return f"{size}, {clients} client{'s' if clients > 1 else ''}"


def _alternate(lab: tcp_lab.Lab, programs: Path, case: Case) -> tuple[Load, Load]:
    ours, peer = Load(), Load()
    for _ in range(ROUNDS):
        for load, server in ((ours, lab.ours), (peer, lab.nginx)):
            if load.seconds < LONG_SECONDS:
                add_round(load, lab, programs, server, case)
    return ours, peer


def _requests(name: str, ours: Load, peer: Load) -> list[Row]:
    def each(what: str, unit: str, one: float, other: float) -> Row:
        return row(f"{name}: {what}", one, unit, "nginx", other)

    return [
        each("requests", "per s", ours.downloads / ours.seconds, peer.downloads / peer.seconds),
        each("first byte, p50", "µs", ours.percentile(50), peer.percentile(50)),
        each("first byte, p99", "µs", ours.percentile(99), peer.percentile(99)),
        *_cpu(name, "CPU µs each", ours, peer, ours.downloads / 1e6, peer.downloads / 1e6),
    ]


def _goodput(name: str, ours: Load, peer: Load) -> list[Row]:
    rates = [load.bytes * 8 / load.seconds / 1e6 for load in (ours, peer)]
    return [
        row(f"{name}: goodput", rates[0], "Mbit/s", "nginx", rates[1]),
        *_cpu(name, "CPU s per GB", ours, peer, ours.gigabytes, peer.gigabytes),
    ]


def _cpu(name: str, unit: str, ours: Load, peer: Load, by: float, peer_by: float) -> list[Row]:
    nginx = peer.server_cpu["nginx"]
    parts = {
        "all programs": (ours.process_cpu, peer.process_cpu),
        "servers": (sum(ours.server_cpu.values()), nginx),
        "pusher": (ours.server_cpu["pusher"], nginx),
        "switch": (ours.server_cpu["switch"], nginx),
        "clients": (ours.client_cpu, peer.client_cpu),
    }
    if max(ours.idle, peer.idle) < BUSY_CORES:
        parts["whole machine"] = (ours.machine_cpu, peer.machine_cpu)
    return [
        row(f"{name}: {what}", one / by, unit, "nginx", other / peer_by)
        for what, (one, other) in parts.items()
    ]


def _memory(lab: tcp_lab.Lab, programs: Path) -> list[Row]:
    lab.make_room(max(CONNECTIONS))
    content = lab.add_content(OPEN_CONTENT_BYTES)
    ours, peer = (
        tcp_memory.measure(lab, programs, server, content, CONNECTIONS) for server in lab.servers
    )
    rows: list[Row] = []
    for count, one, other in zip(CONNECTIONS, ours, peer, strict=True):
        name = f"{count:,} open connection{'s' if count > 1 else ''}"
        total = (one.processes + one.kernel, other.processes + other.kernel)
        for what, value, peer_value in (
            ("memory", *total),
            ("of it processes", one.processes, other.processes),
            ("of it kernel", one.kernel, other.kernel),
            ("accounted to sockets", one.buffers, other.buffers),
        ):
            if peer_value:  # what the kernel needs for one connection does not show
                rows.append(row(f"{name}: {what}", value / 1e6, "MB", "nginx", peer_value / 1e6))
    return rows
