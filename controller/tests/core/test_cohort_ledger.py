# SPDX-License-Identifier: Apache-2.0
"""The ledger of one switch's cohorts: what is written for which event, and answered."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.cohorts import FakeCohort, cohort_member

from hectograph import wire
from hectograph.core.cohort_ledger import MAX_GROUPS, CohortLedger
from hectograph.core.cohort_numbers import REST_SECONDS, GroupNumbers
from hectograph.core.cohort_tables import take_cohorts
from hectograph.core.cohorts import CohortEntry, CohortEvent, LeftReason
from hectograph.core.entities import (
    Change,
    HostPort,
    MemberEntry,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    Tables,
    key,
)
from hectograph.core.hosted_cohort import Refusal, entry_of
from hectograph.core.profiles import Profile, profile
from hectograph.core.records import CohortNumbersRecord

FIRST = wire.COHORT_GROUP_FIRST
EMBEDDED, BMV2 = profile("embedded"), profile("bmv2")
FIRST_TREE = EMBEDDED.group_trees + 1
BATCH = 4096


def copy(tables: Tables) -> Tables:
    new = Tables()
    new.push_groups = dict(tables.push_groups)
    new.trees = dict(tables.trees)
    new.members = {number: dict(entries) for number, entries in tables.members.items()}
    return new


class Lab:
    """A ledger and a switch that takes what it writes, as long as it is told to."""

    def __init__(self, limits: Profile = EMBEDDED, members_of_groups: int = 0) -> None:
        self.now = 1000.0
        self.switch = Tables()
        self.refuse: Callable[[Change], bool] = lambda _: False
        self.written: list[Change] = []
        numbers = GroupNumbers(CohortNumbersRecord("s1", FIRST), -1000.0)
        numbers.extend(numbers.plan(self.now))
        self.ledger = CohortLedger(lambda: limits, numbers, lambda: members_of_groups, set)
        self.ledger.begin(Tables())

    def hear(self, event: CohortEvent, host: str = "h1") -> None:
        self.ledger.hear(host, event, self.now)

    def send(self, changes: list[Change]) -> list[Change]:
        """Those that the switch refuses."""
        refused = [change for change in changes if self.refuse(change)]
        for change in changes:
            if change not in refused:
                there = holds(self.switch, change)
                assert there == (change.operation is not Operation.INSERT), change
                self.switch.apply(change)
        self.written += changes
        return refused

    def write(self, limit: int = BATCH) -> list[tuple[str, CohortEntry]]:
        batch = self.ledger.tables.next_batch(limit)
        self.ledger.written(batch, self.send(list(batch.changes)))
        return self.ledger.take_answers(self.now)

    def remove(self, limit: int = BATCH) -> None:
        while self.ledger.tables.is_stale:
            changes = list(self.ledger.tables.next_removal(limit))
            self.ledger.tables.made(changes, self.send(changes))

    def only(self) -> CohortEntry:
        ((host, entry),) = self.write()
        assert host == "h1"
        return entry

    def restart(self) -> None:
        """Another controller, on what the last one left."""
        numbers = GroupNumbers(self.ledger.numbers.plan(self.now), self.now)
        numbers.extend(numbers.plan(self.now))
        self.ledger = CohortLedger(lambda: EMBEDDED, numbers, lambda: 0, set)
        self.ledger.begin(copy(self.switch))


def holds(tables: Tables, change: Change) -> bool:
    match change.entity:
        case PushGroup(group):
            return group in tables.push_groups
        case MulticastGroup(id_):
            return id_ in tables.trees
        case MemberEntry(group, instance):
            return instance in tables.members.get(group, {})
        case other:
            raise AssertionError(other)


@pytest.fixture
def lab() -> Lab:
    return Lab()


def started(lab: Lab, count: int = 3) -> FakeCohort:
    """A cohort whose members have their entries."""
    cohort = FakeCohort(7)
    lab.hear(cohort.join(*(cohort_member(i) for i in range(1, count + 1))))
    assert not cohort.enter(lab.only())
    return cohort


def test_one_batch_makes_a_cohort(lab: Lab) -> None:
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1), cohort_member(2)))
    assert lab.only() == CohortEntry(7, (FIRST,), (1, 2))
    entries = [entry_of(FIRST, cohort_member(i)) for i in (1, 2)]
    assert lab.written == [
        *(Change(Operation.INSERT, entry) for entry in entries),
        Change(
            Operation.INSERT, MulticastGroup(FIRST_TREE, frozenset({Replica(3, 1), Replica(4, 2)}))
        ),
        Change(Operation.INSERT, PushGroup(FIRST, FIRST_TREE)),
    ]


def test_an_entry_says_what_its_member_said() -> None:
    member = cohort_member(2)._replace(vlan_tci=5)
    entry = entry_of(9, member)
    assert (entry.dst_addr, entry.dst_port, entry.dst_mac) == (
        member.client,
        member.client_port,
        member.client_mac,
    )
    assert (entry.src_addr, entry.src_port, entry.src_mac) == (
        member.service,
        member.service_port,
        member.service_mac,
    )
    assert (entry.group, entry.instance, entry.vlan_tci) == (9, 2, 5)
    assert (entry.sequence_base, entry.ack_no) == (member.sequence_base, member.acknowledgement)
    assert entry.window == 0xFFFF


def test_who_comes_later_gets_one_tree_more(lab: Lab) -> None:
    cohort = started(lab)
    lab.written.clear()
    lab.hear(cohort.join(cohort_member(9)))
    lab.hear(cohort.join(cohort_member(10)))
    assert lab.only() == CohortEntry(7, (FIRST,), (9, 10))
    assert [key(change.entity) for change in lab.written] == [
        (MemberEntry, FIRST, 9),
        (MemberEntry, FIRST, 10),
        (MulticastGroup, FIRST_TREE, 0),
    ]
    assert len(lab.switch.trees[FIRST_TREE]) == 5


def test_cohorts_are_apart(lab: Lab) -> None:
    """Of one host and of two: the pushers' own numbers may be the same."""
    lab.hear(FakeCohort(7).join(cohort_member(1)))
    lab.hear(FakeCohort(8).join(cohort_member(1)))
    lab.hear(FakeCohort(7).join(cohort_member(1)), host="h2")
    assert lab.write() == [
        ("h1", CohortEntry(7, (FIRST,), (1,))),
        ("h1", CohortEntry(8, (FIRST + 1,), (1,))),
        ("h2", CohortEntry(7, (FIRST + 2,), (1,))),
    ]
    assert set(lab.switch.push_groups.values()) == set(range(FIRST_TREE, FIRST_TREE + 3))


