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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import host_links
import tcp_lab  # and with it the path of the next two
from hectograph.core.cohorts import CohortSettings
from hectograph.service import Service
from rows import Row, row
from tcp import missing as missing
from tcp_load import Case, Load, add_round, percentile

import cohortlab  # isort: skip
from tcplab import Content, Lab, sha256  # isort: skip

T = TypeVar("T")

ROUNDS = {1: 16, 8: 8, 64: 2, 512: 1}
"""By the number of clients: CPU time is counted in hundredths of a second."""
CONTENT_BYTES = 100 << 20
SETTINGS = CohortSettings(window_seconds=0.02, patience_seconds=0.5)
MB = 1e6


def measure(programs: Path, artifacts: Path) -> list[Row]:  # noqa: ARG001
    """A new content for each round, as everybody asks for what was just published. The one
    client alone asks for one that is known, and was asked for a while ago."""
    rows: list[Row] = []
    with (
        tcp_lab.running(entries=False) as lab,
        Publisher(lab.ours.lab, SETTINGS, lab.ours.urls) as publisher,
    ):
        for clients, rounds in ROUNDS.items():
            measured = [Measured() for _ in lab.servers]
            for _ in range(rounds):
                with publisher.published(CONTENT_BYTES) as content:
                    for server, one in zip(lab.servers, measured, strict=True):
                        if clients == 1:
                            add_round(Load(), lab, programs, server, Case(content, 1, 0.0))
                        one.add(lab, programs, server, Case(content, clients, 0.0))
            rows += _rows(f"{clients} client{'s' if clients > 1 else ''}", *measured)
    return rows + _host_links(programs)


def _host_links(programs: Path) -> list[Row]:
    rows: list[Row] = []
    for mtu in host_links.MTUS:
        with (
            host_links.linked(mtu, entries=False) as link,
            Publisher(link.lab.ours.lab, SETTINGS, link.lab.ours.urls) as publisher,
        ):
            for _ in range(host_links.ROUNDS):
                with publisher.published(host_links.CONTENT_BYTES) as content:
                    link.add_round(programs, content)
            rows += link.rows("together")
    return rows


@dataclass(slots=True)
class Measured:
    load: Load = field(default_factory=Load)
    sent_bytes: int = 0

    def add(self, lab: tcp_lab.Lab, programs: Path, server: tcp_lab.Server, case: Case) -> None:
        before = server.sent_bytes()
        add_round(self.load, lab, programs, server, case)
        self.sent_bytes += server.sent_bytes() - before

    @property
    def host_cpu(self) -> float:
        """Seconds of what runs on the host."""
        cpu = self.load.server_cpu
        return cpu["pusher"] if "pusher" in cpu else cpu["nginx"]

    @property
    def all_cpu(self) -> float:
        """And of the switch."""
        return sum(self.load.server_cpu.values())


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


class Publisher:
    """A controller in a thread of its own."""

    def __init__(self, lab: Lab, settings: CohortSettings, urls: dict[int, str]) -> None:
        """It notes in `urls` where a content's number is found."""
        self._lab = lab
        self._settings = settings
        self._urls = urls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="controller")
        self._count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        database = self._lab.testbed.directory / "controller.db"
        self._controller = cohortlab.controlled(self._lab, database, self._settings)
        self._service: Service = self._call(self._controller.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._controller.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @contextmanager
    def published(self, size: int) -> Generator[Content]:
        """At both servers."""
        self._count += 1
        directory, name = self._lab.testbed.directory, f"round{self._count}"
        served = self._call(cohortlab.serve(self._service, directory, name, size))
        content = Content(self._count, directory / name, sha256(served.data), "")
        self._urls[content.number] = _ipv4(served.urls)
        os.sync()
        try:
            yield content
        finally:
            self._call(self._service.delete_content(name, reset=True))
            content.path.unlink()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
