# SPDX-License-Identifier: Apache-2.0
"""How long a cohort's members wait for their entries: from when the pusher tells of them
until it is told that they stand; and how many entries can be written.

The controller is the real one, on each target without ports; the pusher is a socket that
speaks the host protocol. The peer is BMv2 with the same artifact.
"""

import asyncio
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).parents[1] / "controller/tests/support"))

from fakes.cohorts import FakeCohort, cohort_member
from fakes.examples import HOST
from fakes.pusher_socket import SocketPusher, event_message
from fakes.waiting import until
from realswitch import RealSwitch

import usage
from hectograph.core.entities import Change, Operation
from hectograph.core.hosted_cohort import entry_of
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.drivers.p4runtime import P4RuntimeSession as Session
from hectograph.pusher import pusher_pb2 as pb
from hectograph.service import Service
from hectograph.testbed import Namespace
from hectograph.testbed.targets import TARGETS, Target
from rows import Row, row

MEMBERS = (2, 64, 1000)
ROUNDS = 40
EVENT_MEMBERS = 128
"""pusher.options"""
WRITES = 4000
WRITE_ROUNDS = 5
BATCHES = (1, 100, 1000)
"""Entries in one Write, which is answered before the next is sent."""
KEPT = 16000
WARM_UP = 100
GROUP = 8192
START_SECONDS = 30.0

Figures = dict[str, tuple[float, str]]
"""Value and unit by name."""


def missing() -> str | None:
    return TARGETS["bmv2"].missing()


def measure(_programs: Path, artifacts: Path) -> list[Row]:
    Namespace.current().close()  # loopback up
    ours, theirs = (
        asyncio.run(_measure_target(TARGETS[name], artifacts)) for name in ("embedded", "bmv2")
    )
    return [row(name, *figure, "bmv2", theirs[name][0]) for name, figure in ours.items()]


async def _measure_target(target: Target, artifacts: Path) -> Figures:
    with TemporaryDirectory() as folder:
        switch = RealSwitch(target, Path(folder))
        begin = time.perf_counter()
        await switch.start()
        try:
            figures = await _measure_writes(switch, artifacts, begin)
            return figures | await _measure_cohorts(switch, artifacts, Path(folder))
        finally:
            await switch.kill()


async def _measure_writes(switch: RealSwitch, artifacts: Path, started: float) -> Figures:
    driver = P4RuntimeDriver(artifacts / "hectograph.p4info.txtpb", artifacts / "hectograph.json")
    async with driver(switch.record) as session:
        await session.ensure_pipeline()
        ready = time.perf_counter() - started
        memory = await _entry_bytes(session, switch.pid)
        rates = dict.fromkeys(BATCHES, 0.0)
        for batch in BATCHES * WRITE_ROUNDS:
            rates[batch] = max(rates[batch], await _write_rate(session, batch))
    return {
        "started until the pipeline is set": (ready * 1e3, "ms"),
        **{f"written, {batch} at once": (rate, "entries/s") for batch, rate in rates.items()},
        f"memory, each of {KEPT}": (memory, "bytes"),
    }


async def _entry_bytes(session: Session, pid: int) -> float:
    """In small batches, and not from the first on: so that requests leave nothing in it."""
    await _write(session, _changes(Operation.INSERT, WARM_UP))
    await _write(session, _changes(Operation.DELETE, WARM_UP))
    empty = usage.process_memory(pid, ())
    await _write(session, _changes(Operation.INSERT, KEPT))
    full = usage.process_memory(pid, ())
    await _write(session, _changes(Operation.DELETE, KEPT))
    return (full - empty) / KEPT


async def _write_rate(session: Session, batch: int) -> float:
    """Entries a second, with the client's own work on them."""
    inserts = _changes(Operation.INSERT, WRITES)
    begin = time.perf_counter()
    await _write(session, inserts, batch)
    rate = WRITES / (time.perf_counter() - begin)
    await _write(session, _changes(Operation.DELETE, WRITES))
    return rate


def _changes(operation: Operation, count: int) -> list[Change]:
    """Of the first of a group's slots."""
    members = (cohort_member(number) for number in range(1, count + 1))
    return [Change(operation, entry_of(GROUP, member)) for member in members]


async def _write(session: Session, changes: list[Change], batch: int = 100) -> None:
    result = await session.write(changes, at_once=batch)
    assert not any(result.refusals)


async def _measure_cohorts(switch: RealSwitch, artifacts: Path, folder: Path) -> Figures:
    pusher = SocketPusher(folder / "pusher.sock")
    service = Service(folder / "controller.db", artifacts=artifacts)
    figures: Figures = {}
    async with pusher.run(), service:
        await service.put_switch(switch.record)
        await service.put_host(replace(HOST, control=str(pusher.path)))
        await until(lambda: pusher.is_watched, seconds=START_SECONDS)
        number = 0
        for members in MEMBERS:
            took: list[float] = []
            for _ in range(ROUNDS):
                number += 1
                took.append(await _form(pusher, number, members))
                pusher.tell(pb.CohortEvent(cohort=number, ended=True))
                await until(lambda: _is_empty(service), seconds=START_SECONDS)
            took.sort()
            name = f"told until answered, {members} members"
            figures[f"{name}, median"] = statistics.median(took), "ms"
            figures[f"{name}, worst of ten"] = took[len(took) * 9 // 10], "ms"
    return figures


async def _form(pusher: SocketPusher, number: int, count: int) -> float:
    """Milliseconds."""
    cohort = FakeCohort(number)
    clients = [cohort_member(client) for client in range(1, count + 1)]
    events = [
        event_message(cohort.join(*clients[start : start + EVENT_MEMBERS]))
        for start in range(0, count, EVENT_MEMBERS)
    ]
    begin = time.perf_counter()
    pusher.tell(*events)
    entered = 0
    while entered < count:
        entry = await pusher.entered.get()
        assert not entry.refused
        entered += len(entry.entered)
    return (time.perf_counter() - begin) * 1e3


async def _is_empty(service: Service) -> bool:
    (entries,) = await service.cohort_entries()
    return entries.standing == 0