def test_who_left_is_removed_later(lab: Lab) -> None:
    cohort = started(lab)
    lab.written.clear()
    lab.hear(cohort.leave(2, reason=LeftReason.BEHIND))
    assert not lab.ledger.tables.is_urgent
    lab.remove()
    assert [(change.operation, key(change.entity)) for change in lab.written] == [
        (Operation.MODIFY, (MulticastGroup, FIRST_TREE, 0)),
        (Operation.DELETE, (MemberEntry, FIRST, 2)),
    ]
    assert lab.switch.members[FIRST].keys() == {1, 3}


def test_who_left_before_the_write_gets_none(lab: Lab) -> None:
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1), cohort_member(2)))
    lab.hear(cohort.leave(1, reason=LeftReason.RESET))
    assert lab.only() == CohortEntry(7, (FIRST,), (2,))
    assert lab.switch.members[FIRST].keys() == {2}


def test_who_left_during_the_write_is_not_entered(lab: Lab) -> None:
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1), cohort_member(2)))
    batch = lab.ledger.tables.next_batch(BATCH)
    lab.hear(cohort.leave(1, reason=LeftReason.RESET))
    lab.ledger.written(batch, lab.send(list(batch.changes)))
    assert lab.ledger.take_answers(lab.now) == [("h1", CohortEntry(7, (FIRST,), (2,)))]
    lab.remove()
    assert lab.switch.members[FIRST].keys() == {2}
    assert lab.switch.trees[FIRST_TREE] == {Replica(4, 2)}


