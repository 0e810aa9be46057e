# SPDX-License-Identifier: Apache-2.0
"""Cohorts by the whole controller, on real switches, with a pusher in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.cohorts import FakeCohort, cohort_member
from fakes.examples import GROUP, HOST, member
from fakes.pusher import FakePusher
from fakes.waiting import until
from realswitch import ARTIFACTS, RealSwitch

from hectograph import wire
from hectograph.core.entities import Replica, Tables
from hectograph.core.hosted_cohort import entry_of
from hectograph.core.profiles import profile
from hectograph.core.status import SwitchState
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.reconciler import cohort_watch
from hectograph.reconciler import switch as switch_module
from hectograph.service import Service

FIRST = wire.COHORT_GROUP_FIRST


class Lab:
    """The controller, its pusher, and what stands on the switch."""

    def __init__(self, switch: RealSwitch, driver: P4RuntimeDriver, database: Path) -> None:
        self.switch = switch
        self.pusher = FakePusher()
        self._driver = driver
        self._database = database
        self.service = self._service()

    def _service(self) -> Service:
        return Service(self._database, artifacts=ARTIFACTS, pusher_driver=self.pusher)

    async def restart(self) -> None:
        await self.service.close()
        self.pusher.end_watch()
        self.service = self._service()
        await self.service.start()
        await self.watched(2)

    async def watched(self, times: int) -> None:
        async def holds() -> bool:
            (host,) = await self.service.cohort_hosts()
            return host.reason is None and len(self.pusher.watchers) >= times

        await until(holds, seconds=30)

    async def is_lost(self) -> bool:
        return (await self.service.switch_status("s1")).state is SwitchState.CONNECTING

    async def tables(self) -> Tables:
        async with self._driver(self.switch.record) as session:
            return await session.read()

    async def stands(self, *cohorts: FakeCohort) -> bool:
        """Entries, trees and ways of these, and nothing else of any."""
        found = await self.tables()
        pushes = {n: tree for n, tree in found.push_groups.items() if n >= FIRST}
        members = {n: entries for n, entries in found.members.items() if n >= FIRST}
        if pushes.keys() != {number for cohort in cohorts for number in cohort.groups}:
            return False
        if set(pushes.values()) != {t for t in found.trees if t >= self.first_tree}:
            return False
        for cohort in cohorts:
            copies = [
                (replica, members[number][replica.instance])
                for number in cohort.groups
                for replica in found.trees[pushes[number]]
            ]
            wanted = [
                (Replica(each.port, each.instance), entry_of(entry.group, each))
                for _, entry in copies
                for each in [cohort.members[entry.instance]]
            ]
            if copies != wanted or len(copies) != len(cohort.members):
                return False
        return sum(map(len, members.values())) == sum(len(c.members) for c in cohorts)

    @property
    def first_tree(self) -> int:
        return profile(self.switch.record.profile).group_trees + 1


@pytest.fixture
async def lab(
    switch: RealSwitch,
    driver: P4RuntimeDriver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Lab]:
    monkeypatch.setattr(cohort_watch, "TELL_SECONDS", 0.1)
    monkeypatch.setattr(switch_module, "AUDIT_SECONDS", 0.3)
    lab = Lab(switch, driver, tmp_path / "controller.db")
    async with lab.service as service:
        await service.put_switch(switch.record)
        await service.put_host(HOST)
        await lab.watched(1)
        yield lab
        await lab.service.close()


async def formed(lab: Lab, number: int, count: int, *, ports: int = 8) -> FakeCohort:
    members = [cohort_member(i, ports=ports) for i in range(1, count + 1)]
    cohort = lab.pusher.form(number, *members)
    await until(lambda: len(cohort.entered) == count, seconds=30)
    return cohort


async def is_settled(lab: Lab, *cohorts: FakeCohort) -> None:
    await until(lambda: lab.stands(*cohorts), seconds=30)


async def test_cohorts_come_and_go(lab: Lab) -> None:
    """Beside a group, which keeps what it has."""
    await lab.service.put_group(GROUP)
    await lab.service.put_members("g", [member(i) for i in range(1, 41)])
    first = await formed(lab, 1, 2)
    second = await formed(lab, 2, 200)
    await is_settled(lab, first, second)
    lab.pusher.tell(second.leave(*range(1, 101)))
    lab.pusher.tell(second.join(*(cohort_member(i) for i in range(300, 320))))
    await until(lambda: len(second.entered) == 120)
    await is_settled(lab, first, second)
    lab.pusher.tell(first.end())
    await is_settled(lab, second)
    lab.pusher.tell(second.end())
    await is_settled(lab)
    assert not await lab.service.ready()
    status = await lab.service.group_status("g")
    assert len(status.members) == 40
    assert (await lab.service.switch_status("s1")).repairs == 0
    (entries,) = await lab.service.cohort_entries()
    assert sum(entries.latency.counts) == 222
    assert (entries.standing, entries.refused) == (0, {})


async def test_many_on_one_port(lab: Lab) -> None:
    """BMv2's queue takes 64 copies at a time: the cohort gets several groups."""
    cohort = await formed(lab, 1, 150, ports=1)
    assert len(cohort.groups) == (3 if lab.switch.record.profile == "bmv2" else 1)
    await is_settled(lab, cohort)


async def test_the_controller_restarts(lab: Lab) -> None:
    going, gone = await formed(lab, 1, 150), await formed(lab, 2, 3)
    lab.pusher.cohorts.pop(2)
    await lab.restart()
    await is_settled(lab, going)
    lab.pusher.tell(going.join(cohort_member(1000)))
    await until(lambda: 1000 in going.entered)
    other = await formed(lab, 3, 2)
    assert not {*other.groups} & {*going.groups, *gone.groups}
    await is_settled(lab, going, other)


async def test_the_switch_restarts(lab: Lab) -> None:
    """What ran there is dissolved, and new ones form."""
    await formed(lab, 1, 50)
    await lab.switch.kill()
    await until(lab.is_lost, seconds=30)
    lab.pusher.end_watch()
    await lab.switch.start()
    await lab.watched(2)
    await until(lambda: not lab.pusher.cohorts, seconds=30)
    await is_settled(lab, await formed(lab, 2, 10))


async def test_a_thousand_at_once(lab: Lab) -> None:
    """And the copies of all of them in one tree, or as many as it takes."""
    cohort = await formed(lab, 1, 1000, ports=100)
    await is_settled(lab, cohort)
    lab.pusher.tell(cohort.end())
    await is_settled(lab)
