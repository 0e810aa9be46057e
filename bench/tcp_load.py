# SPDX-License-Identifier: Apache-2.0
"""Downloads by many clients at a time, and what they take of the machine."""

import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import usage
from hectograph.errors import ToolFailure
from tcp_lab import Content, Lab, Server

NS = 1e9
START_SECONDS = 0.15
IDLE_SECONDS = 0.5
"""What the machine does meanwhile is taken off what it does under load."""
LIMIT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Case:
    """So many clients download the content, again for so long and then to the end."""

    content: Content
    clients: int
    seconds: float


@dataclass(slots=True)
class Load:
    """What one server did; loads of several rounds add up."""

    bytes: int = 0
    downloads: int = 0
    seconds: float = 0
    machine_cpu: float = 0
    """Of the whole machine, less what it did before."""
    client_cpu: float = 0
    server_cpu: dict[str, float] = field(default_factory=dict[str, float])
    idle: float = 0
    """Most cores in use before a round: what others do."""
    first_byte: list[int] = field(default_factory=list[int])
    """µs, from connect()"""
    last_byte: list[int] = field(default_factory=list[int])
    """The same."""

    @property
    def gigabytes(self) -> float:
        return self.bytes / 1e9

    @property
    def process_cpu(self) -> float:
        return self.client_cpu + sum(self.server_cpu.values())

    def percentile(self, percent: int) -> int:
        """Of the first bytes."""
        return percentile(self.first_byte, percent)


def percentile(values: list[int], percent: int) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def add_round(load: Load, lab: Lab, programs: Path, server: Server, case: Case) -> None:
    start = time.monotonic() + START_SECONDS + IDLE_SECONDS
    clients = _start(lab, programs, server, case, start)
    time.sleep(START_SECONDS)
    idle_from, idle_cpu = time.monotonic(), usage.machine_cpu()
    time.sleep(max(start - time.monotonic(), 0))
    begin, machine, servers = time.monotonic(), usage.machine_cpu(), server.cpu()
    idle = (machine - idle_cpu) / (begin - idle_from)
    end = max(take(load, client) for client in clients)
    load.seconds += end - start
    load.machine_cpu += usage.machine_cpu() - machine - idle * (time.monotonic() - begin)
    load.idle = max(load.idle, idle)
    for name, seconds in server.cpu().items():
        load.server_cpu[name] = load.server_cpu.get(name, 0) + seconds - servers[name]


def _start(
    lab: Lab, programs: Path, server: Server, case: Case, start: float
) -> "list[subprocess.Popen[str]]":
    used = min(case.clients, len(lab.clients))
    each = replace(case, clients=case.clients // used)
    return [start_client(lab, programs, server, each, number, start) for number in range(used)]


def start_client(
    lab: Lab, programs: Path, server: Server, case: Case, number: int, start: float
) -> "subprocess.Popen[str]":
    """All of the case's clients in the namespace of that number; they ask at `start`
    (time.monotonic())."""
    at = server.address(number, case.content)
    command = [str(programs / "download"), at.destination, at.path, str(case.clients)]
    command += [str(case.seconds), str(int(start * NS))]
    with lab.clients[number].entered():
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def take(load: Load, process: "subprocess.Popen[str]") -> float:
    """Adds what that client says; when it ended."""
    output, errors = process.communicate(timeout=LIMIT_SECONDS)
    if process.returncode != 0:
        raise ToolFailure(errors.strip(), where=str(process.args))
    totals, *times = output.splitlines()
    size, downloads, end, cpu = map(int, totals.split())
    load.bytes += size
    load.downloads += downloads
    load.client_cpu += cpu / 1e6
    for line in times:
        first, last = map(int, line.split())
        load.first_byte.append(first)
        load.last_byte.append(last)
    return end / NS