def test_nothing_is_left_of_one_that_ended(lab: Lab) -> None:
    cohort = started(lab)
    lab.hear(cohort.end())
    lab.remove()
    assert not lab.switch.tree_ids()
    assert not lab.ledger.numbers.in_use


def test_one_that_ended_during_its_write_is_removed(lab: Lab) -> None:
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1)))
    batch = lab.ledger.tables.next_batch(BATCH)
    lab.hear(cohort.end(LeftReason.LATE))
    lab.ledger.written(batch, lab.send(list(batch.changes)))
    assert lab.ledger.take_answers(lab.now) == []
    lab.remove()
    assert not lab.switch.tree_ids()


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_removing_in_small_steps(lab: Lab, limit: int) -> None:
    cohort, other = started(lab, 20), FakeCohort(8)
    lab.hear(other.join(*(cohort_member(i) for i in range(1, 9))))
    lab.write()
    lab.hear(cohort.end())
    lab.hear(other.leave(1, 2, 3, 4, 5))
    lab.remove(limit)
    assert lab.switch.push_groups == {FIRST + 1: FIRST_TREE + 1}
    assert lab.switch.members.keys() == {FIRST + 1}
    assert lab.switch.members[FIRST + 1].keys() == {6, 7, 8}
    assert lab.switch.trees.keys() == {FIRST_TREE + 1}


def test_writing_in_small_steps(lab: Lab) -> None:
    cohort = FakeCohort(7)
    lab.hear(cohort.join(*(cohort_member(i) for i in range(1, 11))))
    entered: list[int] = []
    while lab.ledger.tables.is_urgent:
        ((_, entry),) = lab.write(limit=4)
        assert entry.groups == (FIRST,)
        entered += entry.entered
    assert entered == list(range(1, 11))
    assert len(lab.switch.trees[FIRST_TREE]) == 10


def test_a_number_rests_and_a_tree_does_not(lab: Lab) -> None:
    cohort = started(lab)
    lab.hear(cohort.end())
    lab.remove()
    lab.hear(FakeCohort(8).join(cohort_member(1)))
    assert lab.only().groups == (FIRST + 1,)
    assert lab.ledger.numbers.plan(lab.now).held == (FIRST, FIRST + 1)
    assert lab.ledger.numbers.plan(lab.now + REST_SECONDS).held == (FIRST + 1,)


# Limits


def test_a_port_that_would_lose_copies_splits_the_cohort() -> None:
    lab = Lab(BMV2)
    limit = BMV2.max_replicas_per_port
    cohort = FakeCohort(7)
    lab.hear(cohort.join(*(cohort_member(i, ports=1) for i in range(1, limit + 3))))
    entry = lab.only()
    assert entry.groups == (FIRST, FIRST + 1)
    assert len(entry.entered) == limit + 2
    assert [len(lab.switch.members[n]) for n in entry.groups] == [limit, 2]
    lab.hear(cohort.leave(1))
    lab.hear(cohort.join(cohort_member(limit + 3, ports=1)))
    assert lab.only() == CohortEntry(7, (FIRST, FIRST + 1), (limit + 3,))
    assert [len(lab.switch.trees[lab.switch.push_groups[n]]) for n in entry.groups] == [limit, 2]


def test_a_cohort_has_not_more_groups_than_its_pusher_takes() -> None:
    lab = Lab(replace(EMBEDDED, max_replicas_per_port=1))
    cohort = FakeCohort(7)
    lab.hear(cohort.join(*(cohort_member(i, ports=1) for i in range(1, MAX_GROUPS + 3))))
    entry = lab.only()
    assert len(entry.groups) == MAX_GROUPS
    assert entry.refused == (MAX_GROUPS + 1, MAX_GROUPS + 2)
    assert lab.ledger.refusals == {Refusal.GROUPS: 2}


