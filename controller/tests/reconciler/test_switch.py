# SPDX-License-Identifier: Apache-2.0
"""One switch's reconciler against a switch in memory that does what switches do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from fakes.examples import GROUP, SWITCH, member
from fakes.pusher import FakePusher
from fakes.switch import FakeSwitch
from fakes.waiting import until

from hectograph.core import edits
from hectograph.core.cohorts import CohortSettings
from hectograph.core.diff import count_differences
from hectograph.core.entities import (
    Change,
    HostPort,
    MemberEntry,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    UdpMemberEntry,
)
from hectograph.core.model import Member
from hectograph.core.plan import Planner
from hectograph.core.records import Edit
from hectograph.core.state import State
from hectograph.core.status import ApplyState, SwitchState
from hectograph.reconciler import switch as switch_module
from hectograph.reconciler.cohorts import SwitchCohorts
from hectograph.reconciler.switch import SwitchReconciler


class Lab:
    """A state, a switch and the task between them."""

    def __init__(self) -> None:
        self.state = State()
        self.switch = FakeSwitch()
        self.state.apply(edits.put_switch(self.state, SWITCH))
        self.state.apply(edits.put_group(self.state, GROUP))
        cohorts = SwitchCohorts("s1", self.state, FakePusher(), self._commit, CohortSettings())
        self.reconciler = SwitchReconciler("s1", self.state, self.switch, cohorts)
        self.task: asyncio.Task[None] | None = None

    async def _commit(self, make: Callable[[State], Edit]) -> None:
        self.state.apply(make(self.state))

    def start(self) -> None:
        self.task = self.task or asyncio.create_task(self.reconciler.run())

    def edit(self, make: Callable[[State], Edit]) -> None:
        """As the service does it."""
        self.state.apply(make(self.state))
        self.reconciler.mark(self.state.switch("s1").trees)

    def join(self, *members: Member) -> None:
        for each in members:
            self.edit(lambda state, each=each: edits.put_member(state, each))

    def status_of(self, name: str) -> tuple[ApplyState, str | None]:
        return self.reconciler.member_state(self.state.member("g", name))

    @property
    def agrees(self) -> bool:
        planner = Planner(self.state, "s1")
        planner.refresh()
        return count_differences(planner.tables, self.switch.tables) == 0

    async def settled(self) -> None:
        """Started if it was not, and in agreement."""
        self.start()
        await until(lambda: self.reconciler.status().state is SwitchState.READY)
        await until(lambda: self.agrees)
        await until(lambda: self.reconciler.status().pending == 0)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    """Its audits and retries come quickly."""
    monkeypatch.setattr(switch_module, "AUDIT_SECONDS", 0.1)
    monkeypatch.setattr(switch_module, "AUDIT_SHARE", 1.0)
    monkeypatch.setattr(switch_module, "RETRY_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(switch_module, "RECONNECT_SECONDS", 0.1)
    lab = Lab()
    yield lab
    if lab.task is not None:
        lab.task.cancel()
        await asyncio.gather(lab.task, return_exceptions=True)


async def test_an_empty_switch_is_filled(lab: Lab) -> None:
    lab.join(*map(member, range(1, 9)))
    await lab.settled()
    assert lab.switch.pipeline
    assert lab.status_of("m1") == (ApplyState.APPLIED, None)
    assert lab.reconciler.tree_state(1) == (ApplyState.APPLIED, None)
    assert lab.reconciler.status().repairs == 0


async def test_stale_and_foreign_entries_go(lab: Lab) -> None:
    lab.switch.tables.put(HostPort(7))
    lab.switch.tables.put(PushGroup(9, 9))
    lab.switch.tables.put(MulticastGroup(9, frozenset({Replica(2, 1)})))
    await lab.settled()
    assert not lab.switch.tables.trees


async def test_what_stands_already_is_not_touched(lab: Lab) -> None:
    lab.join(member(1))
    await lab.settled()
    before = len(lab.switch.history)
    lab.switch.set_other_primary(there=True)
    await until(lambda: lab.reconciler.status().state is SwitchState.BACKUP)
    lab.switch.set_other_primary(there=False)
    await lab.settled()
    assert len(lab.switch.history) == before


async def test_a_join_is_written_entry_first(lab: Lab) -> None:
    lab.join(member(1))
    await lab.settled()
    kinds = [type(change.entity) for change in lab.switch.history]
    order = [kinds.index(kind) for kind in (UdpMemberEntry, MulticastGroup, PushGroup)]
    assert order == sorted(order)


async def test_a_leave_removes_the_replica_first(lab: Lab) -> None:
    lab.join(member(1), member(2))
    await lab.settled()
    lab.switch.history.clear()
    lab.edit(lambda state: edits.delete_member(state, "g", "m1"))
    await lab.settled()
    assert [(c.operation, type(c.entity)) for c in lab.switch.history] == [
        (Operation.MODIFY, MulticastGroup),
        (Operation.DELETE, UdpMemberEntry),
    ]


async def test_a_group_goes_from_its_front_to_its_back(lab: Lab) -> None:
    lab.join(member(1))
    await lab.settled()
    lab.switch.history.clear()
    trees = set(lab.state.group("g").trees)
    lab.state.apply(edits.delete_group(lab.state, "g"))
    lab.reconciler.mark(trees)
    await lab.settled()
    assert [type(c.entity) for c in lab.switch.history] == [
        PushGroup,
        MulticastGroup,
        UdpMemberEntry,
    ]


async def test_joins_that_come_together_are_one_write_of_the_tree(lab: Lab) -> None:
    lab.join(member(1))
    await lab.settled()
    lab.switch.history.clear()
    for index in range(2, 200):
        lab.join(member(index))
        await asyncio.sleep(0)
    await lab.settled()
    trees = [c for c in lab.switch.history if isinstance(c.entity, MulticastGroup)]
    assert len(trees) <= 5
    assert len(lab.switch.history) <= 198 + 5


async def test_entries_that_change_behind_its_back_are_repaired(lab: Lab) -> None:
    lab.join(member(1), member(2))
    await lab.settled()
    tables = lab.switch.tables
    tables.members[1][1] = replace(tables.members[1][1], dst_mac=666)
    del tables.members[1][2]
    tables.trees[1] = frozenset({Replica(5, 5)})
    tables.host_ports.add(99)
    assert not lab.agrees
    await lab.settled()
    assert lab.reconciler.status().repairs == 4


async def test_a_conflict_with_another_writer_is_read_and_solved(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An INSERT that finds an entry there: it is read and overwritten, before any audit."""
    monkeypatch.setattr(switch_module, "AUDIT_SECONDS", 60.0)
    lab.join(member(1))
    await lab.settled()
    lab.switch.tables.members[1][2] = replace(lab.switch.tables.members[1][1], instance=2)
    lab.join(member(2))
    await lab.settled()
    assert lab.status_of("m2") == (ApplyState.APPLIED, None)


