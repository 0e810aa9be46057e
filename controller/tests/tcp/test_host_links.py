# SPDX-License-Identifier: Apache-2.0
"""Host links of every kind: on one machine nothing is lost between pusher and switch."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest
from cohortlab import Counted, Crowd, controlled, crowd, serve
from tcplab import HOST_PORT, Lab, running_lab

from hectograph.drivers.port_metrics import read_port_drops
from hectograph.service import Service
from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

CLIENTS = 8
SIZE = 20_000_000
MTUS = (1500, 4000, 9000, 20_000, 65_535)
"""The embedded switch's receive ring has 2,048 slots, 512, 256; beyond 9,216 bytes, bundles
alone are that long, and wait at the socket."""


class HostLinkLab:
    """A lab whose switch tells what its ports lost."""

    def __init__(self, lab: Lab, metrics: str) -> None:
        self.lab = lab
        self._metrics = metrics

    async def lost(self) -> int:
        """Frames, at the host's port."""
        drops = await read_port_drops(self._metrics)
        return sum(each.packets for each in drops if each.port == HOST_PORT)


def _host_link_lab(mtu: int, *, entries: bool) -> Iterator[HostLinkLab]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    with (
        Testbed() as testbed,
        running_lab(
            testbed,
            TARGETS["embedded"],
            (1500,) * CLIENTS,
            entries=entries,
            relays=False,
            host_mtu=mtu,
            options=("--metrics", metrics),
        ) as lab,
    ):
        yield HostLinkLab(lab, metrics)


@pytest.fixture(params=MTUS)
def alone(request: pytest.FixtureRequest) -> Iterator[HostLinkLab]:
    """Nobody watches cohorts: everybody is served alone."""
    yield from _host_link_lab(request.param, entries=True)


@pytest.fixture(params=MTUS)
def together(request: pytest.FixtureRequest) -> Iterator[HostLinkLab]:
    yield from _host_link_lab(request.param, entries=False)


@pytest.fixture
async def service(together: HostLinkLab, tmp_path: Path) -> AsyncIterator[Service]:
    async with controlled(together.lab, tmp_path / "controller.db") as service:
        yield service


async def test_a_crowd_of_downloads_loses_nothing(alone: HostLinkLab) -> None:
    lab = alone.lab
    content = await asyncio.to_thread(lab.add_content, Random(SIZE).randbytes(SIZE))
    counted = await Counted.begin(lab)
    downloads = Crowd()
    for number, client in enumerate(lab.clients):
        downloads.join(client, content.urls[number % 2])
    assert await downloads.results() == [content.sha256] * CLIENTS
    counters = await counted.now()
    assert await alone.lost() == 0
    assert counters["link_echoes"] > 0
    assert counters["link_marks_lost"] == 0
    assert counters["link_waits"] > 0, "the switch was never slower"


async def test_a_cohort_loses_nothing(
    together: HostLinkLab, service: Service, tmp_path: Path
) -> None:
    served = await serve(service, tmp_path, "film", SIZE)
    counted = await Counted.begin(together.lab)
    downloads = crowd(together.lab.clients, served, CLIENTS)
    assert await downloads.results() == [served.sha256] * CLIENTS
    counters = await counted.now()
    assert await together.lost() == 0
    assert counters["link_marks_lost"] == 0
    assert counters["link_echoes"] > 0
    assert counters["cohorts_run"] > 0


@pytest.mark.parametrize("alone", [9000], indirect=True)
async def test_a_switch_that_pauses_loses_nothing(alone: HostLinkLab) -> None:
    """What is sent while nobody takes it is less than its ring holds."""
    lab = alone.lab
    content = await asyncio.to_thread(lab.add_content, Random(SIZE).randbytes(SIZE))
    downloads = Crowd()
    for number, client in enumerate(lab.clients):
        downloads.join(client, content.urls[number % 2], "--limit-rate", "20M")
    await asyncio.sleep(0.3)
    os.kill(lab.switch.pid, signal.SIGSTOP)
    await asyncio.sleep(1)
    os.kill(lab.switch.pid, signal.SIGCONT)
    assert await downloads.results() == [content.sha256] * CLIENTS
    assert await alone.lost() == 0


@pytest.mark.parametrize("alone", [9000, 65_535], indirect=True)
async def test_a_switch_that_is_killed(alone: HostLinkLab) -> None:
    """The marks that it had are gone with it: its successor's echoes set everybody going."""
    lab = alone.lab
    content = await asyncio.to_thread(lab.add_content, Random(SIZE).randbytes(SIZE))
    counted = await Counted.begin(lab)
    downloads = Crowd()
    for number, client in enumerate(lab.clients):
        downloads.join(client, content.urls[number % 2], "--limit-rate", "10M")
    await asyncio.sleep(0.3)
    await asyncio.to_thread(lab.kill_switch)
    assert await downloads.results() == [content.sha256] * CLIENTS
    counters = await counted.now()
    assert counters["link_echoes"] > 0