def test_members_take_what_groups_leave_of_the_table() -> None:
    lab = Lab(replace(EMBEDDED, max_members=10), members_of_groups=6)
    lab.hear(FakeCohort(7).join(*(cohort_member(i) for i in range(1, 4))))
    lab.hear(FakeCohort(8).join(*(cohort_member(i) for i in range(1, 4))))
    answers = {entry.cohort: entry for _, entry in lab.write()}
    assert answers == {
        7: CohortEntry(7, (FIRST,), (1, 2, 3)),
        8: CohortEntry(8, (FIRST + 1,), (1,), (2, 3)),
    }
    assert lab.ledger.refusals == {Refusal.MEMBERS: 2}


def test_no_tree_is_free() -> None:
    lab = Lab(replace(EMBEDDED, cohort_trees=1, max_trees=EMBEDDED.group_trees + 1))
    started(lab)
    lab.hear(FakeCohort(8).join(cohort_member(1)))
    assert lab.only() == CohortEntry(8, (), (), (1,))
    assert lab.ledger.refusals == {Refusal.TREES: 1}


def test_trees_that_groups_have_are_left_alone() -> None:
    lab = Lab()
    trees = {FIRST_TREE, FIRST_TREE + 2}
    lab.ledger = CohortLedger(lambda: EMBEDDED, lab.ledger.numbers, lambda: 0, lambda: trees)
    for number in (7, 8):
        lab.hear(FakeCohort(number).join(cohort_member(1)))
    lab.write()
    assert lab.switch.trees.keys() == {FIRST_TREE + 1, FIRST_TREE + 3}


def test_no_number_is_left(lab: Lab) -> None:
    lab.ledger.numbers.bar(lab.now)
    lab.hear(FakeCohort(7).join(cohort_member(1)))
    assert lab.ledger.take_answers(lab.now) == [("h1", CohortEntry(7, (), (), (1,)))]
    assert lab.ledger.refusals == {Refusal.NUMBERS: 1}


def test_a_refusal_does_not_dissolve_a_cohort_that_is_being_written() -> None:
    lab = Lab(replace(EMBEDDED, max_members=1))
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1)))
    batch = lab.ledger.tables.next_batch(BATCH)
    lab.hear(cohort.join(cohort_member(2)))
    assert lab.ledger.take_answers(lab.now) == []
    lab.ledger.written(batch, lab.send(list(batch.changes)))
    assert lab.ledger.take_answers(lab.now) == [("h1", CohortEntry(7, (FIRST,), (1,), (2,)))]


# What the switch refuses


def test_a_refused_entry_is_one_members_matter(lab: Lab) -> None:
    lab.refuse = lambda change: key(change.entity) == (MemberEntry, FIRST, 2)
    cohort = FakeCohort(7)
    lab.hear(cohort.join(*(cohort_member(i) for i in range(1, 4))))
    assert lab.only() == CohortEntry(7, (FIRST,), (1, 3), (2,))
    lab.remove()
    assert lab.switch.members[FIRST].keys() == {1, 3}
    assert {replica.instance for replica in lab.switch.trees[FIRST_TREE]} == {1, 3}
    assert lab.ledger.refusals == {Refusal.SWITCH: 1}


@pytest.mark.parametrize("kind", [MulticastGroup, PushGroup])
def test_without_tree_or_way_there_is_no_cohort(lab: Lab, kind: type[object]) -> None:
    lab.refuse = lambda change: isinstance(change.entity, kind)
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1), cohort_member(2)))
    assert lab.only() == CohortEntry(7, (), (), (1, 2))
    lab.refuse = lambda _: False
    lab.hear(cohort.end(LeftReason.DISSOLVED))
    lab.remove()
    assert not lab.switch.tree_ids()


