# SPDX-License-Identifier: Apache-2.0
"""Random members, groups and entries for selectors.p4, and what may be done to them next."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from finsy.proto import p4i, p4r
from p4client import delete, insert, load_config, modify

INFO = load_config("selectors").p4info
ACTIONS = {each.preamble.alias: each.preamble.id for each in INFO.actions}
TABLES = {each.preamble.alias: each for each in INFO.tables}
PROFILES = {each.preamble.alias: each for each in INFO.action_profiles}
MEMBERS = range(1, 9)
GROUPS = range(1, 4)
KEYS = range(4)


@dataclass
class World:
    """What one table and its profile hold; only changes that are possible are made."""

    table: p4i.Table
    profile: p4i.ActionProfile
    rng: random.Random
    one_shot: bool = False
    members: set[int] = field(default_factory=set[int])
    groups: dict[int, dict[int, int]] = field(default_factory=dict[int, dict[int, int]])
    entries: dict[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])
    """By key, what they refer to."""

    def change(self) -> p4r.Update | None:
        if self.one_shot:
            return self._entry()
        kinds = [self._member, self._entry, *([self._group] * self.profile.with_selector)]
        return self.rng.choice(kinds)()

    def _action(self) -> p4r.Action:
        if self.rng.random() < 0.5:
            action = p4r.Action(action_id=ACTIONS["mark"])
            action.params.add(param_id=1, value=_bytes(self.rng.getrandbits(32)))
            return action
        action = p4r.Action(action_id=ACTIONS["forward"])
        action.params.add(param_id=1, value=_bytes(self.rng.randrange(1, 9)))
        action.params.add(param_id=2, value=_bytes(self.rng.getrandbits(16)))
        return action

    def _member(self) -> p4r.Update | None:
        number = self.rng.choice(MEMBERS)
        member = p4r.ActionProfileMember(
            action_profile_id=self.profile.preamble.id, member_id=number, action=self._action()
        )
        entity = p4r.Entity(action_profile_member=member)
        if number not in self.members:
            self.members.add(number)
            return insert(entity)
        used = any(number in group for group in self.groups.values())
        if used or ("member", number) in self.entries.values() or self.rng.random() < 0.5:
            return modify(entity)
        self.members.remove(number)
        return delete(entity)

    def _group(self) -> p4r.Update | None:
        number = self.rng.choice(GROUPS)
        used = ("group", number) in self.entries.values()
        count = self.rng.randint(1, len(self.members)) if self.members else 0
        if not count:
            return None
        chosen = {
            member: self.rng.choice([1, 1, 1, 2, 3])
            for member in self.rng.sample(sorted(self.members), count)
        }
        group = p4r.ActionProfileGroup(
            action_profile_id=self.profile.preamble.id, group_id=number, max_size=16
        )
        for member, weight in list(chosen.items()):
            if sum(each.weight for each in group.members) + weight > 16:
                del chosen[member]
            else:
                group.members.add(member_id=member, weight=weight)
        entity = p4r.Entity(action_profile_group=group)
        if number in self.groups and not used and self.rng.random() < 0.3:
            del self.groups[number]
            return delete(entity)
        update = modify(entity) if number in self.groups else insert(entity)
        self.groups[number] = chosen
        return update

    def _entry(self) -> p4r.Update | None:
        key = self.rng.choice(KEYS)
        entry = p4r.TableEntry(table_id=self.table.preamble.id)
        self._match(entry, key)
        if key in self.entries and self.rng.random() < 0.2:
            del self.entries[key]
            return delete(p4r.Entity(table_entry=entry))
        target = self._target()
        if target is None:
            return None
        match target:
            case ("member", number):
                entry.action.action_profile_member_id = number
            case ("group", number):
                entry.action.action_profile_group_id = number
            case _:
                self._fill(entry.action.action_profile_action_set)
        entity = p4r.Entity(table_entry=entry)
        update = modify(entity) if key in self.entries else insert(entity)
        self.entries[key] = target
        return update

    def _target(self) -> tuple[str, int] | None:
        if self.one_shot:
            return ("one shot", 0)
        full = [("group", number) for number, group in self.groups.items() if group]
        targets = [*full, *full, *(("member", number) for number in self.members)]
        return self.rng.choice(targets) if targets else None

    def _fill(self, action_set: p4r.ActionProfileActionSet) -> None:
        for _ in range(self.rng.randint(1, 5)):
            action_set.action_profile_actions.add(
                action=self._action(), weight=self.rng.choice([1, 1, 2, 3])
            )

    def _match(self, entry: p4r.TableEntry, key: int) -> None:
        field_ = self.table.match_fields[0]
        match = entry.match.add(field_id=field_.id)
        value = _bytes(key << 6 if field_.bitwidth == 8 else key)
        if field_.match_type == p4i.MatchField.EXACT:
            match.exact.value = value
        elif field_.match_type == p4i.MatchField.LPM:
            match.lpm.value, match.lpm.prefix_len = value, 2
        else:
            match.ternary.value, match.ternary.mask = value, b"\x00\x0f"
            entry.priority = 1


def _bytes(value: int) -> bytes:
    return value.to_bytes(4, "big").lstrip(b"\0") or b"\0"


def selector_frame(rng: random.Random, number: int, keys: Sequence[int]) -> bytes:
    """For the table `number` of the program; two bits of its kind, or of its flow, are the key."""
    key = rng.choice(keys)
    kind = key << 6 | (rng.getrandbits(6) if number == 3 else 0) if number >= 3 else 0
    flow = key if number < 3 else rng.getrandbits(16)
    extra = rng.randbytes(3) if kind & 0x80 else b""
    return bytes([kind, number]) + flow.to_bytes(2, "big") + rng.randbytes(2 + 4) + extra + b"rest"
