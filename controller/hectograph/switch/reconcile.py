# SPDX-License-Identifier: Apache-2.0
"""RECONCILE_AND_COMMIT: the forwarding state of one pipeline put into another, as far as it fits.

What a client wrote is read from the one and written to the other as P4Runtime would
have it. An id keeps its meaning only if what it names is called the same and is made
of the same parts; what has changed is left behind, and what does not fit is counted.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch.pipeline import Pipeline

_SLICE = 256
"""Entities before other tasks get their turn."""

_PROFILES = (
    p4r.Entity(action_profile_member=p4r.ActionProfileMember()),
    p4r.Entity(action_profile_group=p4r.ActionProfileGroup()),
)
"""Table entries refer to them, and groups to members."""

_INSERTED = (
    p4r.Entity(
        packet_replication_engine_entry=p4r.PacketReplicationEngineEntry(
            multicast_group_entry=p4r.MulticastGroupEntry()
        )
    ),
    p4r.Entity(
        packet_replication_engine_entry=p4r.PacketReplicationEngineEntry(
            clone_session_entry=p4r.CloneSessionEntry()
        )
    ),
    p4r.Entity(digest_entry=p4r.DigestEntry()),
)

_CELLS = (
    p4r.Entity(value_set_entry=p4r.ValueSetEntry()),
    p4r.Entity(counter_entry=p4r.CounterEntry()),
    p4r.Entity(meter_entry=p4r.MeterEntry()),
    p4r.Entity(register_entry=p4r.RegisterEntry()),
)


@dataclass(slots=True)
class Reconciled:
    kept: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])
    """How many entities, by why."""


async def reconcile(
    old: Pipeline, new: Pipeline, before: p4i.P4Info, after: p4i.P4Info
) -> Reconciled:
    """`new` has just been made; nobody has written to it."""
    done = Reconciled()
    same = _same_objects(before, after)
    for count, entity in enumerate(_written(old), 1):
        if count % _SLICE == 0:
            await asyncio.sleep(0)
        if not _refers_only_to(same, entity):
            done.lost["it names what has changed"] += 1
            continue
        try:
            _put(new, entity)
        except Refused as refused:
            done.lost[str(refused)] += 1
        else:
            done.kept += 1
    return done


def _put(new: Pipeline, entity: p4r.Entity) -> None:
    if _is_modified(entity):
        new.write(p4r.Update(type=p4r.Update.MODIFY, entity=entity))
        return
    insert = p4r.Update(type=p4r.Update.INSERT, entity=entity)
    # An entry that the new program declares, too, gets what the client made of it.
    kind = p4r.Update.MODIFY if new.before(insert) else p4r.Update.INSERT
    new.write(p4r.Update(type=kind, entity=entity))


def _is_modified(entity: p4r.Entity) -> bool:
    """What exists as long as its table or array does."""
    if entity.HasField("table_entry"):
        return entity.table_entry.is_default_action
    kinds = ("counter_entry", "meter_entry", "register_entry", "value_set_entry")
    return any(entity.HasField(kind) for kind in kinds)


def _written(old: Pipeline) -> Iterator[p4r.Entity]:
    """All that clients, or packets, made of the pipeline."""
    for wanted in _PROFILES:
        yield from old.read(wanted)
    yield from old.table_entries()
    for wanted in _INSERTED:
        yield from old.read(wanted)
    for wanted in _CELLS:
        yield from (entity for entity in old.read(wanted) if _has_content(entity))


def _has_content(entity: p4r.Entity) -> bool:
    """A new pipeline's cells are like this already otherwise."""
    match entity.WhichOneof("entity"):
        case "counter_entry":
            data = entity.counter_entry.data
            return bool(data.packet_count or data.byte_count)
        case "meter_entry":
            return entity.meter_entry.HasField("config")
        case "value_set_entry":
            return bool(entity.value_set_entry.members)
        case _:
            data = entity.register_entry.data
            return data.bool or bool(data.bitstring.strip(b"\0") or data.enum_value.strip(b"\0"))


# ---- what is the same in both --------------------------------------------------


def _same_objects(before: p4i.P4Info, after: p4i.P4Info) -> set[int]:
    """Ids of what both have with the same name and the same parts."""
    shapes = _shapes(after)
    return {number for number, shape in _shapes(before).items() if shapes.get(number) == shape}


def _shapes(info: p4i.P4Info) -> dict[int, object]:
    """Widths are not in it: a value that fits is as good in a wider field."""
    shapes: dict[int, object] = {}
    for table in info.tables:
        fields = [(each.id, each.name, each.match_type) for each in table.match_fields]
        shapes[table.preamble.id] = (table.preamble.name, fields, table.implementation_id)
    for action in info.actions:
        params = [(each.id, each.name) for each in action.params]
        shapes[action.preamble.id] = (action.preamble.name, params)
    for profile in info.action_profiles:
        shapes[profile.preamble.id] = (profile.preamble.name, profile.with_selector)
    for value_set in info.value_sets:
        fields = [(each.id, each.name, each.match_type) for each in value_set.match]
        shapes[value_set.preamble.id] = (value_set.preamble.name, fields)
    others: Sequence[Iterable[p4i.Counter | p4i.Meter | p4i.Register | p4i.Digest]] = (
        info.counters,
        info.meters,
        info.registers,
        info.digests,
    )
    for group in others:
        for each in group:
            shapes[each.preamble.id] = each.preamble.name
    return shapes


def _refers_only_to(same: set[int], entity: p4r.Entity) -> bool:
    match entity.WhichOneof("entity"):
        case "table_entry":
            entry = entity.table_entry
            return {entry.table_id, *_actions(entry.action)} <= same
        case "action_profile_member":
            member = entity.action_profile_member
            return {member.action_profile_id, member.action.action_id} <= same
        case "action_profile_group":
            return entity.action_profile_group.action_profile_id in same
        case "counter_entry":
            return entity.counter_entry.counter_id in same
        case "meter_entry":
            return entity.meter_entry.meter_id in same
        case "register_entry":
            return entity.register_entry.register_id in same
        case "digest_entry":
            return entity.digest_entry.digest_id in same
        case "value_set_entry":
            return entity.value_set_entry.value_set_id in same
        case _:
            return True


def _actions(of: p4r.TableAction) -> Iterator[int]:
    if of.HasField("action"):
        yield of.action.action_id
    yield from (
        each.action.action_id for each in of.action_profile_action_set.action_profile_actions
    )
