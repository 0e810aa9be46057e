# SPDX-License-Identifier: Apache-2.0
"""Which cohorts run at which host of one switch, and what is answered to their pushers.

What a pusher tells first after it is watched is the truth of what runs there: the same
after a lost connection as after a restart of the controller, of the pusher or of the
switch. So nothing of it is remembered over a lost connection. What stands on the switch
and nobody claims is removed once every host has told what it runs, or is away for so
long that it may be taken for dead.
"""

from collections import Counter
from collections.abc import Callable, Collection, Container, Sequence

from hectograph.core.cohort_group import CohortGroup
from hectograph.core.cohort_numbers import GroupNumbers
from hectograph.core.cohort_tables import Batch, CohortTables
from hectograph.core.cohorts import CohortEntry, CohortEvent, CohortMember
from hectograph.core.entities import Change, Tables
from hectograph.core.histogram import Histogram
from hectograph.core.hosted_cohort import HostedCohort, Key, Refusal, entry_of
from hectograph.core.profiles import Profile

MAX_GROUPS = 64
"""Of a cohort: what its pusher has room for."""
LATENCY_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class CohortLedger:
    """Times are on any clock that goes on."""

    def __init__(
        self,
        limits: Callable[[], Profile],
        numbers: GroupNumbers,
        group_members: Callable[[], int],
        group_trees: Callable[[], Container[int]],
    ) -> None:
        """`limits`: the switch's; `group_members`, `group_trees`: what groups have of it."""
        self._limits = limits
        self._group_members = group_members
        self._group_trees = group_trees
        self._next_tree = 0
        self._cohorts: dict[Key, HostedCohort] = {}
        self._by_group: dict[int, HostedCohort] = {}
        self._to_answer: dict[Key, None] = {}
        self._unheard: set[str] = set()
        """Hosts that may run what we do not know of."""
        self.numbers = numbers
        self.tables = CohortTables(Tables())
        self.refusals: Counter[Refusal] = Counter()
        self.latency = Histogram(LATENCY_SECONDS)
        """From when a member was told of until its pusher was answered."""

    # Switch and hosts

    def begin(self, read: Tables) -> None:
        """This is what stands on the switch."""
        for host in {host for host, _ in self._cohorts}:
            self.forget(host)
        self.tables = CohortTables(read)
        for number in read.push_groups.keys() | read.members.keys():
            self.numbers.hold(number)

    def forget(self, host: str) -> None:
        """What it runs is not known any more; what stands, stays. It is there, or will be."""
        self._unheard.add(host)
        for key in [key for key in self._cohorts if key[0] == host]:
            for group in self._cohorts.pop(key).groups:
                self._give_up(group, remove=False)
            self._to_answer.pop(key, None)

    def heard_all(self, host: str, now: float) -> None:
        """It has told what it runs, or is away for so long that it runs nothing."""
        self._unheard.discard(host)
        self.collect(now)

    def remove(self, host: str, now: float) -> None:
        self.forget(host)
        self.heard_all(host, now)

    def collect(self, now: float) -> None:
        """What nobody claims goes, unless somebody may have a claim."""
        if self._unheard:
            return
        for number in self.numbers.in_use - self.tables.groups.keys():
            self.numbers.release(number, now)
        self.tables.sweep()

    # What pushers tell

    def hear(self, host: str, event: CohortEvent, now: float) -> None:
        key = (host, event.cohort)
        cohort = self._cohorts.get(key)
        if cohort is None:
            if not event.joined and not event.groups:
                return
            cohort = self._cohorts[key] = HostedCohort(key)
        for number in event.groups:
            self._adopt_group(cohort, number)
        if event.entered:
            for member in event.joined:
                self._adopt_member(cohort, member)
        elif not cohort.dissolved:
            self._join(cohort, event.joined, now)
        for left in event.left:
            self._leave(cohort, left.instance)
        if event.ended:
            self._end(cohort, now)

    def _adopt_group(self, cohort: HostedCohort, number: int) -> None:
        """It is pushed to: let it stand, if it does."""
        if cohort.dissolved or self._by_group.get(number) is cohort:
            return
        self.numbers.hold(number)
        tree = self.tables.actual.push_groups.get(number)
        if tree is None or tree not in self.tables.actual.trees or number in self._by_group:
            self._dissolve(cohort)
        else:
            self._open(cohort, number, tree)

    def _adopt_member(self, cohort: HostedCohort, member: CohortMember) -> None:
        if cohort.dissolved or member.instance in cohort.place:
            return
        for group in cohort.groups:
            entry = entry_of(group.number, member)
            standing = self.tables.actual.members.get(group.number, {}).get(member.instance)
            if standing == entry:
                cohort.place[member.instance] = group
                self.tables.want(group, member.port, entry)
                return
        self._dissolve(cohort)

    def _dissolve(self, cohort: HostedCohort) -> None:
        """What it pushes to does not stand as it thinks. Its end will be told."""
        cohort.dissolved = True
        for group in cohort.groups:
            self._give_up(group, remove=True)
        cohort.groups.clear()
        cohort.place.clear()
        self._to_answer[cohort.key] = None

    def _join(self, cohort: HostedCohort, members: Sequence[CohortMember], now: float) -> None:
        limit = self._limits().max_members - self._group_members()
        room = limit - self.tables.count_members()
        for member in members:
            if member.instance in cohort.place:
                continue
            cohort.waiting[member.instance] = now
            group = Refusal.MEMBERS if room <= 0 else self._group_for(cohort, member.port, now)
            if isinstance(group, Refusal):
                self._refuse(cohort, member.instance, group)
                continue
            room -= 1
            cohort.place[member.instance] = group
            self.tables.want(group, member.port, entry_of(group.number, member))

    def _group_for(self, cohort: HostedCohort, port: int, now: float) -> CohortGroup | Refusal:
        limit = self._limits().max_replicas_per_port
        for group in cohort.groups:
            if group.load[port] < limit:
                return group
        if len(cohort.groups) == MAX_GROUPS:
            return Refusal.GROUPS
        tree = self._free_tree()
        if tree is None:
            return Refusal.TREES
        standing = self.tables.actual
        number = self.numbers.take(now, standing.push_groups.keys() | standing.members.keys())
        if number is None:
            return Refusal.NUMBERS
        return self._open(cohort, number, tree)

    def _free_tree(self) -> int | None:
        first, count = self._limits().group_trees + 1, self._limits().cohort_trees
        taken, others = self.tables.trees, self._group_trees()
        for step in range(count):
            tree = first + (self._next_tree + step) % count
            if tree not in taken and tree not in others:
                self._next_tree = tree - first + 1
                return tree
        return None

    def _open(self, cohort: HostedCohort, number: int, tree: int) -> CohortGroup:
        group = self.tables.open(number, tree)
        cohort.groups.append(group)
        self._by_group[number] = cohort
        return group

    def _give_up(self, group: CohortGroup, *, remove: bool) -> None:
        del self._by_group[group.number]
        self.tables.close(group.number, remove=remove)

    def _leave(self, cohort: HostedCohort, instance: int) -> None:
        cohort.waiting.pop(instance, None)
        group = cohort.place.pop(instance, None)
        if group is not None:
            self.tables.unwant(group, instance)

    def _end(self, cohort: HostedCohort, now: float) -> None:
        del self._cohorts[cohort.key]
        self._to_answer.pop(cohort.key, None)
        for group in cohort.groups:
            self.numbers.release(group.number, now)
            self._give_up(group, remove=True)

    # What the switch said

    def written(self, batch: Batch, refused: Collection[Change]) -> None:
        for number, instance, stands in self.tables.written(batch, refused):
            cohort = self._by_group[number]
            if not stands:
                self._leave_refused(cohort, instance)
            elif instance in cohort.waiting:
                cohort.entered.append(instance)
                self._to_answer[cohort.key] = None

    def _leave_refused(self, cohort: HostedCohort, instance: int) -> None:
        self.tables.unwant(cohort.place.pop(instance), instance)
        self._refuse(cohort, instance, Refusal.SWITCH)

    def _refuse(self, cohort: HostedCohort, instance: int, why: Refusal) -> None:
        self.refusals[why] += 1
        cohort.refused.append(instance)
        self._to_answer[cohort.key] = None

    # What pushers are told

    def take_answers(self, now: float) -> list[tuple[str, CohortEntry]]:
        """With their hosts. A cohort that has no group yet, but will, is not answered:
        that would dissolve it."""
        answers: list[tuple[str, CohortEntry]] = []
        for key in list(self._to_answer):
            cohort = self._cohorts[key]
            groups = tuple(g.number for g in cohort.groups if g.leads(self.tables.actual))
            answered = [*cohort.entered, *cohort.refused]
            if not groups and not cohort.dissolved and cohort.waiting.keys() - set(answered):
                continue
            for instance in answered:
                since = cohort.waiting.pop(instance, None)
                if since is not None:
                    self.latency.observe(now - since)
            entered = tuple(i for i in cohort.entered if i in cohort.place)
            entry = CohortEntry(key[1], groups, entered, tuple(cohort.refused))
            answers.append((key[0], entry))
            cohort.entered.clear()
            cohort.refused.clear()
            del self._to_answer[key]
        return answers
