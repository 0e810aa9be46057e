# SPDX-License-Identifier: Apache-2.0
"""Action profiles: members and groups as clients write them, and the choices that the runtime has.

An entry of a table with a profile holds the number of a choice: every member has one,
every group, and every one-shot action set. A group lists its members as BMv2 does, so
that the same hash finds the same member in both: by the handles that BMv2 would have
given them (the lowest free one), with one more handle for every further weight.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.codec import ActionCodec, BitString
from hectograph.switch.native import Profile as NativeProfile
from hectograph.switch.native import Switch
from hectograph.switch.numbers import Numbers
from hectograph.switch.values import Chosen
from hectograph.switch.weights import Weighted, check_max_size, check_weights, watched_port


@dataclass(slots=True)
class _Member:
    id: int
    number: int
    choice: int
    action: p4r.Action
    handles: list[int]
    """BMv2's: one, and one more for every weight beyond 1 that a group gives it."""
    weights: list[int] = field(default_factory=list[int])
    """Those that groups give it."""
    entries: int = 0


@dataclass(slots=True)
class _Group:
    message: p4r.ActionProfileGroup
    choice: int
    entries: int = 0


@dataclass(frozen=True, slots=True)
class _OneShot:
    message: p4r.ActionProfileActionSet
    numbers: Sequence[int]


