# SPDX-License-Identifier: Apache-2.0
"""Downloads from one push: real clients, sick ones among them, and parts that die."""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from statistics import median

import pytest
from cohortlab import Counted, Crowd, controlled, crowd, serve
from fakes.waiting import until
from tcplab import Lab, running_lab

from hectograph.core.cohorts import CohortSettings
from hectograph.service import Service
from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

CLIENTS = 4
MIB = 1 << 20
ROUNDS = 9
LEFT_ALONE = (
    "cohort_left_behind",
    "cohort_left_silent",
    "cohort_left_path",
    "cohort_left_dissolved",
)


@pytest.fixture(scope="module", params=sorted(TARGETS))
def bare(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Nobody has written anything to the switch."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    target = TARGETS[str(request.param)]
    if reason := target.missing():
        pytest.skip(reason)
    with (
        Testbed() as testbed,
        running_lab(testbed, target, (1500,) * CLIENTS, entries=False) as lab,
    ):
        yield lab


@pytest.fixture
def healthy(bare: Lab) -> Iterator[Lab]:
    relays = [bare.faulty(number) for number in range(CLIENTS)]
    for relay in relays:
        relay.__enter__()
    yield bare
    for relay in relays:
        relay.__exit__(None, None, None)


@pytest.fixture
async def service(bare: Lab, tmp_path: Path) -> AsyncIterator[Service]:
    async with controlled(bare, tmp_path / "controller.db") as service:
        yield service


def length(counters: int, size: int) -> bool:
    """Is it the file, with its header section and no more?"""
    return size <= counters <= size + 1024


async def test_each_segment_is_pushed_once(healthy: Lab, service: Service, tmp_path: Path) -> None:
    size = 4 * MIB
    served = await serve(service, tmp_path, "film", size)
    counted = await Counted.begin(healthy)
    downloads = crowd(healthy.clients, served, 12)
    assert await downloads.results() == [served.sha256] * 12
    counters = await counted.eventually("flows_finished", 12)
    assert counters["cohorts_run"] == 1
    assert counters["cohort_joins"] == 12
    alone = sum(counters[reason] for reason in LEFT_ALONE)
    if not alone:
        lost = counters["cohort_group_repairs"]
        assert length(counters["cohort_push_bytes"], size) or lost
        assert counters["segment_bytes"] == counters["retransmit_bytes"]
    assert counters["cohort_left_all_sent"] == 12 - alone


async def test_nothing_is_left(healthy: Lab, service: Service, tmp_path: Path) -> None:
    """No cohort at the pusher, no entry in the switch."""
    served = await serve(service, tmp_path, "film", MIB)
    assert await crowd(healthy.clients, served, 6).results() == [served.sha256] * 6

    async def gone() -> bool:
        cohorts = await asyncio.to_thread(healthy.ask, lambda pusher: pusher.cohorts())
        return not cohorts

    await until(gone, seconds=20)


async def test_a_small_content_and_a_lone_client_are_served_at_once(
    healthy: Lab, service: Service, tmp_path: Path
) -> None:
    small = await serve(service, tmp_path, "small", 10_000)
    film = await serve(service, tmp_path, "film", MIB)
    counted = await Counted.begin(healthy)
    assert await crowd(healthy.clients, small, 4).results() == [small.sha256] * 4
    assert (await counted.now())["cohorts"] == 0
    assert await crowd(healthy.clients[:1], film, 1).results() == [film.sha256]
    assert (await counted.now())["cohorts_run"] == 0


async def test_two_contents_at_once(healthy: Lab, service: Service, tmp_path: Path) -> None:
    """Nobody gets a byte of the other."""
    films = [await serve(service, tmp_path, name, 2 * MIB) for name in ("one", "other")]
    counted = await Counted.begin(healthy)
    downloads = Crowd()
    for number in range(12):
        film = films[number % 2]
        client = healthy.clients[number % CLIENTS]
        downloads.join(client, film.urls[number // 2 % 2])
    assert await downloads.results() == [films[number % 2].sha256 for number in range(12)]
    assert (await counted.now())["cohorts_run"] == 2


async def test_without_a_window_there_are_none(healthy: Lab, tmp_path: Path) -> None:
    async with controlled(
        healthy, tmp_path / "controller.db", CohortSettings(window_seconds=0)
    ) as service:
        served = await serve(service, tmp_path, "film", MIB)
        counted = await Counted.begin(healthy)
        assert await crowd(healthy.clients, served, 6).results() == [served.sha256] * 6
        assert (await counted.now())["cohorts"] == 0


@pytest.mark.parametrize("everywhere", [False, True])
async def test_losses(bare: Lab, service: Service, tmp_path: Path, *, everywhere: bool) -> None:
    """1 % on one member's path, or on all of them: what was lost comes again."""
    served = await serve(service, tmp_path, "film", 2 * MIB)
    faults = ("--loss", "0.01")
    relays = [
        bare.faulty(number, *(faults if everywhere or number == 1 else ()))
        for number in range(CLIENTS)
    ]
    for relay in relays:
        relay.__enter__()
    try:
        counted = await Counted.begin(bare)
        assert await crowd(bare.clients, served, 8).results() == [served.sha256] * 8
        counters = await counted.now()
        assert counters["cohorts_run"] == 1
        assert counters["cohort_repairs"] + counters["cohort_group_repairs"] > 0
    finally:
        for relay in relays:
            relay.__exit__(None, None, None)


@pytest.mark.parametrize("sickness", ["slow", "stopped", "killed"])
async def test_sick_members(healthy: Lab, service: Service, tmp_path: Path, sickness: str) -> None:
    """A member at 1 Mbit/s, one that stops reading, one whose connection ends: the others
    have the file, and it has what it asked for, if it still wants it."""
    served = await serve(service, tmp_path, "film", 8 * MIB)
    counted = await Counted.begin(healthy)
    downloads = crowd(healthy.clients, served, 7)
    options = ("--limit-rate", "125k") if sickness == "slow" else ()
    sick = Crowd()
    curl = sick.join(healthy.clients[0], served.urls[0], *options)
    if sickness != "slow":
        await counted.eventually("cohort_push_bytes", 1)
        curl.send_signal(signal.SIGSTOP if sickness == "stopped" else signal.SIGKILL)
    begun = time.monotonic()
    assert await downloads.results() == [served.sha256] * 7
    took = time.monotonic() - begun
    if sickness == "slow":
        curl.kill()
        assert took < 30  # alone, it takes longer than a minute
    elif sickness == "stopped":
        curl.send_signal(signal.SIGCONT)
        assert await sick.results() == [served.sha256]
        return
    await sick.results()


@pytest.mark.soak
@pytest.mark.parametrize("sickness", ["slow", "stopped", "killed"])
async def test_the_healthy_lose_little(
    healthy: Lab, service: Service, tmp_path: Path, sickness: str
) -> None:
    """Beside a sick one they take a tenth longer at most; medians of rounds in turns."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * ROUNDS):
        with_one = number % 2 == 1
        served = await serve(service, tmp_path, f"film{number}", 48 * MIB)
        counted = await Counted.begin(healthy)
        sick = Crowd()
        if with_one:
            options = ("--limit-rate", "125k") if sickness == "slow" else ()
            sick.join(healthy.clients[number % CLIENTS], served.urls[0], *options)
        downloads = crowd(healthy.clients, served, 7)
        await counted.eventually("cohort_push_bytes", 1)
        begun = time.monotonic()
        if sickness != "slow":
            for curl in sick.curls:
                curl.send_signal(signal.SIGSTOP if sickness == "stopped" else signal.SIGKILL)
        assert await downloads.results() == [served.sha256] * 7
        seconds[with_one].append(time.monotonic() - begun)
        for curl in sick.curls:
            curl.kill()
        await sick.results()
        await service.delete_content(f"film{number}", reset=True)
    without, beside = median(seconds[False]), median(seconds[True])
    print(f"{sickness}: {without:.3f} s without, {beside:.3f} s beside it: {beside / without:.3f}")
    assert beside < 1.1 * without


async def test_a_member_that_vanishes(bare: Lab, service: Service, tmp_path: Path) -> None:
    """Its link takes nothing any more, and nobody says so."""
    served = await serve(service, tmp_path, "film", 8 * MIB)
    relays = [bare.faulty(number) for number in range(CLIENTS - 1)]
    for relay in relays:
        relay.__enter__()
    try:
        counted = await Counted.begin(bare)
        with bare.faulty(CLIENTS - 1):
            downloads = crowd(bare.clients[: CLIENTS - 1], served, 6)
            gone = crowd(bare.clients[CLIENTS - 1 :], served, 1)
            await counted.eventually("cohort_push_bytes", 1)
        assert await downloads.results() == [served.sha256] * 6
        gone.curls[0].kill()
        await gone.results()
    finally:
        for relay in relays:
            relay.__exit__(None, None, None)


@pytest.mark.parametrize("part", ["pusher", "switch", "controller"])
async def test_parts_die(healthy: Lab, tmp_path: Path, part: str) -> None:
    """With SIGKILL, in the middle: every download is whole."""
    database = tmp_path / "controller.db"
    async with controlled(healthy, database, dies=part == "controller") as service:
        served = await serve(service, tmp_path, "film", 12 * MIB)
        counted = await Counted.begin(healthy)
        downloads = crowd(healthy.clients, served, 8, ("--limit-rate", "6M"))
        await counted.eventually("cohort_push_bytes", MIB)
        if part == "pusher":
            healthy.host.pusher.kill()
            healthy.host.pusher.start()
        elif part == "switch":
            healthy.switch.kill()
            healthy.switch.start()
        if part != "controller":
            assert await downloads.results() == [served.sha256] * 8
            return
    # As it is killed, but for its database, which it never leaves half written.
    assert await downloads.results() == [served.sha256] * 8
    assert (await counted.now())["cohort_push_bytes"] >= len(served.data)
    async with controlled(healthy, database) as service:
        await until(lambda: _settled(service), seconds=60)
        before = (await counted.now())["cohorts_run"]
        assert await crowd(healthy.clients, served, 8).results() == [served.sha256] * 8
        assert (await counted.now())["cohorts_run"] == before + 1


async def _settled(service: Service) -> bool:
    return not await service.ready()


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("minutes", [2])
async def test_coming_and_going(
    healthy: Lab, service: Service, tmp_path: Path, minutes: int
) -> None:
    """Clients come, stop, go and are killed at random, of three contents: whoever stays has
    his own file."""
    chance = Random(7)
    films = [await serve(service, tmp_path, name, 3 * MIB) for name in ("one", "two", "three")]
    counted = await Counted.begin(healthy)
    until_then = time.monotonic() + minutes * 60
    done = 0

    async def one() -> None:
        nonlocal done
        while time.monotonic() < until_then:
            film = chance.choice(films)
            client = Crowd()
            limit = ("--limit-rate", chance.choice(("2M", "20M"))) if chance.random() < 0.3 else ()
            curl = client.join(chance.choice(healthy.clients), chance.choice(film.urls), *limit)
            fate = chance.random()
            if fate < 0.1:
                await asyncio.sleep(chance.random())
                curl.kill()
                await client.results()
                continue
            if fate < 0.2:
                await asyncio.sleep(chance.random() / 4)
                curl.send_signal(signal.SIGSTOP)
                await asyncio.sleep(chance.random())
                curl.send_signal(signal.SIGCONT)
            assert await client.results() == [film.sha256]
            done += 1

    await asyncio.gather(*(one() for _ in range(24)))
    counters = await counted.now()
    print(f"{done} downloads whole; {dict(counters)}")
    assert counters["cohorts_run"] > 10
