# SPDX-License-Identifier: Apache-2.0
"""The receivers' processes, and what they have at the end."""

import hashlib
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import IO

from hectograph.demo import receiver
from hectograph.demo.files import Files
from hectograph.demo.topology import UDP_PORT, Client
from hectograph.testbed import Program, Testbed

READY = "ready\n"


@dataclass(frozen=True, slots=True)
class Received:
    """What one client has in the end."""

    client: Client
    bytes: int
    datagrams: int
    sha256: str
    identical: bool
    buffer_drops: int
    """Datagrams that its kernel dropped, because the socket's buffer was full."""
    checksum_drops: int
    """Datagrams that its kernel dropped, because their checksum was wrong."""


@dataclass(frozen=True, slots=True)
class Receiver:
    client: Client
    program: Program
    file: IO[bytes]

    def finished(self) -> bool:
        return not self.program.running()

    def result(self, sha256: str) -> Received:
        """After it ended."""
        lines = self.program.output().removeprefix(READY).split()
        own = digest(self.file)
        errors = self.client.namespace.call(_udp_errors)
        return Received(
            client=self.client,
            bytes=os.fstat(self.file.fileno()).st_size,
            datagrams=int(lines[0]) if lines else 0,
            sha256=own,
            identical=own == sha256,
            buffer_drops=errors["RcvbufErrors"],
            checksum_drops=errors["InCsumErrors"],
        )


def start(
    bed: Testbed, stack: ExitStack, files: Files, clients: Sequence[Client], expected: int
) -> list[Receiver]:
    """One for every client, all listening."""
    receivers: list[Receiver] = []
    for client in clients:
        file = files.make(stack, client.name)
        arguments = [str(client.address), str(UDP_PORT), str(expected), str(file.fileno())]
        command = [sys.executable, "-I", str(Path(receiver.__file__)), *arguments]
        program = bed.start(client.name, command, client.namespace, descriptors=(file.fileno(),))
        receivers.append(Receiver(client, program, file))
    for each in receivers:
        each.program.wait_until(lambda each=each: READY in each.program.output())
    return receivers


def results(receivers: Sequence[Receiver], sha256: str) -> list[Received]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(Receiver.result, receivers, repeat(sha256)))


def digest(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]


def _udp_errors() -> dict[str, int]:
    """The kernel's UDP counters, IPv4 and IPv6 together, of the calling thread's namespace."""
    errors = {"RcvbufErrors": 0, "InCsumErrors": 0}
    names, values = (
        line.split()
        for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()
        if line.startswith("Udp:")
    )
    for name, value in zip(names, values, strict=True):
        if name in errors:
            errors[name] += int(value)
    snmp6 = Path("/proc/thread-self/net/snmp6")
    for line in snmp6.read_text().splitlines() if snmp6.exists() else ():
        name, value = line.split()
        if name.removeprefix("Udp6") in errors and name.startswith("Udp6"):
            errors[name.removeprefix("Udp6")] += int(value)
    return errors
