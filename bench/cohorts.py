# SPDX-License-Identifier: Apache-2.0
"""Simultaneous downloads of one file, from one push, beside nginx.

The same file, the same clients in the same namespaces, in turns. Every client asks once;
all ask at the same moment. Here a controller runs, since it says who is in a cohort.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cohortlab
from tcplab import Content, sha256

import tcp_lab
from hectograph.core.cohorts import CohortSettings
from hectograph.service import Service
from rows import Row, row
from tcp import missing as missing
from tcp_load import Case, Load, add_round, percentile

T = TypeVar("T")

CLIENTS = (1, 8, 64, 512)
CONTENT_BYTES = 100 << 20
SETTINGS = CohortSettings(window_seconds=0.02, patience_seconds=0.5)
MB = 1e6


def measure(programs: Path, artifacts: Path) -> list[Row]:  # noqa: ARG001
    rows: list[Row] = []
    with tcp_lab.running(entries=False) as lab, _controlled(lab) as content:
        for clients in CLIENTS:
            case = Case(content, clients, 0.0)
            ours, peer = (_measure(lab, programs, server, case) for server in lab.servers)
            rows += _rows(f"{clients} client{'s' if clients > 1 else ''}", ours, peer)
    return rows


@dataclass(frozen=True, slots=True)
class Measured:
    load: Load
    sent_bytes: int

    @property
    def host_cpu(self) -> float:
        """Seconds of what runs on the host."""
        cpu = self.load.server_cpu
        return cpu["pusher"] if "pusher" in cpu else cpu["nginx"]

    @property
    def all_cpu(self) -> float:
        """And of the switch."""
        return sum(self.load.server_cpu.values())


def _measure(lab: tcp_lab.Lab, programs: Path, server: tcp_lab.Server, case: Case) -> Measured:
    load, before = Load(), server.sent_bytes()
    add_round(load, lab, programs, server, case)
    return Measured(load, server.sent_bytes() - before)


def _rows(name: str, ours: Measured, peer: Measured) -> list[Row]:
    def each(what: str, unit: str, one: float, other: float) -> Row:
        return row(f"100 MiB, {name}: {what}", one, unit, "nginx", other)

    def per_gb(what: str, unit: str, one: float, other: float) -> Row:
        return each(what, f"{unit} per GB", one / ours.load.gigabytes, other / peer.load.gigabytes)

    ends, peer_ends = ours.load.last_byte, peer.load.last_byte
    return [
        per_gb("sent by the host", "MB", ours.sent_bytes / MB, peer.sent_bytes / MB),
        per_gb("host", "CPU s", ours.host_cpu, peer.host_cpu),
        per_gb("host and switch", "CPU s", ours.all_cpu, peer.all_cpu),
        per_gb("all programs", "CPU s", ours.load.process_cpu, peer.load.process_cpu),
        each("complete, p50", "ms", percentile(ends, 50) / 1e3, percentile(peer_ends, 50) / 1e3),
        each("complete, p99", "ms", percentile(ends, 99) / 1e3, percentile(peer_ends, 99) / 1e3),
        each(
            "first byte, p50",
            "ms",
            ours.load.percentile(50) / 1e3,
            peer.load.percentile(50) / 1e3,
        ),
        each(
            "first byte, p99",
            "ms",
            ours.load.percentile(99) / 1e3,
            peer.load.percentile(99) / 1e3,
        ),
    ]


def _ipv4(urls: tuple[str, ...]) -> str:
    """Address and port."""
    return next(url for url in urls if "[" not in url).removeprefix("http://").rstrip("/")


@contextmanager
def _controlled(lab: tcp_lab.Lab) -> Generator[Content]:
    """A controller in a thread of its own, and the content that it serves."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="controller")
    thread.start()

    def call(coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    directory = lab.bed.directory
    controller = cohortlab.controlled(lab.ours.lab, directory / "controller.db", SETTINGS)
    try:
        service: Service = call(controller.__aenter__())
        served = call(cohortlab.serve(service, directory, "content", CONTENT_BYTES))
        path = directory / "content"
        content = Content(1, path, sha256(served.data), "")
        lab.ours.urls[content.number] = _ipv4(served.urls)
        yield content
        call(controller.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        os.sync()