def test_a_refused_larger_tree_leaves_those_that_were_in_it(lab: Lab) -> None:
    cohort = started(lab)
    tree = lab.switch.trees[FIRST_TREE]
    lab.refuse = lambda change: isinstance(change.entity, MulticastGroup)
    lab.hear(cohort.join(cohort_member(9)))
    assert lab.only() == CohortEntry(7, (FIRST,), (), (9,))
    lab.remove()
    assert lab.switch.trees[FIRST_TREE] == tree
    assert lab.switch.members[FIRST].keys() == {1, 2, 3}


# Restarts


def test_a_running_cohort_is_adopted(lab: Lab) -> None:
    cohort = started(lab, 200)
    stood = copy(lab.switch)
    lab.written.clear()
    lab.restart()
    lab.ledger.forget("h1")
    for event in cohort.first_events():
        lab.hear(event)
    lab.ledger.heard_all("h1", lab.now)
    lab.remove()
    assert lab.write() == []
    assert lab.written == []
    lab.hear(cohort.join(cohort_member(300)))
    assert lab.only() == CohortEntry(7, (FIRST,), (300,))
    assert lab.switch.members[FIRST].keys() == stood.members[FIRST].keys() | {300}


def test_what_nobody_runs_is_removed(lab: Lab) -> None:
    started(lab, 3)
    other = FakeCohort(8)
    lab.hear(other.join(cohort_member(1), cohort_member(2)), host="h2")
    ((_, entry),) = lab.write()
    other.enter(entry)
    lab.restart()
    for host in ("h1", "h2"):
        lab.ledger.forget(host)
    for event in other.first_events():
        lab.hear(event, host="h2")
    lab.ledger.heard_all("h2", lab.now)
    assert not lab.ledger.tables.is_stale  # h1 has not told yet
    lab.ledger.heard_all("h1", lab.now)
    lab.remove()
    assert lab.switch.push_groups.keys() == lab.switch.members.keys() == {FIRST + 1}
    assert lab.ledger.numbers.in_use == {FIRST + 1}


def test_numbers_that_another_controller_used_rest(lab: Lab) -> None:
    """It had a database of its own: ours knows nothing of what stands there."""
    lab.switch.put(PushGroup(FIRST, FIRST_TREE))
    lab.switch.put(entry_of(FIRST + 1, cohort_member(1)))
    lab.ledger.begin(copy(lab.switch))
    lab.ledger.heard_all("h1", lab.now)
    lab.remove()
    assert not lab.switch.tree_ids()
    assert lab.ledger.numbers.plan(lab.now).held == (FIRST, FIRST + 1)
    lab.hear(FakeCohort(7).join(cohort_member(1)))
    assert lab.only().groups == (FIRST + 2,)


def test_who_left_meanwhile_is_removed(lab: Lab) -> None:
    cohort = started(lab)
    cohort.leave(2)
    lab.ledger.forget("h1")
    for event in cohort.first_events():
        lab.hear(event)
    lab.ledger.heard_all("h1", lab.now)
    lab.ledger.tables.audit_begins()
    assert lab.ledger.tables.audited(copy(lab.switch)) == 0
    lab.remove()
    assert lab.switch.members[FIRST].keys() == {1, 3}
    assert {replica.instance for replica in lab.switch.trees[FIRST_TREE]} == {1, 3}


def test_after_a_lost_connection_nothing_is_removed_at_first(lab: Lab) -> None:
    cohort = started(lab)
    lab.hear(cohort.leave(1))  # its removal waits
    lab.ledger.forget("h1")
    lab.remove()
    assert lab.switch.members[FIRST].keys() == {1, 2, 3}
    lab.ledger.heard_all("h1", lab.now)
    lab.remove()
    assert not lab.switch.tree_ids()