async def test_a_switch_that_comes_back_empty(lab: Lab) -> None:
    lab.join(*map(member, range(1, 20)))
    await lab.settled()
    lab.switch.restart()
    await until(lambda: lab.reconciler.status().connects == 2)
    await lab.settled()
    assert lab.switch.pipeline


async def test_a_switch_that_is_not_there(lab: Lab) -> None:
    lab.switch.vanish()
    lab.join(member(1))
    lab.start()
    await until(lambda: lab.reconciler.status().state is SwitchState.CONNECTING)
    assert lab.reconciler.status().reason
    assert lab.reconciler.status().pending == 2, "the member and its tree"
    assert lab.status_of("m1") == (ApplyState.PENDING, None)
    lab.switch.restart()
    await lab.settled()


async def test_it_goes_away_in_the_middle_of_a_write(lab: Lab) -> None:
    lab.join(*map(member, range(1, 50)))
    await lab.settled()
    seen = 0

    def die(change: Change) -> str | None:
        nonlocal seen
        seen += isinstance(change.entity, MemberEntry)
        if seen == 10:
            lab.switch.restart()
        return None

    lab.switch.refuse = die
    lab.join(*map(member, range(50, 100)))
    await until(lambda: lab.reconciler.status().connects == 2)
    await lab.settled()


async def test_a_refused_pipeline_is_told_and_tried_again(lab: Lab) -> None:
    lab.switch.pipeline_refused = True
    lab.start()
    await until(lambda: lab.reconciler.status().state is SwitchState.FAILED)
    assert lab.reconciler.status().reason == "the switch refused the pipeline: no such extern"
    lab.switch.pipeline_refused = False
    await lab.settled()


