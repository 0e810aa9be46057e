# SPDX-License-Identifier: Apache-2.0
"""The clients that download: curl, each in its namespace, and what they have at the end."""

import errno
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import IO

from hectograph.demo import http_receiver
from hectograph.demo.files import Files
from hectograph.demo.receivers import digest
from hectograph.demo.topology import Client
from hectograph.errors import Unavailable
from hectograph.testbed import Program, Testbed

SILENCE_SECONDS = 60
"""A download to which nothing comes for so long has failed."""
READY_SECONDS = 30.0
"""Until so many programs are in memory and wait."""


CURL = (
    *("curl", "-sS", "--fail", "--noproxy", "*"),
    *("--speed-limit", "1", "--speed-time", str(SILENCE_SECONDS)),
)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What one client has in the end."""

    client: Client
    url: str
    bytes: int
    sha256: str
    identical: bool
    """And the program says so, too: it ended with status 0."""
    error: str
    """What it said; empty when all went well."""


@dataclass(frozen=True, slots=True)
class Downloading:
    client: Client
    url: str
    program: Program
    file: IO[bytes]

    def received(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def finished(self) -> bool:
        return not self.program.running()

    def result(self, sha256: str) -> Downloaded:
        """After it ended."""
        own = digest(self.file)
        status = self.program.popen.returncode
        error = "" if status == 0 else self.program.output().strip() or f"status {status}"
        return Downloaded(
            client=self.client,
            url=self.url,
            bytes=self.received(),
            sha256=own,
            identical=own == sha256 and not error,
            error=error.splitlines()[-1] if error else "",
        )


def has_curl() -> bool:
    return shutil.which("curl") is not None


def describe(downloads: Sequence[Downloading], files: Files) -> str:
    """How many, with what, and where to."""
    program = "curl" if has_curl() else "Python's http.client, for want of curl"
    return f"{len(downloads)} downloads with {program}, to {files}"


def start(
    bed: Testbed,
    stack: ExitStack,
    files: Files,
    clients: Sequence[Client],
    urls: Sequence[str],
    bytes_per_second: int,
) -> list[Downloading]:
    """One in every client's namespace, all at once; 0 bytes per second are as many as come."""
    started: list[Downloading] = []
    for client in clients:
        url = _of_family(urls, client.address.version)
        file = files.make(stack, client.name)
        command = _command(url, file.fileno(), bytes_per_second)
        program = bed.start(client.name, command, client.namespace, descriptors=(file.fileno(),))
        started.append(Downloading(client, url, program, file))
    return started


def start_together(
    bed: Testbed,
    stack: ExitStack,
    files: Files,
    clients: Sequence[Client],
    urls: Sequence[str],
) -> list[Downloading]:
    """The same, but none asks before all are there to: curl reads what it shall fetch from a
    pipe, and waits for somebody to open the other end."""
    if not has_curl():
        return start(bed, stack, files, clients, urls, 0)
    started: list[Downloading] = []
    orders: list[tuple[Path, str]] = []
    for client in clients:
        url = _of_family(urls, client.address.version)
        file = files.make(stack, client.name)
        pipe = bed.directory / f"{client.name}.order"
        os.mkfifo(pipe)
        output = f"/proc/self/fd/{file.fileno()}"
        command = [*CURL, "--config", str(pipe), "--output", output]
        program = bed.start(client.name, command, client.namespace, descriptors=(file.fileno(),))
        started.append(Downloading(client, url, program, file))
        orders.append((pipe, f'url = "{url}"\n'))
    pipes = [(_when_read(pipe), order) for pipe, order in orders]
    for descriptor, order in pipes:
        os.write(descriptor, order.encode())
        os.close(descriptor)
    return started


def _when_read(pipe: Path) -> int:
    """Its writing end, once somebody reads at the other."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise Unavailable(f"curl reads nothing: {error}") from error
        time.sleep(0.005)


def results(downloads: Sequence[Downloading], sha256: str) -> list[Downloaded]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(Downloading.result, downloads, repeat(sha256)))


def _of_family(urls: Sequence[str], version: int) -> str:
    for url in urls:
        if ("[" in url) == (version == 6):
            return url
    raise Unavailable(f"the content has no IPv{version} address among {', '.join(urls)}")


def _command(url: str, descriptor: int, bytes_per_second: int) -> list[str]:
    if not has_curl():
        script = str(Path(http_receiver.__file__))
        return [sys.executable, "-I", script, url, str(descriptor), str(bytes_per_second)]
    limits = ["--limit-rate", str(bytes_per_second)] if bytes_per_second else []
    return [*CURL, *limits, "--output", f"/proc/self/fd/{descriptor}", url]