class Profile:
    def __init__(
        self,
        info: p4i.ActionProfile,
        actions: Sequence[ActionCodec],
        native: NativeProfile,
        switch: Switch,
        port: BitString,
    ) -> None:
        """`port` is how clients have a watched port."""
        self.id = info.preamble.id
        self.info = info
        self.where = f"action profile {info.preamble.name}"
        self._actions = {action.id: action for action in actions}
        self._native = native
        self._switch = switch
        self._port = port
        self._members: dict[int, _Member] = {}
        self._groups: dict[int, _Group] = {}
        self._one_shots: dict[int, _OneShot] = {}
        """By their choices."""
        self._owners: dict[int, _Member | _Group] = {}
        """By their choices."""
        self._numbers, self._choices, self._handles = Numbers(), Numbers(), Numbers()

    # ---- members ------------------------------------------------------------------

    def write_member(self, kind: p4r.Update.Type.ValueType, entry: p4r.ActionProfileMember) -> None:
        where = f"{self.where}: member {entry.member_id}"
        if not entry.member_id:
            raise status.invalid(f"{self.where}: a member without an id")
        member = self._members.get(entry.member_id)
        if kind == p4r.Update.INSERT:
            if member is not None:
                raise status.already_exists(f"{where} exists already")
            self._insert_member(entry, where)
        elif member is None:
            raise status.not_found(f"{where} does not exist")
        elif kind == p4r.Update.MODIFY:
            self._set(member.number, entry.action, where)
            member.action = self._canonical(entry.action)
        else:
            if member.entries or member.weights:
                what = "a group" if member.weights else "a table entry"
                raise status.failed_precondition(f"{where} is in use by {what}")
            self._drop_member(member)

    def _insert_member(self, entry: p4r.ActionProfileMember, where: str) -> None:
        if self._one_shots:
            raise status.invalid(f"{where}: its tables are written with one-shot action sets")
        if not self.info.with_selector and 0 < self.info.size <= len(self._members):
            raise status.exhausted(f"{self.where} is full")
        number = self._numbers.take()
        try:
            self._set(number, entry.action, where)
        except Refused:
            self._numbers.give_back(number)
            raise
        choice = self._choices.take()
        self._native.set_choice(choice, [Chosen(number)])
        action = self._canonical(entry.action)
        made = _Member(entry.member_id, number, choice, action, [self._handles.take()])
        self._members[entry.member_id] = self._owners[choice] = made

    def _drop_member(self, member: _Member) -> None:
        self._native.clear_choice(member.choice)
        self._native.clear_member(member.number)
        self._choices.give_back(member.choice)
        self._numbers.give_back(member.number)
        for handle in member.handles:
            self._handles.give_back(handle)
        del self._members[member.id], self._owners[member.choice]

    def _set(self, number: int, action: p4r.Action, where: str) -> None:
        codec = self._codec(action, where)
        self._native.set_member(number, codec.index, codec.encode(action))

    def _codec(self, action: p4r.Action, where: str) -> ActionCodec:
        codec = self._actions.get(action.action_id)
        if codec is None:
            what = f"action {action.action_id:#010x}" if action.action_id else "no action"
            raise status.invalid(f"{where} is given {what}, which its tables do not have")
        if codec.scope == p4i.ActionRef.DEFAULT_ONLY:
            raise status.denied(f"{where}: the scope of action {codec.name} is DEFAULT_ONLY")
        return codec

    def _canonical(self, action: p4r.Action) -> p4r.Action:
        codec = self._actions[action.action_id]
        made = p4r.Action()
        codec.decode(made, codec.encode(action))
        return made

    # ---- groups ---------------------------------------------------------------------

    def write_group(self, kind: p4r.Update.Type.ValueType, entry: p4r.ActionProfileGroup) -> None:
        where = f"{self.where}: group {entry.group_id}"
        if not self.info.with_selector:
            raise status.invalid(f"{self.where} has no selector: it has no groups")
        if not entry.group_id:
            raise status.invalid(f"{self.where}: a group without an id")
        group = self._groups.get(entry.group_id)
        if kind == p4r.Update.INSERT:
            if group is not None:
                raise status.already_exists(f"{where} exists already")
            self._insert_group(entry, where)
        elif group is None:
            raise status.not_found(f"{where} does not exist")
        elif kind == p4r.Update.MODIFY:
            if entry.max_size != group.message.max_size:
                raise status.invalid(f"{where}: its max_size is {group.message.max_size}")
            self._check_group(entry, group, where)
            self._set_group(group, entry)
        else:
            if group.entries:
                raise status.failed_precondition(f"{where} is in use by a table entry")
            self._set_group(group, p4r.ActionProfileGroup())
            self._native.clear_choice(group.choice)
            self._choices.give_back(group.choice)
            del self._groups[entry.group_id], self._owners[group.choice]

    def _insert_group(self, entry: p4r.ActionProfileGroup, where: str) -> None:
        if self._one_shots:
            raise status.invalid(f"{where}: its tables are written with one-shot action sets")
        check_max_size(self.info, entry.max_size, where)
        self._check_group(entry, None, where)
        empty = p4r.ActionProfileGroup(
            action_profile_id=self.id, group_id=entry.group_id, max_size=entry.max_size
        )
        group = _Group(empty, self._choices.take())
        self._set_group(group, entry)
        self._groups[entry.group_id] = self._owners[group.choice] = group

    def _check_group(self, entry: p4r.ActionProfileGroup, old: _Group | None, where: str) -> None:
        ids = [each.member_id for each in entry.members]
        if missing := [number for number in ids if number not in self._members]:
            raise status.not_found(f"{where}: member {missing[0]} does not exist")
        if len(set(ids)) != len(ids):
            raise status.invalid(f"{where} has a member twice: give it a weight instead")
        check_weights(self.info, entry.members, where)
        for each in entry.members:
            watched_port(each, self._switch, self._port, where)
        most = entry.max_size or self.info.max_group_size
        size = self._size(entry.members)
        if 0 < most < size:
            raise status.exhausted(f"{where}: {size} is more than its size, {most}")
        others = sum(self._size(g.message.members) for g in self._groups.values() if g is not old)
        if 0 < self.info.size < others + size:
            raise status.exhausted(f"{self.where}: all its groups have {others + size} in them")

    def _size(self, members: Iterable[p4r.ActionProfileGroup.Member]) -> int:
        if self.info.HasField("sum_of_members"):
            return sum(1 for _ in members)
        return sum(max(each.weight, 1) for each in members)

    def _set_group(self, group: _Group, entry: p4r.ActionProfileGroup) -> None:
        """In BMv2's order: handles for new weights are taken first, old ones given back last."""
        before = {each.member_id: max(each.weight, 1) for each in group.message.members}
        after = {each.member_id: max(each.weight, 1) for each in entry.members}
        watched = {each.member_id: each for each in entry.members}
        for number in sorted({*before, *after}):
            member = self._members[number]
            while len(member.handles) < after.get(number, 0):
                member.handles.append(self._handles.take())
            if number in before:
                member.weights.remove(before[number])
            if number in after:
                member.weights.append(after[number])
        by_handle = {
            handle: Chosen(member.number, watched_port(watched[number], self._switch, self._port))
            for number, weight in after.items()
            for member in (self._members[number],)
            for handle in member.handles[:weight]
        }
        self._native.set_choice(group.choice, [by_handle[handle] for handle in sorted(by_handle)])
        for number in {*before, *after}:
            member = self._members[number]
            while len(member.handles) > max(member.weights, default=1):
                self._handles.give_back(member.handles.pop())
        del group.message.members[:]
        group.message.members.extend(entry.members)

    # ---- what table entries hold ---------------------------------------------------------

    def acquire(self, action: p4r.TableAction, where: str) -> int:
        """The choice that an entry asks for, which is in use until it is released."""
        match action.WhichOneof("type"):
            case "action_profile_member_id":
                return self._use(self._members, action.action_profile_member_id, "member", where)
            case "action_profile_group_id":
                if not self.info.with_selector:
                    raise status.invalid(f"{where} has no selector: it is given a group")
                return self._use(self._groups, action.action_profile_group_id, "group", where)
            case "action_profile_action_set":
                return self._make_one_shot(action.action_profile_action_set, where)
            case kind:
                what = "no action" if kind is None else "an action, but it has an action profile"
                raise status.invalid(f"{where} is given {what}")

    def _use(
        self, owners: "dict[int, _Member] | dict[int, _Group]", number: int, what: str, where: str
    ) -> int:
        if self._one_shots:
            raise status.invalid(f"{where}: others of its entries have one-shot action sets")
        owner = owners.get(number)
        if owner is None:
            raise status.not_found(f"{where}: {self.where} has no {what} {number}")
        owner.entries += 1
        return owner.choice

    def release(self, choice: int) -> None:
        if (owner := self._owners.get(choice)) is not None:
            owner.entries -= 1
        elif (one_shot := self._one_shots.pop(choice, None)) is not None:
            self._native.clear_choice(choice)
            self._choices.give_back(choice)
            for number in one_shot.numbers:
                self._native.clear_member(number)
                self._numbers.give_back(number)

    def describe(self, choice: int, answer: p4r.TableAction) -> None:
        owner = self._owners.get(choice)
        if isinstance(owner, _Member):
            answer.action_profile_member_id = owner.id
        elif owner is not None:
            answer.action_profile_group_id = owner.message.group_id
        else:
            answer.action_profile_action_set.CopyFrom(self._one_shots[choice].message)

    def does_nothing(self, action: p4r.Action) -> bool:
        """NoAction, or none at all."""
        codec = self._actions.get(action.action_id)
        return codec is None or codec.name == "NoAction"

    def fixed_choice(self, action: p4r.Action) -> int:
        """Of an action that the program itself declares and nobody can change."""
        number, choice = self._numbers.take(), self._choices.take()
        codec = self._actions[action.action_id]
        self._native.set_member(number, codec.index, codec.encode(action))
        self._native.set_choice(choice, [Chosen(number)])
        return choice

    def _make_one_shot(self, action_set: p4r.ActionProfileActionSet, where: str) -> int:
        if not self.info.with_selector:
            raise status.invalid(f"{where} has no selector: it is given an action set")
        if self._members or self._groups:
            raise status.invalid(f"{where}: {self.where} has members or groups of its own")
        if action_set.action_selection_mode or action_set.size_semantics:
            raise status.not_implemented(f"{where}: action selection by the action set")
        actions = action_set.action_profile_actions
        check_weights(self.info, actions, where)
        size = len(actions) if self.info.HasField("sum_of_members") else _weight(actions)
        if 0 < self.info.max_group_size < size:
            raise status.invalid(f"{where}: {size} is more than {self.info.max_group_size}")
        encoded = [(self._codec(each.action, where), each) for each in actions]
        members = [
            (c.index, c.encode(a.action), watched_port(a, self._switch, self._port, where), a)
            for c, a in encoded
        ]
        numbers = [self._numbers.take() for _ in members]
        chosen: list[Chosen] = []
        for number, (index, params, port, action) in zip(numbers, members, strict=True):
            self._native.set_member(number, index, params)
            chosen += [Chosen(number, port)] * max(action.weight, 1)
        choice = self._choices.take()
        self._native.set_choice(choice, chosen)
        message = p4r.ActionProfileActionSet()
        for each in actions:
            kept = message.action_profile_actions.add()
            kept.CopyFrom(each)
            kept.action.CopyFrom(self._canonical(each.action))
        self._one_shots[choice] = _OneShot(message, numbers)
        return choice

    # ---- reads ---------------------------------------------------------------------------

    def read_members(self, member_id: int) -> Iterator[p4r.Entity]:
        for member in list(self._members.values()):
            if member_id in (0, member.id):
                entity = p4r.Entity()
                answer = entity.action_profile_member
                answer.action_profile_id, answer.member_id = self.id, member.id
                answer.action.CopyFrom(member.action)
                yield entity

    def read_groups(self, group_id: int) -> Iterator[p4r.Entity]:
        for group in list(self._groups.values()):
            if group_id in (0, group.message.group_id):
                yield p4r.Entity(action_profile_group=group.message)

    def encode_all(self) -> None:
        """Once more, which names the strings that it holds."""
        sets = (each.message.action_profile_actions for each in self._one_shots.values())
        held = (each.action for action_set in sets for each in action_set)
        for action in (*held, *(member.action for member in self._members.values())):
            self._actions[action.action_id].encode(action)


def _weight(actions: Iterable[Weighted]) -> int:
    return sum(max(each.weight, 1) for each in actions)


class Profiles:
    """All action profiles of a pipeline."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._by_id = {profile.id: profile for profile in profiles}

    def find(self, profile_id: int) -> Profile:
        profile = self._by_id.get(profile_id)
        if profile is None:
            raise status.invalid(f"the pipeline has no action profile {profile_id:#010x}")
        return profile

    def encode_all(self) -> None:
        for profile in self._by_id.values():
            profile.encode_all()

    def read_members(self, wanted: p4r.ActionProfileMember) -> Iterator[p4r.Entity]:
        for profile in self._wanted(wanted.action_profile_id, wanted.member_id):
            yield from profile.read_members(wanted.member_id)

    def read_groups(self, wanted: p4r.ActionProfileGroup) -> Iterator[p4r.Entity]:
        for profile in self._wanted(wanted.action_profile_id, wanted.group_id):
            yield from profile.read_groups(wanted.group_id)

    def _wanted(self, profile_id: int, element_id: int) -> list[Profile]:
        if profile_id:
            return [self.find(profile_id)]
        if element_id:
            raise status.invalid("a read of all action profiles cannot name a member or group")
        return list(self._by_id.values())
