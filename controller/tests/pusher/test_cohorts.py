# SPDX-License-Identifier: Apache-2.0
"""What the pusher says of cohorts to whoever watches them; downloads are in tests/tcp."""

import asyncio

import pytest
from pusherlab import Lab

from hectograph.core.cohorts import CohortEntry, CohortEvent, CohortSettings
from hectograph.errors import InvalidInput, NotFound, Unavailable
from hectograph.pusher import PusherClient

SETTINGS = CohortSettings()
SECONDS = 10.0


async def watch(lab: Lab, settings: CohortSettings, told: "asyncio.Queue[CohortEvent]") -> None:
    async with PusherClient(lab.control) as watcher:
        async for event in watcher.watch_cohorts(settings):
            told.put_nowait(event)


async def test_the_last_one_watches(lab: Lab) -> None:
    """The one before is sent away; and may come again."""
    program = lab.serve()
    told: asyncio.Queue[CohortEvent] = asyncio.Queue()
    first = asyncio.create_task(watch(lab, SETTINGS, told))
    await _watched(lab)
    second = asyncio.create_task(watch(lab, SETTINGS, told))
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Unavailable):
            await first
    assert not second.done()
    third = asyncio.create_task(watch(lab, SETTINGS, told))
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Unavailable):
            await second
    assert told.empty()  # nothing has happened to any cohort
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
    async with PusherClient(lab.control) as pusher:
        assert await pusher.cohorts() == []
    assert program.stop() == 0


async def _watched(lab: Lab) -> None:
    """Requests are served in order: one that came later was answered."""
    await asyncio.sleep(0.1)
    async with PusherClient(lab.control) as pusher:
        await pusher.hello()


async def test_refusals(lab: Lab) -> None:
    program = lab.serve()
    async with PusherClient(lab.control) as pusher:
        with pytest.raises(NotFound, match="no cohort 7"):
            await pusher.enter_cohort(CohortEntry(7, (8192,), (1,)))
        with pytest.raises(NotFound, match="no cohort 7"):
            await pusher.cohort_members(7)
        assert await pusher.cohorts() == []
    too_long = CohortSettings(window_seconds=3601)
    with pytest.raises(InvalidInput, match="more than an hour"):
        await watch(lab, too_long, asyncio.Queue())
    assert program.stop() == 0


async def test_a_watcher_that_is_gone_is_missed(lab: Lab) -> None:
    """And whoever asks for anything else meanwhile is answered."""
    program = lab.serve()
    for _ in range(3):
        watcher = asyncio.create_task(watch(lab, SETTINGS, asyncio.Queue()))
        async with PusherClient(lab.control) as pusher:
            for _ in range(20):
                await pusher.flow_counters()
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    assert program.running()
    assert program.stop() == 0
