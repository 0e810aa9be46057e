# SPDX-License-Identifier: Apache-2.0
"""Which replication tree and instance each member of a group gets.

A member keeps its slot while its port stays the same, and moves to a new one when it
changes: then the new copy can be made ready before one write of the group swaps them.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from hectograph.core.model import Member
from hectograph.core.profiles import profile
from hectograph.core.records import Edit, MemberRecord, TreeRecord
from hectograph.core.state import GroupState, SwitchState, TreeState
from hectograph.core.status import Slot
from hectograph.errors import LimitExceeded

MAX_INSTANCE = 0xFFFF
"""The pipeline's and v1model's egress_rid has 16 bits; 0 is no replica."""


class Placement:
    """A draft of one group's trees: take members out, put members in, read the edit."""

    def __init__(self, switch: SwitchState, state: GroupState, *, split: bool) -> None:
        self._switch = switch
        self._record = switch.record
        self._profile = profile(switch.switch.profile)
        self._taken_ids = set(switch.trees)
        self._member_count = switch.member_count
        self._group = state.group.name
        self._split = split
        self._trees = {id_: _DraftTree(tree) for id_, tree in state.trees.items()}
        self._left: list[MemberRecord] = []
        self._placed: list[MemberRecord] = []

    def keep(self, old: MemberRecord, member: Member) -> None:
        """The member changes but for its port: its slot stays."""
        self._placed.append(replace(old, member=member))

    def leave(self, record: MemberRecord) -> None:
        tree = self._trees[record.slot.tree]
        tree.taken.discard(record.slot.instance)
        tree.load[record.member.port] -= 1
        self._member_count -= 1
        self._left.append(record)

    def join(self, member: Member) -> None:
        tree = self._tree_for(member)
        self._member_count += 1
        if self._member_count > self._profile.max_members:
            raise LimitExceeded(
                f"switch {self._switch.switch.name} ({self._profile.name}) holds "
                f"{self._profile.max_members} members, of all groups together",
                where=f"member {member.group}/{member.name}",
            )
        tree.load[member.port] += 1
        self._placed.append(MemberRecord(member, Slot(tree.record.id, tree.take_instance())))

    def settle(self, members: Iterable[MemberRecord]) -> None:
        """Move those whose tree the group may no longer use, because it is not split any more."""
        for record in list(members):
            if self._trees[record.slot.tree] not in self._usable_trees():
                self.leave(record)
                self.join(record.member)

    def edit(self) -> Edit:
        """A tree without members goes, but for the last: pushes to the group must go on."""
        trees = list(self._trees.values())
        kept = [tree for tree in trees if tree.taken] or trees[:1]
        switch = () if self._record == self._switch.record else (self._record,)
        return Edit(
            drops=(
                *self._left,
                *(tree.old for tree in trees if tree not in kept and tree.old is not None),
            ),
            puts=(
                *switch,
                *(tree.record for tree in kept if tree.record != tree.old),
                *self._placed,
            ),
        )

    def _usable_trees(self) -> "list[_DraftTree]":
        trees = list(self._trees.values())
        return trees if self._split else trees[:1]

    def _tree_for(self, member: Member) -> "_DraftTree":
        limit = self._profile.max_replicas_per_port
        usable = self._usable_trees()
        for tree in usable:
            if tree.load[member.port] < limit and len(tree.taken) < MAX_INSTANCE:
                return tree
        if usable and not self._split:
            raise LimitExceeded(
                f"group {self._group} would have {usable[0].load[member.port] + 1} replicas "
                f"on port {member.port}, and {self._profile.queue} takes {limit}: "
                "copies would be lost. A group that may be split can have more",
                where=f"member {member.group}/{member.name} port",
            )
        return self._new_tree()

    def _new_tree(self) -> "_DraftTree":
        if len(self._taken_ids) >= self._profile.group_trees:
            raise LimitExceeded(
                f"switch {self._switch.switch.name} ({self._profile.name}) holds "
                f"{self._profile.group_trees} replication trees of groups",
                where=f"group {self._group}",
            )
        id_ = next_free(self._record.next_tree, self._profile.group_trees, self._taken_ids)
        self._record = replace(self._record, next_tree=id_ + 1)
        self._taken_ids.add(id_)
        tree = _DraftTree(TreeRecord(self._switch.switch.name, id_, self._group))
        self._trees[id_] = tree
        return tree


class _DraftTree:
    def __init__(self, origin: TreeState | TreeRecord) -> None:
        if isinstance(origin, TreeState):
            self.old: TreeRecord | None = origin.record
            self.record = origin.record
            self.taken = set(origin.members)
            self.load = Counter(origin.load)
        else:
            self.old = None
            self.record = origin
            self.taken = set[int]()
            self.load = Counter[int]()

    def take_instance(self) -> int:
        instance = next_free(self.record.next_instance, MAX_INSTANCE, self.taken)
        self.record = replace(self.record, next_instance=instance + 1)
        self.taken.add(instance)
        return instance


def next_free(start: int, highest: int, taken: Collection[int]) -> int:
    """The first of start, start + 1, ..., highest, 1, 2, ... that is not taken; one is free."""
    number = start if start <= highest else 1
    while number in taken:
        number = number + 1 if number < highest else 1
    return number