@pytest.mark.parametrize("what", ["everything", "tree", "way", "entry"])
def test_what_does_not_stand_is_dissolved(lab: Lab, what: str) -> None:
    """The switch restarted, or lost something."""
    cohort = started(lab)
    if what == "everything":
        lab.switch = Tables()
    elif what == "tree":
        del lab.switch.trees[FIRST_TREE]
    elif what == "way":
        del lab.switch.push_groups[FIRST]
    else:
        del lab.switch.members[FIRST][2]
    lab.ledger.begin(copy(lab.switch))
    for event in cohort.first_events():
        lab.hear(event)
    assert lab.ledger.take_answers(lab.now) == [("h1", CohortEntry(7, ()))]
    lab.hear(cohort.join(cohort_member(9)))  # said before it heard
    lab.hear(cohort.end(LeftReason.DISSOLVED))
    lab.ledger.heard_all("h1", lab.now)
    lab.remove()
    assert not lab.switch.tree_ids()
    assert not lab.ledger.numbers.in_use


# Audits


def audit(lab: Lab) -> int:
    lab.ledger.tables.audit_begins()
    return lab.ledger.tables.audited(copy(lab.switch))


def test_an_audit_finds_nothing(lab: Lab) -> None:
    cohort = started(lab)
    assert audit(lab) == 0
    assert not lab.ledger.tables.is_urgent
    assert not lab.ledger.tables.is_stale
    lab.hear(cohort.end())


def test_an_audit_repairs(lab: Lab) -> None:
    started(lab)
    stood = copy(lab.switch)
    del lab.switch.members[FIRST][2]
    lab.switch.members[FIRST][77] = entry_of(FIRST, cohort_member(77))
    del lab.switch.push_groups[FIRST]
    lab.switch.trees[FIRST_TREE] = frozenset({Replica(9, 77)})
    assert audit(lab) == 4
    assert lab.write() == []  # those in it were told of their entries long ago
    lab.remove()
    assert lab.switch.members == stood.members
    assert lab.switch.push_groups == stood.push_groups
    assert lab.switch.trees == stood.trees


def test_what_was_written_during_an_audit_counts(lab: Lab) -> None:
    """Whether the audit has read it or not."""
    cohort = started(lab)
    lab.hear(cohort.join(cohort_member(9)))
    batch = lab.ledger.tables.next_batch(BATCH)
    lab.ledger.tables.audit_begins()
    read = copy(lab.switch)
    lab.ledger.written(batch, lab.send(list(batch.changes)))
    lab.hear(FakeCohort(8).join(cohort_member(1)))
    lab.write()
    assert lab.ledger.tables.audited(read) == 0
    assert not lab.ledger.tables.is_urgent
    assert not lab.ledger.tables.is_stale
    assert lab.ledger.tables.actual.members == lab.switch.members
    assert lab.ledger.tables.actual.trees == lab.switch.trees


def test_what_is_cohorts_is_taken_out_of_what_was_read() -> None:
    read = Tables()
    for entity in (
        HostPort(1),
        PushGroup(5, 5),
        MulticastGroup(5, frozenset()),
        MulticastGroup(FIRST_TREE, frozenset()),
        MulticastGroup(FIRST_TREE + 1, frozenset()),
        PushGroup(FIRST, FIRST_TREE),
        entry_of(FIRST, cohort_member(1)),
        entry_of(5, cohort_member(1)),
    ):
        read.put(entity)
    taken = take_cohorts(read, FIRST_TREE, {FIRST_TREE + 1})
    assert (taken.push_groups, read.push_groups) == ({FIRST: FIRST_TREE}, {5: 5})
    assert (taken.members.keys(), read.members.keys()) == ({FIRST}, {5})
    assert (taken.trees.keys(), read.trees.keys()) == ({FIRST_TREE}, {5, FIRST_TREE + 1})
    assert read.host_ports == {1}


def test_the_time_until_the_answer_is_measured(lab: Lab) -> None:
    cohort = FakeCohort(7)
    lab.hear(cohort.join(cohort_member(1), cohort_member(2)))
    lab.now += 0.003
    lab.write()
    assert sum(lab.ledger.latency.counts) == 2
    assert lab.ledger.latency.counts[lab.ledger.latency.bounds.index(0.005)] == 2
    assert lab.ledger.latency.sum == pytest.approx(0.006)
