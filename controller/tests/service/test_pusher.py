# SPDX-License-Identifier: Apache-2.0
"""The controller and a real pusher, which is killed in the middle of a file."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.examples import GROUP, HOST, STREAM, SWITCH, member
from fakes.switch import FakeSwitch
from fakes.waiting import until

from hectograph.core.model import FileSource, Rate
from hectograph.core.status import HostState, StreamState
from hectograph.service import Service
from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.process import Program

SEGMENTS = 3000
SEGMENT_BYTES = 1000
PUSHES_PER_SECOND = 1000


@pytest.fixture
def control(testbed: Testbed) -> Path:
    return testbed.directory / "pusher.sock"


@pytest.fixture
def host(testbed: Testbed) -> Namespace:
    host = testbed.namespace("host")
    far = testbed.namespace("far")
    testbed.veth(End(host, "push0", ipv6=False), End(far, "switch0", ipv6=False), mtu=9000)
    return host


@pytest.fixture
def pusher(testbed: Testbed, host: Namespace, control: Path) -> Program:
    command = (sys.executable, "-m", "hectograph", "pusher", "--interface", "push0")
    return testbed.start("pusher", (*command, "--control", str(control)), host)


@pytest.fixture
async def service(pusher: Program, control: Path, tmp_path: Path) -> AsyncIterator[Service]:
    assert pusher.running
    async with Service(tmp_path / "x.db", driver=FakeSwitch()) as service:
        await service.put_switch(SWITCH)
        await service.put_host(replace(HOST, control=str(control)))
        await service.put_group(GROUP)
        await service.put_member(member(1))
        yield service


async def test_killed_it_goes_on_where_it_was(
    service: Service, pusher: Program, host: Namespace, tmp_path: Path
) -> None:
    film, film_bytes = tmp_path / "film", SEGMENTS * SEGMENT_BYTES
    film.write_bytes(bytes(film_bytes))
    stream = replace(
        STREAM,
        source=FileSource(str(film)),
        rate=Rate(packets_per_second=PUSHES_PER_SECOND),
        segment_bytes=SEGMENT_BYTES,
    )
    await service.put_stream(stream)

    async def is_half_way() -> bool:
        return (await service.stream_status("film")).offset >= film_bytes // 2

    async def is_lost() -> bool:
        return (await service.host_status("h1")).state is HostState.CONNECTING

    async def is_done() -> bool:
        return (await service.stream_status("film")).state is StreamState.DONE

    await until(is_half_way)
    await asyncio.to_thread(pusher.kill)
    await until(is_lost)
    assert (await service.stream_status("film")).state is StreamState.WAITING
    await asyncio.to_thread(pusher.start)
    await until(is_done)

    status = await service.stream_status("film")
    assert (status.offset, status.total_bytes) == (film_bytes, film_bytes)
    assert status.pushes <= SEGMENTS // 2, "the second run began where the first had come to"
    sent = host.counters("push0").tx_packets
    overlap = sent - SEGMENTS
    assert 0 <= overlap <= PUSHES_PER_SECOND, "nothing left out, and at most a poll's worth twice"
