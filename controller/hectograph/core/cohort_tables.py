# SPDX-License-Identifier: Apache-2.0
"""What cohorts need on one switch, what stands there, and the writes from one to the other.

A member gets an entry and a replica in its group's tree, and `push_group` leads to the
tree. What is new goes in one batch, as soon as can be; what is wanted no more goes later.
The order within a batch does not matter: nothing is pushed to a member before its pusher
was answered, a replica without an entry is dropped and counted, and an instance is never
used again, so nobody gets a copy that is not his.
"""

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hectograph import wire
from hectograph.core.cohort_group import CohortGroup
from hectograph.core.diff import count_differences, keep_known
from hectograph.core.entities import (
    Change,
    Entity,
    MulticastGroup,
    Operation,
    PushGroup,
    Tables,
    TcpMemberEntry,
    key,
)


@dataclass(frozen=True, slots=True)
class Batch:
    changes: Sequence[Change]
    members: Mapping[int, Sequence[int]]
    """By group: the instances that stand if all of this is made."""


def take_cohorts(read: Tables, first_tree: int, others: Container[int]) -> Tables:
    """Takes out of what was read from a switch what is cohorts'. `others`: trees that
    groups have in the cohorts' range, from before there was one."""
    taken = Tables()
    for number in [n for n in read.push_groups if n >= wire.COHORT_GROUP_FIRST]:
        taken.push_groups[number] = read.push_groups.pop(number)
    for number in [n for n in read.members if n >= wire.COHORT_GROUP_FIRST]:
        taken.members[number] = read.members.pop(number)
    for tree in [t for t in read.trees if t >= first_tree and t not in others]:
        taken.trees[tree] = read.trees.pop(tree)
    return taken


