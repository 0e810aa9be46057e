# SPDX-License-Identifier: Apache-2.0
"""Cohorts of many, and of several hosts, on links as between machines' own interfaces."""

import asyncio
import hashlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from cohortlab import SECONDS, Counted, controlled, crowd, serve
from fakes.waiting import until
from tcplab import Client, Lab, running_lab

from hectograph.core.cohorts import CohortSettings
from hectograph.core.model import Host
from hectograph.service import Service
from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

CLIENTS = 4
MIB = 1 << 20
SETTINGS = CohortSettings(window_seconds=2.0, patience_seconds=5.0)
"""Programs that are started together do not ask at once."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    with (
        Testbed() as testbed,
        running_lab(
            testbed, TARGETS["embedded"], (1500,) * CLIENTS, entries=False, relays=False
        ) as lab,
    ):
        yield lab


@pytest.fixture
async def service(lab: Lab, tmp_path: Path) -> AsyncIterator[Service]:
    async with controlled(lab, tmp_path / "controller.db", SETTINGS) as service:
        yield service


async def test_each_of_two_hosts_has_its_own(lab: Lab, service: Service, tmp_path: Path) -> None:
    """Of the clients whose flows hash to it; everyone has the file."""
    with lab.another_host(entries=False) as other:
        await service.put_host(Host("h2", str(other.control), "s1", other.port))
        served = await serve(service, tmp_path, "film", 8 * MIB)
        await until(lambda: len(service.hosts_in_use("s1")) == 2, seconds=SECONDS)
        before = [await asyncio.to_thread(host.counters) for host in (lab.host, other)]
        assert await crowd(lab.clients, served, 24).results() == [served.sha256] * 24
        after = [await asyncio.to_thread(host.counters) for host in (lab.host, other)]
        await service.delete_host("h2")
    joined = [
        now["cohort_joins"] - then["cohort_joins"] for now, then in zip(after, before, strict=True)
    ]
    assert sum(joined) == 24
    assert min(joined) > 0
    assert all(counters["cohorts_run"] for counters in after)


async def test_few_read(lab: Lab, service: Service, tmp_path: Path) -> None:
    """Nobody reads for a while, and then only three of twelve: they have the file, whatever
    windows the kernel gives those who have waited."""
    served = await serve(service, tmp_path, "film", 8 * MIB)
    address = IPv6Address(served.urls[0].removeprefix("http://[").removesuffix("]/"))
    clients = [client for client in lab.clients for _ in range(3)]
    socks = [await asyncio.to_thread(client.connect, address) for client in clients]
    for sock in socks:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    counted = await Counted.begin(lab)
    await asyncio.sleep(SETTINGS.window_seconds + 1.5)
    with ThreadPoolExecutor(len(socks)) as readers:
        loop = asyncio.get_running_loop()
        few, many = socks[:3], socks[3:]
        got = await asyncio.gather(*(loop.run_in_executor(readers, read_all, s) for s in few))
        got += await asyncio.gather(*(loop.run_in_executor(readers, read_all, s) for s in many))
    assert {hashlib.sha256(body).hexdigest() for body in got} == {served.sha256}
    assert (await counted.now())["cohorts_run"] == 1


@pytest.mark.soak
async def test_a_thousand(lab: Lab, service: Service, tmp_path: Path) -> None:
    """From one push, or two when they do not all ask within the window."""
    each = 1000 // CLIENTS
    served = await serve(service, tmp_path, "film", 4 * MIB)
    counted = await Counted.begin(lab)
    directories = [tmp_path / f"client{number}" for number in range(CLIENTS)]
    await asyncio.gather(
        *(
            asyncio.to_thread(_many, client, served.urls[number % 2], each, directory)
            for number, (client, directory) in enumerate(zip(lab.clients, directories, strict=True))
        )
    )
    digests = await asyncio.to_thread(_digests, directories)
    assert digests == [served.sha256] * 1000
    counters = await counted.eventually("flows_finished", 1000)
    print({name: value for name, value in counters.items() if value})
    assert counters["cohorts_run"] <= 2
    assert counters["cohort_push_bytes"] < 2.1 * len(served.data)
    assert counters["segment_bytes"] < 0.1 * 1000 * len(served.data)  # who went alone


def read_all(sock: socket.socket) -> bytes:
    """The body."""
    received = bytearray()
    with sock:
        while chunk := sock.recv(1 << 16):
            received += chunk
    return bytes(received.partition(b"\r\n\r\n")[2])


def _many(client: Client, url: str, count: int, directory: Path) -> None:
    """One curl, which asks for all of them at once."""
    directory.mkdir()
    command = ["curl", "-sS", "--noproxy", "*", "--parallel", "--parallel-immediate"]
    command += ["--parallel-max", str(count), "-o", f"{directory}/#1", f"{url}[1-{count}]"]
    with client.namespace.entered():
        subprocess.run(command, check=True, timeout=100)


def _digests(directories: list[Path]) -> list[str]:
    found: list[str] = []
    for directory in directories:
        for path in directory.iterdir():
            with path.open("rb") as file:
                found.append(hashlib.file_digest(file, "sha256").hexdigest())  # pyright: ignore[reportArgumentType]
            path.unlink()
    return found
