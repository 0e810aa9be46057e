# SPDX-License-Identifier: Apache-2.0
"""Cohorts that form, run and fall apart at random, on a switch that refuses at random:
never does a copy go to a client that it is not for, and nothing is left in the end."""

from dataclasses import replace

from fakes.cohorts import FakeCohort, cohort_member
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from hectograph import wire
from hectograph.core.cohort_ledger import CohortLedger
from hectograph.core.cohort_numbers import REST_SECONDS, GroupNumbers
from hectograph.core.cohort_tables import Batch
from hectograph.core.cohorts import CohortEntry, CohortEvent, LeftReason
from hectograph.core.entities import Change, Tables
from hectograph.core.hosted_cohort import entry_of
from hectograph.core.profiles import profile
from hectograph.core.records import CohortNumbersRecord

PROFILE = replace(
    profile("embedded"),
    max_members=40,
    max_replicas_per_port=3,
    max_trees=profile("embedded").group_trees + 6,
    cohort_trees=6,
)
HOSTS = ("h1", "h2")
BREAKS = ("connection", "pusher", "switch", "controller")
PORTS = 2
Place = tuple[str, int]


class Cohorts(RuleBasedStateMachine):
    cohorts = Bundle("cohorts")

    @initialize()
    def begin(self) -> None:
        self.now = 1000.0
        self.switch = Tables()
        self.record = CohortNumbersRecord("s1", wire.COHORT_GROUP_FIRST)
        self.running: dict[Place, FakeCohort] = {}
        self.last_number = 0
        self.last_client = 0
        self.batch: Batch | None = None
        self.removal: list[Change] | None = None
        self.read: Tables | None = None
        self.refusing = False
        self.lost: set[Place] = set()
        """What ran when the switch was restarted."""
        self.of_group: dict[int, FakeCohort] = {}
        """Who was told of a number last."""
        self.ended: dict[int, float] = {}
        self.restart_controller()
        self.catch_up()

    # The world

    def hear(self, host: str, event: CohortEvent) -> None:
        if host in self.watched:
            self.ledger.hear(host, event, self.now)

    def answer(self, answers: list[tuple[str, CohortEntry]]) -> None:
        for host, entry in answers:
            cohort = self.running.get((host, entry.cohort))
            if cohort is None or host not in self.watched:
                continue
            for number in set(entry.groups) - set(cohort.groups):
                assert self.now - self.ended.get(number, -1e9) >= REST_SECONDS
                assert self.of_group.get(number, cohort) is cohort or number in self.ended
                self.of_group[number] = cohort
                self.ended.pop(number, None)
            gone = cohort.enter(entry)
            if len(gone) == len(cohort.members):
                self.end((host, entry.cohort), LeftReason.DISSOLVED)
            elif gone:
                self.hear(host, cohort.leave(*gone, reason=LeftReason.LATE))

    def end(self, place: Place, reason: LeftReason) -> None:
        cohort = self.running.pop(place)
        for number in cohort.groups:
            self.ended[number] = self.now
        self.hear(place[0], cohort.end(reason))
        for number, owner in self.of_group.items():
            if owner is cohort:
                self.ended.setdefault(number, self.now)

    def make(self, changes: list[Change], draw: st.DataObject | None) -> list[Change]:
        refused: list[Change] = []
        for change in changes:
            if self.refusing and draw is not None and draw.draw(st.booleans()):
                refused.append(change)
            else:
                self.switch.apply(change)
        return refused

    # What happens

    @rule(target=cohorts, host=st.sampled_from(HOSTS), count=st.integers(1, 9))
    def form(self, host: str, count: int) -> Place:
        self.watch(host)
        self.last_number += 1
        self.running[host, self.last_number] = FakeCohort(self.last_number)
        self.join((host, self.last_number), count)
        return host, self.last_number

    @rule(place=cohorts, count=st.integers(1, 5))
    def join(self, place: Place, count: int) -> None:
        if place in self.running and place[0] in self.watched:
            cohort = self.running[place]
            first = self.last_client + 1
            self.last_client += count
            members = [
                cohort_member(first + i, instance=len(cohort.clients) + 1 + i, ports=PORTS)
                for i in range(count)
            ]
            self.hear(place[0], cohort.join(*members))

    @rule(place=cohorts, share=st.floats(0, 1))
    def leave(self, place: Place, share: float) -> None:
        if place in self.running:
            cohort = self.running[place]
            count = round(share * len(cohort.members))
            if count == len(cohort.members):
                self.end(place, LeftReason.ALL_SENT)
            else:
                self.hear(place[0], cohort.leave(*list(cohort.members)[:count]))

    @rule(place=consumes(cohorts))
    def finish(self, place: Place) -> None:
        if place in self.running:
            self.end(place, LeftReason.ALL_SENT)

    @rule(limit=st.integers(1, 20), remove=st.booleans())
    def begin_to_write(self, limit: int, remove: bool) -> None:
        if self.batch is not None or self.removal is not None:
            return
        if remove:
            self.removal = list(self.ledger.tables.next_removal(limit))
        else:
            self.batch = self.ledger.tables.next_batch(limit)

    @rule(data=st.data())
    def end_to_write(self, data: st.DataObject | None) -> None:
        if self.batch is not None:
            batch, self.batch = self.batch, None
            self.ledger.written(batch, self.make(list(batch.changes), data))
        elif self.removal is not None:
            removal, self.removal = self.removal, None
            self.ledger.tables.made(removal, self.make(removal, data))
        self.answer(self.ledger.take_answers(self.now))

    @rule(seconds=st.sampled_from([0.01, 5, 70]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin_to_audit(self) -> None:
        if self.read is None:
            self.ledger.tables.audit_begins()
            self.read = copy(self.switch)

    @rule()
    def end_to_audit(self) -> None:
        if self.read is not None:
            read, self.read = self.read, None
            self.ledger.tables.audited(read)
            self.ledger.collect(self.now)

    @rule()
    def toggle_refusing(self) -> None:
        self.refusing = not self.refusing

    @rule(data=st.data())
    def catch_up(self, data: st.DataObject | None = None) -> None:
        """Every host is watched, and what there is to write is written."""
        for host in HOSTS:
            self.watch(host)
        self.settle(data)

    @rule(
        host=st.sampled_from(HOSTS), what=st.sampled_from(["connection", "pusher", "all", "switch"])
    )
    def break_down(self, host: str, what: str) -> None:
        match what:
            case "connection":
                self.lose_connection(host)
            case "pusher":
                self.lose_connection(host)
                for place in [place for place in self.running if place[0] == host]:
                    self.end(place, LeftReason.CLOSED)
            case "switch":
                self.lose_all()
                self.switch = Tables()
                self.ledger.begin(Tables())
                self.lost = set(self.running)
            case _:
                self.restart_controller()

    @rule(host=st.sampled_from(HOSTS))
    def watch(self, host: str) -> None:
        if host in self.watched:
            return
        self.watched.add(host)
        self.ledger.forget(host)
        for place, cohort in list(self.running.items()):
            if place[0] == host:
                for event in cohort.first_events():
                    self.hear(host, event)
        self.ledger.heard_all(host, self.now)

    def lose_connection(self, host: str) -> None:
        """Who got no entry yet goes alone; what runs goes on."""
        self.watched.discard(host)
        self.ledger.forget(host)
        for place in [place for place in self.running if place[0] == host]:
            cohort = self.running[place]
            if not cohort.entered:
                self.end(place, LeftReason.LATE)
            else:
                cohort.first_events()

    def lose_all(self) -> None:
        self.batch = self.removal = self.read = None
        for host in HOSTS:
            if hasattr(self, "ledger"):
                self.lose_connection(host)

    def restart_controller(self) -> None:
        self.watched: set[str] = set()
        self.lose_all()
        numbers = GroupNumbers(self.record, self.now)
        self.record = numbers.plan(self.now)
        numbers.extend(self.record)
        self.ledger = CohortLedger(lambda: PROFILE, numbers, lambda: 0, set)
        for host in HOSTS:
            self.ledger.forget(host)
        self.ledger.begin(copy(self.switch))

    # What always holds

    @invariant()
    def copies_go_to_their_clients(self) -> None:
        """A push to a number that a cohort was told makes no one else's copies."""
        for number, cohort in self.of_group.items():
            for instance, entry in self.switch.members.get(number, {}).items():
                if number not in self.ended or self.now < self.ended[number] + REST_SECONDS:
                    assert entry == entry_of(number, cohort.clients[instance])

    @invariant()
    def who_was_told_so_gets_its_copies(self) -> None:
        """Unless the switch has lost them; they are dissolved then."""
        for place, cohort in self.running.items():
            if place in self.lost:
                continue
            stand = {
                replica.instance
                for number in cohort.groups
                for replica in self.switch.trees.get(self.switch.push_groups.get(number, 0), ())
                if replica.instance in self.switch.members.get(number, {})
            }
            assert cohort.entered <= stand

    @invariant()
    def the_switch_holds_them(self) -> None:
        assert sum(map(len, self.switch.members.values())) <= PROFILE.max_members
        for tree, replicas in self.switch.trees.items():
            assert PROFILE.group_trees < tree <= PROFILE.max_trees
            ports = [replica.port for replica in replicas]
            assert all(ports.count(p) <= PROFILE.max_replicas_per_port for p in set(ports))

    def teardown(self) -> None:
        """Once everything is told, written and removed, there stands what runs."""
        if not hasattr(self, "ledger"):
            return
        self.refusing = False
        self.catch_up()
        self.end_to_audit()
        self.begin_to_audit()
        self.end_to_audit()
        self.settle(None)
        wanted: dict[int, set[int]] = {}
        for cohort in self.running.values():
            assert cohort.entered == cohort.members.keys()
            for number in cohort.groups:
                wanted[number] = set()
        for number, entries in self.switch.members.items():
            wanted[number] |= entries.keys()
        assert self.switch.push_groups.keys() == wanted.keys()
        assert self.switch.trees.keys() == set(self.switch.push_groups.values())
        assert len(self.switch.trees) == len(self.switch.push_groups)
        for number, tree in self.switch.push_groups.items():
            assert {replica.instance for replica in self.switch.trees[tree]} == wanted[number]
        standing = sum(map(len, self.switch.members.values()))
        assert standing == sum(len(cohort.members) for cohort in self.running.values())
        assert self.ledger.numbers.in_use == wanted.keys()

    def settle(self, data: st.DataObject | None) -> None:
        self.end_to_write(data)
        for _ in range(200):
            for remove in (False, True):
                self.begin_to_write(20, remove)
                self.end_to_write(data)
            if not self.ledger.tables.is_urgent and not self.ledger.tables.is_stale:
                return
        raise AssertionError("it never ends")


def copy(tables: Tables) -> Tables:
    new = Tables()
    new.push_groups = dict(tables.push_groups)
    new.trees = dict(tables.trees)
    new.members = {number: dict(entries) for number, entries in tables.members.items()}
    return new


TestCohorts = Cohorts.TestCase
TestCohorts.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
