# SPDX-License-Identifier: Apache-2.0
"""One group number of a cohort: who shall be in it, and what of that is missing."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from hectograph.core.entities import (
    Change,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    Tables,
    TcpMemberEntry,
)


@dataclass(slots=True)
class CohortGroup:
    number: int
    tree: int
    entries: dict[int, TcpMemberEntry] = field(default_factory=dict[int, TcpMemberEntry])
    """By instance."""
    replicas: dict[int, Replica] = field(default_factory=dict[int, Replica])
    load: Counter[int] = field(default_factory=Counter[int])
    """Replicas per port."""
    pending: dict[int, None] = field(default_factory=dict[int, None])
    """Instances to be written, in this order."""

    def add(self, port: int, entry: TcpMemberEntry) -> None:
        self.entries[entry.instance] = entry
        self.replicas[entry.instance] = Replica(port, entry.instance)
        self.load[port] += 1

    def drop(self, instance: int) -> None:
        del self.entries[instance]
        self.load[self.replicas.pop(instance).port] -= 1
        self.pending.pop(instance, None)

    def stands(self, actual: Tables, instance: int) -> bool:
        """Is the copy complete, but for the way to it?"""
        standing = actual.members.get(self.number, {}).get(instance)
        return standing == self.entries[instance] and self.replicas[instance] in actual.trees.get(
            self.tree, ()
        )

    def leads(self, actual: Tables) -> bool:
        """Do pushes reach the tree?"""
        return actual.push_groups.get(self.number) == self.tree and self.tree in actual.trees

    def put_members(self, actual: Tables, instances: Sequence[int]) -> Iterator[Change]:
        standing = actual.members.get(self.number, {})
        for instance in instances:
            entry, old = self.entries[instance], standing.get(instance)
            if old != entry:
                yield Change(Operation.INSERT if old is None else Operation.MODIFY, entry)

    def put_tree(self, actual: Tables, new: Collection[int] = ()) -> Iterator[Change]:
        """Exactly the replicas of those whose entries stand, or are `new`."""
        there = actual.members.get(self.number, {}).keys() | set(new)
        wanted = frozenset(r for instance, r in self.replicas.items() if instance in there)
        old = actual.trees.get(self.tree)
        if old != wanted:
            operation = Operation.INSERT if old is None else Operation.MODIFY
            yield Change(operation, MulticastGroup(self.tree, wanted))

    def put_push_group(self, actual: Tables) -> Iterator[Change]:
        old = actual.push_groups.get(self.number)
        if old != self.tree:
            operation = Operation.INSERT if old is None else Operation.MODIFY
            yield Change(operation, PushGroup(self.number, self.tree))

    def old_members(self, actual: Tables) -> Iterator[Change]:
        """Entries that stand and are nobody's."""
        for instance, entry in actual.members.get(self.number, {}).items():
            if instance not in self.entries:
                yield Change(Operation.DELETE, entry)
