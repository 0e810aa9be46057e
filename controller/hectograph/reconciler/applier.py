# SPDX-License-Identifier: Apache-2.0
"""What is planned for one switch, what stands there, and the writes from one to the other."""

import asyncio
from collections.abc import Iterable
from typing import get_args

from hectograph.core.diff import Diff, count_differences, keep_known
from hectograph.core.entities import (
    Change,
    Key,
    MemberEntry,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    Service,
    Tables,
    TcpEntity,
    key,
)
from hectograph.core.handover import owners_of
from hectograph.core.plan import Planner
from hectograph.core.records import MemberRecord
from hectograph.core.status import ApplyState
from hectograph.drivers.base import Session
from hectograph.reconciler.cohorts import SwitchCohorts
from hectograph.reconciler.handover import Handover
from hectograph.reconciler.write_stats import WriteStats

_OF_TREES = (PushGroup, MemberEntry, MulticastGroup)
"""The kinds whose key begins with a tree's id."""
_OF_TCP = get_args(TcpEntity)


class Applier:
    def __init__(self, planner: Planner, handover: Handover, cohorts: SwitchCohorts) -> None:
        """`cohorts`: theirs is not the plan's to decide."""
        self._planner = planner
        self._handover = handover
        self._cohorts = cohorts
        self._actual = Tables()
        self._known = False
        self._refused: dict[Key, str] = {}
        self.stats = WriteStats()
        self.stale = False
        """The switch answered that something is not as we believed: audit it."""

    @property
    def refused_trees(self) -> set[int]:
        """To sync them is to try again."""
        return {number for kind, number, _ in self._refused if kind in _OF_TREES}

    @property
    def refused_tcp(self) -> bool:
        """The same for what TCP needs."""
        return any(kind in _OF_TCP for kind, _, _ in self._refused)

    @property
    def refusals(self) -> list[str]:
        """The switch's reasons, in the order in which it gave them."""
        return list(self._refused.values())

    def disconnected(self) -> None:
        """Nothing is known of the switch any more."""
        self._actual = Tables()
        self._known = False
        self._refused.clear()

    async def audit(self, session: Session) -> None:
        """Read everything, and write what differs from the plan."""
        self._cohorts.audit_begins()
        actual = await session.read()
        self._cohorts.audited(actual)
        keep_known(self._planner.tables, actual)
        await asyncio.sleep(0)
        if self._known:
            self.stats.repairs += count_differences(self._actual, actual)
        self._actual, self._known, self.stale = actual, True, False
        self._planner.refresh()
        trees = self._planner.tables.tree_ids() | actual.tree_ids()
        await self._write(session, trees, tcp=True)

    async def sync(self, session: Session, trees: Iterable[int], *, tcp: bool) -> None:
        """Bring these trees, the ports, and with `tcp` what that needs, to what is wanted now."""
        dirty = set(trees)
        self._planner.refresh_ports()
        self._planner.refresh_trees(dirty)
        if tcp:
            self._planner.refresh_tcp()
        await self._write(session, dirty, tcp=tcp)

    async def _write(self, session: Session, trees: set[int], *, tcp: bool) -> None:
        """Stage by stage. When something was refused and then members went, there may be
        room for it now: once more."""
        self._refused = {
            (kind, number, instance): reason
            for (kind, number, instance), reason in self._refused.items()
            if (number not in trees if kind in _OF_TREES else not tcp and kind in _OF_TCP)
        }
        handings = await self._handover.begin(self._actual, self._planner.tables) if tcp else ()
        deleted = await self._write_stages(session, trees, tcp=tcp)
        await self._handover.finish(handings)
        if deleted and self._refused:
            trees |= self.refused_trees
            self._refused.clear()
            await self._write_stages(session, trees, tcp=tcp)

    async def _write_stages(self, session: Session, trees: set[int], *, tcp: bool) -> int:
        """Returns how many members were deleted."""
        deleted = 0
        planned, actual = self._planner.tables, self._actual
        while batch := Diff(planned, actual, trees, self._refused, tcp=tcp).next_batch():
            result = await session.write(batch)
            self.stats.add(len(batch), result)
            for change, refusal in zip(batch, result.refusals, strict=True):
                if refusal is None:
                    self._actual.apply(change)
                    deleted += _deletes_member(change)
                else:
                    self._refused[key(change.entity)] = refusal.reason
                    self.stale |= refusal.stale
        return deleted

    def member_state(self, record: MemberRecord) -> tuple[ApplyState, str | None]:
        tree, instance = record.slot.tree, record.slot.instance
        reason = self._refused.get((MemberEntry, tree, instance)) or self._tree_refusal(tree)
        if reason is not None:
            return ApplyState.REFUSED, reason
        stands = (
            self._planner.is_planned(record)
            and self._entry_stands(tree, instance)
            and Replica(record.member.port, instance) in self._actual.trees.get(tree, ())
            and self._actual.push_groups.get(tree) == tree
        )
        return (ApplyState.APPLIED if stands else ApplyState.PENDING), None

    def tree_state(self, tree: int) -> tuple[ApplyState, str | None]:
        reason = self._tree_refusal(tree)
        if reason is not None:
            return ApplyState.REFUSED, reason
        stands = tree in self._actual.trees and self._actual.push_groups.get(tree) == tree
        return (ApplyState.APPLIED if stands else ApplyState.PENDING), None

    @property
    def bucket_ports(self) -> set[int]:
        return set(owners_of(self._actual).values())

    def tcp_state(self, number: int) -> tuple[ApplyState, str | None]:
        """Of the content with this number: do its entries stand as planned?"""
        names = [n for n, e in self._planner.tables.tcp.items() if _is_of(e, number)]
        for name in names:
            if name in self._refused:
                return ApplyState.REFUSED, self._refused[name]
        tcp = self._planner.tables.tcp
        stands = bool(names) and all(self._actual.tcp.get(name) == tcp[name] for name in names)
        return (ApplyState.APPLIED if stands else ApplyState.PENDING), None

    def _tree_refusal(self, tree: int) -> str | None:
        return self._refused.get((MulticastGroup, tree, 0)) or self._refused.get(
            (PushGroup, tree, 0)
        )

    def _entry_stands(self, tree: int, instance: int) -> bool:
        planned = self._planner.tables.members.get(tree, {}).get(instance)
        return planned == self._actual.members.get(tree, {}).get(instance)


def _is_of(entity: TcpEntity, number: int) -> bool:
    return isinstance(entity, Service) and entity.content == number


def _deletes_member(change: Change) -> bool:
    return change.operation is Operation.DELETE and isinstance(change.entity, MemberEntry)
