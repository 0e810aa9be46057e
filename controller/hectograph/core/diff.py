# SPDX-License-Identifier: Apache-2.0
"""From what stands on a switch to what shall stand there, without a wrong copy on the way.

The way has stages. Each is one batch, computed from what stands there after the one
before, so that a refused change is seen by those that build on it:

1. Pushes that go to a wrong tree stop; ports that are no hosts' lose their right to push.
2. Member entries are written, but for those whose slot still has another's replica.
3. Trees get exactly the replicas whose entries stand; unwanted trees go. Entries that
   had to wait for this are then written, and their replicas after them.
4. Pushes to complete trees begin; hosts' ports may push.
5. Member entries without a replica go.
6. What stateless TCP needs (tcp_diff.py).

So nobody gets a copy that is not his, before or after, and a copy that is in both
what was and what shall be is made for every push on the way.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TypeVar

from hectograph.core.entities import (
    Change,
    HostPort,
    Key,
    MemberEntry,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    Tables,
    key,
)
from hectograph.core.tcp_diff import TcpDiff

_K = TypeVar("_K")


class Diff:
    """`trees` are looked at, and what TCP needs if `tcp`; `refused` names what not to try now."""

    def __init__(
        self,
        planned: Tables,
        actual: Tables,
        trees: Iterable[int],
        refused: Container[Key] = (),
        *,
        tcp: bool = False,
    ) -> None:
        self._planned = planned
        self._actual = actual
        self._trees = sorted(trees)
        self._refused = refused
        self._tcp = TcpDiff(planned.tcp, actual.tcp, planned.undecided) if tcp else None

    def next_batch(self) -> list[Change]:
        """The changes of the first stage that has any; empty when nothing is left to do.

        The caller writes them and applies to the actual tables what worked.
        """
        for stage in self._stages():
            if batch := [c for c in stage() if key(c.entity) not in self._refused]:
                return batch
        return []

    def _stages(self) -> tuple[Callable[[], Iterator[Change]], ...]:
        return (
            self._stop_pushes,
            self._write_members,
            self._write_trees,
            self._start_pushes,
            self._delete_members,
            *(self._tcp.stages if self._tcp is not None else ()),
        )

    def _stop_pushes(self) -> Iterator[Change]:
        for port in sorted(self._actual.host_ports - self._planned.host_ports):
            yield Change(Operation.DELETE, HostPort(port))
        for reason, meter in self._planned.meters.items():
            if self._actual.meters.get(reason) != meter:
                yield Change(Operation.MODIFY, meter)
        for tree in self._trees:
            actual = self._actual.push_groups.get(tree)
            if actual is not None and actual != self._planned.push_groups.get(tree):
                yield Change(Operation.DELETE, PushGroup(tree, actual))

    def _write_members(self) -> Iterator[Change]:
        for tree in self._trees:
            actual = self._actual.members.get(tree, {})
            occupied = {replica.instance for replica in self._unwanted_replicas(tree)}
            for instance, entry in self._missing_members(tree).items():
                if instance not in occupied:
                    operation = Operation.MODIFY if instance in actual else Operation.INSERT
                    yield Change(operation, entry)

    def _write_trees(self) -> Iterator[Change]:
        for tree in self._trees:
            actual = self._actual.trees.get(tree)
            if tree in self._planned.trees:
                missing = self._missing_members(tree)
                wanted = frozenset(
                    r for r in self._planned.trees[tree] if r.instance not in missing
                )
                if wanted != actual:
                    operation = Operation.INSERT if actual is None else Operation.MODIFY
                    yield Change(operation, MulticastGroup(tree, wanted))
            elif actual is not None:
                yield Change(Operation.DELETE, MulticastGroup(tree, actual))

    def _start_pushes(self) -> Iterator[Change]:
        for port in sorted(self._planned.host_ports - self._actual.host_ports):
            yield Change(Operation.INSERT, HostPort(port))
        for tree in self._trees:
            if (
                tree in self._planned.push_groups
                and tree not in self._actual.push_groups
                and tree in self._actual.trees
            ):
                yield Change(Operation.INSERT, PushGroup(tree, self._planned.push_groups[tree]))

    def _delete_members(self) -> Iterator[Change]:
        for tree in self._trees:
            planned = self._planned.members.get(tree, {})
            replicated = {replica.instance for replica in self._actual.trees.get(tree, ())}
            for instance, entry in self._actual.members.get(tree, {}).items():
                if instance not in planned and instance not in replicated:
                    yield Change(Operation.DELETE, entry)

    def _unwanted_replicas(self, tree: int) -> frozenset[Replica]:
        planned = self._planned.trees.get(tree, frozenset[Replica]())
        return self._actual.trees.get(tree, frozenset[Replica]()) - planned

    def _missing_members(self, tree: int) -> dict[int, MemberEntry]:
        """Planned entries that do not stand as planned, by instance."""
        actual = self._actual.members.get(tree, {})
        return {
            instance: entry
            for instance, entry in self._planned.members.get(tree, {}).items()
            if not _same(actual.get(instance), entry)
        }


def _same(actual: MemberEntry | None, planned: MemberEntry) -> bool:
    """Mostly the very same object: what was written is what was planned."""
    return actual is planned or actual == planned


def count_differences(believed: Tables, read: Tables) -> int:
    """How many entities are not what they were believed to be."""
    count = len(believed.host_ports ^ read.host_ports)
    count += _count_unequal(believed.push_groups, read.push_groups)
    count += _count_unequal(believed.trees, read.trees)
    count += _count_unequal(believed.meters, read.meters)
    count += _count_unequal(believed.tcp, read.tcp)
    return count + sum(
        _count_unequal(believed.members.get(tree, {}), read.members.get(tree, {}))
        for tree in believed.members.keys() | read.members.keys()
    )


def keep_known(known: Tables, read: Tables) -> None:
    """Entries that were read as they are known become the known objects, so that the
    next comparisons are between an object and itself."""
    read.tcp = {
        name: known.tcp[name] if known.tcp.get(name) == entity else entity
        for name, entity in read.tcp.items()
    }
    for tree, entries in read.members.items():
        known_entries = known.members.get(tree, {})
        for instance, entry in entries.items():
            if entry == known_entries.get(instance):
                entries[instance] = known_entries[instance]


def _count_unequal(one: Mapping[_K, object], other: Mapping[_K, object]) -> int:
    return sum(
        one.get(k) is not other.get(k) and one.get(k) != other.get(k)
        for k in one.keys() | other.keys()
    )