class CohortTables:
    """One writer makes the batches, one after the other."""

    def __init__(self, actual: Tables) -> None:
        self.actual = actual
        self.groups: dict[int, CohortGroup] = {}
        """Those that are somebody's."""
        self._urgent: dict[int, None] = {}
        self._stale: dict[int, int | None] = {}
        """Groups of which something shall go, with their trees."""
        self._stale_trees: dict[int, None] = {}
        self._in_flight: Sequence[Change] = ()
        self._touched: set[tuple[type[Entity], int]] | None = None
        """Written since an audit began to read; None: there is none."""

    # What is wanted

    def open(self, number: int, tree: int) -> CohortGroup:
        group = self.groups[number] = CohortGroup(number, tree)
        self._stale.pop(number, None)
        self._stale_trees.pop(tree, None)
        return group

    def close(self, number: int, *, remove: bool) -> None:
        """It is nobody's; what stands goes with `remove`, else only with a sweep."""
        group = self.groups.pop(number)
        self._urgent.pop(number, None)
        self._stale.pop(number, None)
        if remove:
            self._stale[number] = group.tree

    def want(self, group: CohortGroup, port: int, entry: TcpMemberEntry) -> None:
        group.add(port, entry)
        if not group.stands(self.actual, entry.instance):
            group.pending[entry.instance] = None
            self._urgent[group.number] = None

    def unwant(self, group: CohortGroup, instance: int) -> None:
        group.drop(instance)
        self._stale[group.number] = group.tree

    def count_members(self) -> int:
        """Entries that stand, or are about to."""
        standing = sum(map(len, self.actual.members.values()))
        pending = sum(len(self.groups[number].pending) for number in self._urgent)
        return standing + pending + len(self._in_flight)

    @property
    def trees(self) -> set[int]:
        """That are not free."""
        return self.actual.trees.keys() | {group.tree for group in self.groups.values()}

    # What is new

    @property
    def is_urgent(self) -> bool:
        return bool(self._urgent)

    def next_batch(self, limit: int) -> Batch:
        """With so many members at most: entries, then trees, then the way to them."""
        members: list[Change] = []
        trees: list[Change] = []
        pushes: list[Change] = []
        batch: dict[int, Sequence[int]] = {}
        for number in list(self._urgent):
            if len(members) >= limit:
                break
            group = self.groups[number]
            some = list(islice(group.pending, limit - len(members)))
            batch[number] = some
            for instance in some:
                del group.pending[instance]
            if not group.pending:
                del self._urgent[number]
            members += group.put_members(self.actual, some)
            trees += group.put_tree(self.actual, some)
            pushes += group.put_push_group(self.actual)
        return Batch(self._send([*members, *trees, *pushes]), batch)

    def written(self, batch: Batch, refused: Collection[Change]) -> Iterator[tuple[int, int, bool]]:
        """Group, instance, and whether it stands now, of those that are wanted still."""
        self.made(batch.changes, refused)
        lost = {key(change.entity) for change in refused}
        for number, instances in batch.members.items():
            group = self.groups.get(number)
            if group is None:
                continue
            way = {(MulticastGroup, group.tree, 0), (PushGroup, number, 0)}
            blocked = not lost.isdisjoint(way)
            for instance in instances:
                if instance in group.entries:
                    yield number, instance, not blocked and group.stands(self.actual, instance)

    # What is old

    @property
    def is_stale(self) -> bool:
        return bool(self._stale or self._stale_trees)

    def next_removal(self, limit: int) -> Sequence[Change]:
        """So many and a few more at most."""
        changes: list[Change] = []
        for number, tree in list(self._stale.items()):
            if len(changes) >= limit:
                break
            group = self.groups.get(number)
            if group is None:
                changes += self._remove(number, tree)
                group = CohortGroup(number, 0)
            elif group.tree in self.actual.trees:
                changes += group.put_tree(self.actual)
            old = list(islice(group.old_members(self.actual), limit + 1))
            changes += old[:limit]
            if len(old) <= limit:
                del self._stale[number]
        for tree in list(self._stale_trees):
            if len(changes) >= limit:
                break
            del self._stale_trees[tree]
            if tree in self.actual.trees:
                changes.append(Change(Operation.DELETE, MulticastGroup(tree, frozenset())))
        return self._send(changes)

    def _remove(self, number: int, tree: int | None) -> Iterator[Change]:
        if number in self.actual.push_groups:
            yield Change(Operation.DELETE, PushGroup(number, 0))
        owned = any(group.tree == tree for group in self.groups.values())
        if tree in self.actual.trees and not owned:
            yield Change(Operation.DELETE, MulticastGroup(tree, frozenset()))

    def sweep(self) -> None:
        """What is nobody's goes."""
        standing = self.actual.push_groups.keys() | self.actual.members.keys()
        for number in standing - self.groups.keys():
            self._stale.setdefault(number, self.actual.push_groups.get(number))
        led_to = {*self.actual.push_groups.values(), *self._stale.values()}
        owned = {group.tree for group in self.groups.values()}
        self._stale_trees |= dict.fromkeys(sorted(self.actual.trees.keys() - led_to - owned))

    # What was written and read

    def _send(self, changes: Sequence[Change]) -> Sequence[Change]:
        self._in_flight = changes
        if self._touched is not None:
            self._touched |= set(map(_place, changes))
        return changes

    def made(self, changes: Sequence[Change], refused: Collection[Change]) -> None:
        """All but the refused."""
        self._in_flight = ()
        lost = set(map(id, refused))
        for change in changes:
            if id(change) not in lost:
                self.actual.apply(change)

    def audit_begins(self) -> None:
        self._touched = set(map(_place, self._in_flight))

    def audited(self, read: Tables) -> int:
        """Take what was read for what stands, but for what was written meanwhile; what
        differs from what is wanted is written again. How much was not as believed."""
        for kind, number in self._touched or ():
            _keep(_part(self.actual, kind), _part(read, kind), number)
        self._touched = None
        keep_known(self.actual, read)
        changes = count_differences(self.actual, read)
        self.actual = read
        for group in self.groups.values():
            self._check(group)
        return changes

    def _check(self, group: CohortGroup) -> None:
        missing = [i for i in group.entries if not group.stands(self.actual, i)]
        group.pending |= dict.fromkeys(missing)
        if missing or not group.leads(self.actual):
            self._urgent[group.number] = None
        if any(group.old_members(self.actual)) or any(group.put_tree(self.actual)):
            self._stale[group.number] = group.tree


def _place(change: Change) -> tuple[type[Entity], int]:
    kind, number, _ = key(change.entity)
    return kind, number


def _part(tables: Tables, kind: type[Entity]) -> dict[int, Any]:
    if kind is PushGroup:
        return tables.push_groups
    return tables.trees if kind is MulticastGroup else tables.members


def _keep(ours: dict[int, Any], theirs: dict[int, Any], number: int) -> None:
    theirs.pop(number, None)
    if number in ours:
        theirs[number] = ours[number]
