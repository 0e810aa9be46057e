# SPDX-License-Identifier: Apache-2.0
"""Clients who ask together: a lab with a controller, and what the pusher counted of them."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from random import Random
from typing import Self

from fakes.waiting import until
from tcplab import HOST_PORT, HOST_PORTS, Client, Lab

from hectograph.core.cohorts import CohortSettings
from hectograph.core.model import Addressing, Content, FileSource, Host, Switch
from hectograph.core.status import ContentStage
from hectograph.pusher import PusherClient
from hectograph.service import Service
from hectograph.testbed.targets import DEVICE_ID

ADDRESSING = Addressing(
    "02:00:00:00:00:aa", IPv6Network("2001:db8:1::/80"), IPv4Address("10.0.1.1")
)
SECONDS = 60.0
CURL_SECONDS = 100.0
MOST_CLIENTS = 256
WINDOW = CohortSettings(window_seconds=1.0, patience_seconds=2.0)
"""On a busy machine programs that are started together do not ask at once."""


@dataclass(frozen=True, slots=True)
class Served:
    """A content, and where it is."""

    name: str
    data: bytes
    urls: tuple[str, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@asynccontextmanager
async def controlled(
    lab: Lab, database: Path, cohorts: CohortSettings = WINDOW, *, dies: bool = False
) -> AsyncGenerator[Service]:
    """A controller of the lab's switch and host; one that `dies` leaves all as it is."""
    async with Service(database, cohorts=cohorts) as service:
        ports = frozenset({*HOST_PORTS, *(client.port for client in lab.clients)})
        switch = Switch(
            "s1",
            lab.address,
            DEVICE_ID,
            lab.target.name,
            frozenset(HOST_PORTS),
            ports=ports,
            addressing=ADDRESSING,
        )
        await service.put_switch(switch)
        await service.put_host(Host("h1", str(lab.host.control), "s1", HOST_PORT))
        await until(lambda: _watches(service), seconds=SECONDS)
        yield service
    if not dies:  # else another one goes on with it
        await asyncio.to_thread(lab.ask, _forget_contents)


async def _watches(service: Service) -> bool:
    """Does it hear of cohorts? Before that, everybody is served alone."""
    return all(host.reason is None for host in await service.cohort_hosts())


async def _forget_contents(pusher: PusherClient) -> None:
    for content in await pusher.contents():
        await pusher.remove_content(content.spec.id, reset=True)


async def serve(service: Service, directory: Path, name: str, size: int) -> Served:
    """Once it is served."""
    path = directory / name
    data = Random(name).randbytes(size)
    path.write_bytes(data)
    await service.put_content(Content(name, "s1", FileSource(str(path))))

    async def serving() -> bool:
        status = await service.content_status(name)
        assert status.state is not ContentStage.FAILED, status.reason
        return status.state is ContentStage.SERVING

    await until(serving, seconds=SECONDS)
    return Served(name, data, (await service.content_status(name)).urls)


class Crowd:
    """Curls that run; what they say is read, and hashed, as it comes."""

    def __init__(self) -> None:
        self.curls: list[subprocess.Popen[bytes]] = []
        self._readers = ThreadPoolExecutor(MOST_CLIENTS)
        self._digests: list[Future[str]] = []

    def join(self, client: Client, url: str, *options: str) -> "subprocess.Popen[bytes]":
        curl = client.start_curl(url, *options)
        self.curls.append(curl)
        self._digests.append(self._readers.submit(_digest, curl))
        return curl

    async def results(self) -> list[str]:
        """Each one's SHA-256, or what it complained about."""
        found = await asyncio.gather(*map(asyncio.wrap_future, self._digests))
        self._readers.shutdown()
        return found


def crowd(
    clients: Sequence[Client], served: Served, count: int, options: Sequence[str] = ()
) -> Crowd:
    """So many, on IPv6 and IPv4 in turns."""
    made = Crowd()
    for number in range(count):
        client = clients[number % len(clients)]
        made.join(client, served.urls[number % len(served.urls)], *options)
    return made


def _digest(curl: "subprocess.Popen[bytes]") -> str:
    assert curl.stdout is not None
    assert curl.stderr is not None
    digest = hashlib.sha256()
    with curl.stdout as output, curl.stderr as errors:
        while some := output.read(1 << 16):
            digest.update(some)
        complaint = errors.read().decode()
    if curl.wait(CURL_SECONDS) == 0:
        return digest.hexdigest()
    return complaint or f"status {curl.returncode}"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the pusher counts from now on."""

    lab: Lab
    before: Mapping[str, int]

    @classmethod
    async def begin(cls, lab: Lab) -> Self:
        return cls(lab, await asyncio.to_thread(lab.counters))

    async def now(self) -> Mapping[str, int]:
        counters = await asyncio.to_thread(self.lab.counters)
        # A pusher that was started anew begins at 0.
        return {name: value - self.before.get(name, 0) for name, value in counters.items()}

    async def eventually(self, name: str, least: int) -> Mapping[str, int]:
        """Once there are so many."""

        async def there() -> bool:
            return (await self.now())[name] >= least

        try:
            await until(there, seconds=SECONDS)
        except AssertionError:
            raise AssertionError(f"{name} < {least}: {dict(await self.now())}") from None
        return await self.now()
