# SPDX-License-Identifier: Apache-2.0
"""Cohorts on a switch in memory, told of by a pusher in memory, whatever breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import pytest
from fakes.cohorts import FakeCohort, cohort_member
from fakes.examples import GROUP, HOST, SWITCH, member
from fakes.pusher import FakePusher
from fakes.switch import FakeSession, FakeSwitch
from fakes.waiting import until

from hectograph import wire
from hectograph.core import edits
from hectograph.core.cohorts import CohortSettings, LeftReason
from hectograph.core.entities import Change, MulticastGroup, PushGroup, Replica, Tables
from hectograph.core.hosted_cohort import Refusal, entry_of
from hectograph.core.profiles import profile
from hectograph.core.records import Edit
from hectograph.core.state import State
from hectograph.core.status import ApplyState, SwitchState
from hectograph.drivers.base import WriteResult
from hectograph.reconciler import cohort_watch, cohorts
from hectograph.reconciler import switch as switch_module
from hectograph.reconciler.cohorts import SwitchCohorts
from hectograph.reconciler.switch import SwitchReconciler

FIRST = wire.COHORT_GROUP_FIRST
FIRST_TREE = profile("embedded").group_trees + 1
SETTINGS = CohortSettings(0.003, 0.07, 99)
OTHER_HOST = replace(HOST, name="h2", control="/run/other.sock", port=9)


class Lab:
    """A state, a switch, its reconciler, and a pusher for each host."""

    def __init__(self) -> None:
        self.state = State()
        self.switch = FakeSwitch()
        self.pushers = {HOST.control: FakePusher(), OTHER_HOST.control: FakePusher()}
        self.pusher = self.pushers[HOST.control]
        for make in (
            lambda: edits.put_switch(self.state, replace(SWITCH, host_ports=frozenset({1, 9}))),
            lambda: edits.put_host(self.state, HOST),
            lambda: edits.put_group(self.state, GROUP),
        ):
            self.state.apply(make())
        self.begin()

    def begin(self) -> None:
        """A controller that knows what the state holds and nothing else."""
        self.cohorts = SwitchCohorts(
            "s1",
            self.state,
            lambda host: self.pushers[host.control](host),
            self._commit,
            SETTINGS,
        )
        self.reconciler = SwitchReconciler("s1", self.state, self.switch, self.cohorts)
        self.task = asyncio.create_task(self.reconciler.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def restart(self) -> None:
        await self.end()
        for pusher in self.pushers.values():
            pusher.end_watch()
        self.begin()
        await self.watched()

    async def _commit(self, make: Callable[[State], Edit]) -> None:
        self.state.apply(make(self.state))

    def edit(self, make: Callable[[State], Edit]) -> None:
        self.state.apply(make(self.state))
        self.reconciler.mark(self.state.switch("s1").trees)
        self.cohorts.hosts_changed()

    async def watched(self, times: int = 1) -> None:
        await until(lambda: self.cohorts.trouble("h1") is None)
        await until(lambda: len(self.pusher.watchers) >= times)

    async def started(self, number: int = 7, count: int = 3, first: int = 1) -> FakeCohort:
        members = [cohort_member(i) for i in range(first, first + count)]
        cohort = self.pusher.form(number, *members)
        await until(lambda: len(cohort.entered) == count)
        return cohort

    def stands(self, *cohorts: FakeCohort) -> bool:
        """What these need stands on the switch, and nothing else of any."""
        tables = self.switch.tables
        wanted = Tables()
        for cohort in cohorts:
            (number,) = cohort.groups
            tree = tables.push_groups.get(number, 0)
            wanted.put(PushGroup(number, tree))
            for each in cohort.members.values():
                wanted.put(entry_of(number, each))
            replicas = (Replica(each.port, each.instance) for each in cohort.members.values())
            wanted.put(MulticastGroup(tree, frozenset(replicas)))
        return (
            {n: t for n, t in tables.push_groups.items() if n >= FIRST} == wanted.push_groups
            and {n: m for n, m in tables.members.items() if n >= FIRST} == wanted.members
            and {n: t for n, t in tables.trees.items() if n >= FIRST_TREE} == wanted.trees
        )


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    monkeypatch.setattr(cohorts, "REMOVAL_SECONDS", 0.02)
    monkeypatch.setattr(cohort_watch, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(cohort_watch, "TELL_SECONDS", 0.05)
    monkeypatch.setattr(switch_module, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(switch_module, "AUDIT_SECONDS", 0.05)
    monkeypatch.setattr(switch_module, "AUDIT_SHARE", 1.0)
    lab = Lab()
    await lab.watched()
    yield lab
    await lab.end()


async def test_from_the_first_request_to_nothing(lab: Lab) -> None:
    cohort = await lab.started()
    assert cohort.groups == (FIRST,)
    assert lab.stands(cohort)
    lab.pusher.tell(cohort.join(cohort_member(9)))
    await until(lambda: 9 in cohort.entered)
    lab.pusher.tell(cohort.leave(2, reason=LeftReason.BEHIND))
    await until(lambda: lab.stands(cohort))
    lab.pusher.tell(cohort.end())
    await until(lambda: lab.stands())


async def test_the_pusher_is_told_the_settings(lab: Lab) -> None:
    ((settings, _),) = lab.pusher.watchers
    assert settings == SETTINGS


async def test_what_comes_during_a_write_goes_together(lab: Lab) -> None:
    """One request for the first, one for all that came meanwhile."""
    before = lab.cohorts.stats.writes
    cohort = lab.pusher.form(7, cohort_member(1))
    for client in range(2, 100):
        lab.pusher.tell(cohort.join(cohort_member(client)))
    await until(lambda: len(cohort.entered) == 99)
    assert lab.cohorts.stats.writes - before <= 2
    assert lab.stands(cohort)


async def test_audits_leave_cohorts_alone(lab: Lab) -> None:
    lab.edit(lambda state: edits.put_member(state, member(1)))
    cohort = await lab.started()
    audited = lab.reconciler.status().audited_at
    await until(lambda: lab.reconciler.status().audited_at != audited)
    await until(lambda: lab.reconciler.status().state is SwitchState.READY)
    assert lab.stands(cohort)
    assert lab.reconciler.status().repairs == 0
    record = lab.state.member("g", "m1")
    assert lab.reconciler.member_state(record) == (ApplyState.APPLIED, None)


async def test_audits_repair_cohorts(lab: Lab) -> None:
    cohort = await lab.started()
    del lab.switch.tables.members[FIRST][2]
    lab.switch.tables.put(entry_of(FIRST + 5, cohort_member(3)))
    lab.switch.tables.put(MulticastGroup(FIRST_TREE + 5, frozenset({Replica(2, 2)})))
    await until(lambda: lab.stands(cohort))
    assert lab.reconciler.status().repairs == 3


async def test_who_is_refused_goes_alone(lab: Lab) -> None:
    bad = entry_of(FIRST, cohort_member(2))
    lab.switch.refuse = lambda change: "it is full" if change.entity == bad else None
    cohort = lab.pusher.form(7, cohort_member(1), cohort_member(2), cohort_member(3))
    await until(lambda: cohort.refused[2] == 1)
    await until(lambda: lab.stands(cohort))
    assert cohort.entered == {1, 3}
    assert lab.cohorts.ledger.refusals == {Refusal.SWITCH: 1}


async def test_an_entry_that_is_there_already_is_found_by_an_audit(lab: Lab) -> None:
    """Somebody else has put it there; whom it concerns goes alone."""
    lab.switch.tables.put(replace(entry_of(FIRST, cohort_member(2)), dst_mac=1))
    cohort = lab.pusher.form(7, cohort_member(1), cohort_member(2))
    await until(lambda: cohort.entered == {1})
    await until(lambda: lab.stands(cohort))


# What breaks


async def test_a_restarted_controller_takes_over_what_runs(lab: Lab) -> None:
    cohort = await lab.started()
    gone = await lab.started(8)
    await lab.end()
    del lab.pusher.cohorts[8]
    cohort.leave(2)
    history = list(lab.switch.history)
    lab.begin()
    await until(lambda: lab.stands(cohort))
    assert not any(
        change.operation.value == "insert" for change in lab.switch.history[len(history) :]
    )
    lab.pusher.tell(cohort.join(cohort_member(9)))
    await until(lambda: cohort.entered == {1, 3, 9})
    other = await lab.started(9)
    assert other.groups[0] not in (*cohort.groups, *gone.groups)


async def test_numbers_are_written_before_they_are_used(lab: Lab) -> None:
    await lab.started()
    record = lab.state.cohort_numbers["s1"]
    assert record.next > FIRST
    await lab.restart()
    cohort = await lab.started(8)
    assert cohort.groups == (record.next,)
    assert lab.state.cohort_numbers["s1"].held == (FIRST,)


async def test_a_restarted_switch_ends_what_ran(lab: Lab) -> None:
    cohort = await lab.started()
    lab.switch.restart()
    await until(lambda: 7 not in lab.pusher.cohorts)
    await lab.watched(2)
    assert not cohort.members
    await until(lambda: lab.stands())
    assert lab.stands(await lab.started(8))


async def test_a_lost_switch_is_forgotten_and_found_again(lab: Lab) -> None:
    """It was only the connection: what runs, runs."""
    cohort = await lab.started()
    lab.switch.vanish()
    await until(lambda: lab.reconciler.status().state is SwitchState.CONNECTING)
    lab.pusher.end_watch()
    lab.switch.reachable = True
    await lab.watched(2)
    lab.pusher.tell(cohort.join(cohort_member(9)))
    await until(lambda: cohort.entered == {1, 2, 3, 9})
    assert lab.stands(cohort)


async def test_a_restarted_pusher_frees_what_it_had(lab: Lab) -> None:
    await lab.started()
    lab.pusher.restart()
    await lab.watched(2)
    await until(lambda: lab.stands())
    assert lab.cohorts.ledger.numbers.in_use == set()


async def test_a_host_that_is_away_keeps_its_cohorts_for_a_while(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_watch, "AWAY_SECONDS", 0.3)
    cohort = await lab.started()
    lab.pusher.reachable = False
    lab.pusher.end_watch()
    await until(lambda: lab.cohorts.trouble("h1") is not None)
    await asyncio.sleep(0.1)
    assert lab.stands(cohort)
    await until(lambda: lab.stands())


async def test_a_host_that_is_away_does_not_hold_others_up(lab: Lab) -> None:
    lab.edit(lambda state: edits.put_host(state, OTHER_HOST))
    other = lab.pushers[OTHER_HOST.control]
    await until(lambda: bool(other.watchers))
    cohort = await lab.started()
    other.reachable = False
    other.end_watch()
    lab.pusher.tell(cohort.end())
    await until(lambda: lab.stands())


async def test_a_removed_host_leaves_nothing(lab: Lab) -> None:
    await lab.started()
    lab.edit(lambda state: edits.delete_host(state, "h1"))
    await until(lambda: lab.stands())


async def test_a_backup_does_not_watch(lab: Lab) -> None:
    """And when it takes over, it uses no number that the other may have used just now."""
    lab.switch.set_other_primary(there=True)
    await until(lambda: lab.reconciler.status().state is SwitchState.BACKUP)
    assert lab.cohorts.trouble("h1") == "switch s1 is not ready"
    assert len(lab.pusher.watchers) == 1
    lab.switch.set_other_primary(there=False)
    await lab.watched(2)
    cohort = lab.pusher.form(7, cohort_member(1), cohort_member(2))
    await until(lambda: not cohort.members)
    assert lab.cohorts.ledger.refusals == {Refusal.NUMBERS: 2}


async def test_an_unwanted_member_is_no_trouble(lab: Lab) -> None:
    """What was to be removed is gone already."""
    cohort = await lab.started()
    lab.pusher.tell(cohort.leave(2))
    lab.switch.tables.drop(entry_of(FIRST, cohort_member(2)))
    await until(lambda: lab.stands(cohort))
    assert not lab.cohorts.ledger.tables.is_stale


async def test_nobody_waits_for_a_long_sync(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for an audit that reads for long."""
    hold = asyncio.Event()
    write, read = FakeSession.write, FakeSession.read

    async def slow_write(
        self: FakeSession, changes: Sequence[Change], *, at_once: int = 256
    ) -> WriteResult:
        if any(isinstance(c.entity, PushGroup) and c.entity.group < FIRST for c in changes):
            await hold.wait()
        return await write(self, changes, at_once=at_once)

    async def slow_read(self: FakeSession) -> Tables:
        found = await read(self)
        await hold.wait()
        return found

    monkeypatch.setattr(FakeSession, "write", slow_write)
    lab.edit(lambda state: edits.put_member(state, member(1)))
    await until(lambda: lab.reconciler.status().state is SwitchState.SYNCING)
    first = await lab.started()
    hold.set()
    monkeypatch.setattr(FakeSession, "read", slow_read)
    await until(lambda: lab.reconciler.status().state is SwitchState.READY)
    hold.clear()
    await asyncio.sleep(0.1)  # an audit has read, but is not answered yet
    second = await lab.started(8)
    hold.set()
    audited = lab.reconciler.status().audited_at
    await until(lambda: lab.reconciler.status().audited_at != audited)
    assert lab.stands(first, second)
    assert lab.reconciler.status().repairs == 0