async def test_a_backup_waits_and_takes_over(lab: Lab) -> None:
    lab.switch.other_primary = True
    lab.join(member(1))
    lab.start()
    await until(lambda: lab.reconciler.status().state is SwitchState.BACKUP)
    assert lab.reconciler.status().reason == "another controller is primary"
    assert not lab.switch.history
    lab.switch.set_other_primary(there=False)
    await lab.settled()


async def test_one_refused_member_does_not_stop_the_others(lab: Lab) -> None:
    def refuse(change: Change) -> str | None:
        entry = change.entity
        bad = isinstance(entry, MemberEntry) and entry.dst_addr == member(2).address
        return "RESOURCE_EXHAUSTED: table member is full" if bad else None

    lab.switch.refuse = refuse
    lab.join(*map(member, range(1, 6)))
    lab.start()
    await until(lambda: lab.status_of("m5")[0] is ApplyState.APPLIED)
    assert lab.status_of("m2") == (
        ApplyState.REFUSED,
        "RESOURCE_EXHAUSTED: table member is full",
    )
    assert len(lab.switch.tables.trees[1]) == 4, "no replica for it"
    assert lab.reconciler.status().refused == 1
    lab.switch.refuse = lambda _: None
    await lab.settled()
    assert lab.status_of("m2") == (ApplyState.APPLIED, None)
    assert lab.reconciler.status().refused == 0


async def test_room_that_a_change_makes_is_used_at_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole set is replaced in a table that holds no more than one set."""
    monkeypatch.setattr(switch_module, "AUDIT_SECONDS", 60.0)
    monkeypatch.setattr(switch_module, "RETRY_SECONDS", (60.0, 60.0))
    lab.switch.refuse = lambda change: (
        "full"
        if isinstance(change.entity, MemberEntry)
        and change.operation is Operation.INSERT
        and len(lab.switch.tables.members.get(1, {})) >= 4
        else None
    )
    lab.join(*map(member, range(1, 5)))
    await lab.settled()
    lab.edit(lambda state: edits.put_members(state, "g", [member(i) for i in range(11, 15)]))
    await lab.settled()


async def test_a_refused_tree_is_told_with_its_members(lab: Lab) -> None:
    lab.switch.refuse = lambda change: (
        "no more groups" if isinstance(change.entity, MulticastGroup) else None
    )
    lab.join(member(1))
    lab.start()
    await until(lambda: lab.reconciler.tree_state(1)[0] is ApplyState.REFUSED)
    assert lab.status_of("m1") == (ApplyState.REFUSED, "no more groups")
    assert 1 not in lab.switch.tables.push_groups, "nobody pushes into the void"
    lab.switch.refuse = lambda _: None
    await lab.settled()


async def test_a_changed_port_is_swapped_in_one_write(lab: Lab) -> None:
    lab.join(member(1), member(2))
    await lab.settled()
    lab.switch.history.clear()
    lab.join(replace(member(1), port=9))
    await lab.settled()
    assert [(c.operation, type(c.entity)) for c in lab.switch.history] == [
        (Operation.INSERT, UdpMemberEntry),
        (Operation.MODIFY, MulticastGroup),
        (Operation.DELETE, UdpMemberEntry),
    ]


async def test_new_host_ports(lab: Lab) -> None:
    await lab.settled()
    new = replace(SWITCH, host_ports=frozenset({2, 3}))
    lab.state.apply(edits.put_switch(lab.state, new))
    lab.reconciler.mark()
    await lab.settled()
    assert lab.switch.tables.host_ports == {2, 3}
    assert lab.reconciler.status().repairs == 0


async def test_an_error_of_ours_does_not_end_the_task(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    await lab.settled()

    def explode(_: Change) -> str | None:
        raise ZeroDivisionError("a bug")

    lab.switch.refuse = explode
    lab.join(member(1))
    await until(lambda: lab.reconciler.status().state is SwitchState.FAILED)
    assert "a bug" in (lab.reconciler.status().reason or "")
    lab.switch.refuse = lambda _: None
    await lab.settled()
    assert "ZeroDivisionError" in caplog.text


async def test_an_address_that_changes_stays_in_its_slot(lab: Lab) -> None:
    lab.join(member(1))
    await lab.settled()
    lab.switch.history.clear()
    lab.join(replace(member(1), address=IPv4Address("203.0.113.99")))
    await lab.settled()
    assert [c.operation for c in lab.switch.history] == [Operation.MODIFY]
