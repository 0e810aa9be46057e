# SPDX-License-Identifier: Apache-2.0
"""From any state to any other: it arrives, and no copy goes wrong on the way."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from fakes.switch import FakeSwitch
from hypothesis import given
from hypothesis import strategies as st

from hectograph.core.diff import Diff, Key, count_differences, key
from hectograph.core.entities import (
    Change,
    Entity,
    HostPort,
    MemberEntry,
    MulticastGroup,
    Operation,
    PuntMeter,
    PushGroup,
    Replica,
    Tables,
    UdpMemberEntry,
)

TREES = st.integers(1, 3)
INSTANCES = st.integers(1, 4)
PORTS = st.integers(2, 4)
REPLICAS = st.frozensets(st.builds(Replica, PORTS, INSTANCES), max_size=6)

Copy = tuple[int, int, MemberEntry]
"""Who gets what: pushed group, port, and the headers."""


def entry(tree: int, instance: int, client: int) -> MemberEntry:
    return UdpMemberEntry(
        group=tree,
        instance=instance,
        dst_mac=client,
        src_mac=1,
        vlan_tci=0,
        src_addr=IPv4Address(1),
        dst_addr=IPv4Address(client),
        hop_limit=64,
        src_port=1,
        dst_port=1,
        member_sum=1,
    )


ENTRIES = st.builds(entry, TREES, INSTANCES, st.integers(1, 6))


def tables(entities: Iterable[Entity]) -> Tables:
    made = Tables()
    for entity in entities:
        made.put(entity)
    return made


@st.composite
def anything(draw: st.DrawFn) -> Tables:
    """What may be found on a switch, however it came there."""
    return tables(
        [
            *draw(st.lists(st.builds(HostPort, PORTS))),
            *draw(st.lists(st.builds(PushGroup, TREES, TREES))),
            *draw(st.lists(ENTRIES, max_size=12)),
            *draw(st.lists(st.builds(MulticastGroup, TREES, REPLICAS))),
            *draw(st.lists(st.builds(PuntMeter, st.integers(1, 3), st.just(1), st.just(1)))),
        ]
    )


@st.composite
def plans(draw: st.DrawFn) -> Tables:
    """What a planner makes: every replica has its entry and every entry its replica."""
    plan = tables([PuntMeter(1, 500, 500), *draw(st.lists(st.builds(HostPort, PORTS)))])
    for tree in draw(st.frozensets(TREES)):
        slots = draw(st.dictionaries(INSTANCES, st.tuples(PORTS, st.integers(1, 6))))
        plan.put(PushGroup(tree, tree))
        plan.put(MulticastGroup(tree, frozenset(Replica(p, i) for i, (p, _) in slots.items())))
        for instance, (_, client) in slots.items():
            plan.put(entry(tree, instance, client))
    return plan


def copies(state: Tables) -> set[Copy]:
    """Everything that pushes to this switch turn into."""
    return {
        (group, replica.port, state.members[group][replica.instance])
        for group, tree in state.push_groups.items()
        for replica in state.trees.get(tree, ())
        if replica.instance in state.members.get(group, {})
    }


def replicas_without_entry(state: Tables) -> set[tuple[int, Replica]]:
    return {
        (tree, replica)
        for tree, replicas in state.trees.items()
        for replica in replicas
        if replica.instance not in state.members.get(tree, {})
    }


def apply(
    planned: Tables, switch: FakeSwitch, data: st.DataObject, refused: dict[Key, str]
) -> Iterable[Change]:
    """The reconciler's loop, one change at a time, each batch in any order."""
    trees = planned.tree_ids() | switch.tables.tree_ids()
    while batch := Diff(planned, switch.tables, trees, refused).next_batch():
        for change in data.draw(st.permutations(batch)):
            refusal = switch.write(change)
            if refusal is not None:
                assert not refusal.stale, f"{change} does not fit what stands there"
                refused[key(change.entity)] = refusal.reason
            yield change


@given(anything(), plans(), st.data())
def test_it_arrives(found: Tables, planned: Tables, data: st.DataObject) -> None:
    switch = FakeSwitch()
    switch.tables = found
    for _ in apply(planned, switch, data, {}):
        pass
    # A meter's cell cannot be deleted; one that nobody planned does no harm.
    for reason in switch.tables.meters.keys() - planned.meters.keys():
        del switch.tables.meters[reason]
    assert count_differences(planned, switch.tables) == 0


@given(anything(), plans(), st.data())
def test_nobody_gets_what_is_not_his(found: Tables, planned: Tables, data: st.DataObject) -> None:
    allowed = copies(found) | copies(planned)
    switch = FakeSwitch()
    switch.tables = found
    for change in apply(planned, switch, data, {}):
        assert copies(switch.tables) <= allowed, change


@given(plans(), plans(), st.data())
def test_who_stays_misses_nothing(found: Tables, planned: Tables, data: st.DataObject) -> None:
    """Between two states that a controller made."""
    kept = copies(found) & copies(planned)
    switch = FakeSwitch()
    switch.tables = found
    for change in apply(planned, switch, data, {}):
        assert kept <= copies(switch.tables), change


@given(plans(), plans(), st.data())
def test_no_replica_without_its_entry(found: Tables, planned: Tables, data: st.DataObject) -> None:
    switch = FakeSwitch()
    switch.tables = found
    for change in apply(planned, switch, data, {}):
        assert not replicas_without_entry(switch.tables), change


@given(anything(), plans(), st.data())
def test_refusals_do_not_stop_the_others(
    found: Tables, planned: Tables, data: st.DataObject
) -> None:
    """Some member entries cannot be written: all others arrive, and nobody gets theirs."""
    unwanted = data.draw(st.frozensets(st.tuples(TREES, INSTANCES)))
    switch = FakeSwitch()
    switch.tables = found
    allowed = copies(found) | copies(planned)

    def refuse(change: Change) -> str | None:
        bad = (
            isinstance(change.entity, MemberEntry)
            and change.operation is not Operation.DELETE
            and (change.entity.group, change.entity.instance) in unwanted
        )
        return "table full" if bad else None

    switch.refuse = refuse
    refused: dict[Key, str] = {}
    for change in apply(planned, switch, data, refused):
        assert copies(switch.tables) <= allowed, change
    missing = copies(planned) - copies(switch.tables)
    assert {(MemberEntry, tree, e.instance) for tree, _, e in missing} <= refused.keys()
    assert copies(switch.tables) <= copies(planned)


@given(anything(), anything())
def test_differences_are_counted_both_ways(one: Tables, other: Tables) -> None:
    assert count_differences(one, one) == 0
    assert count_differences(one, other) == count_differences(other, one)


def test_a_replica_that_could_not_go_keeps_its_entry() -> None:
    """What a switch drops for want of an entry would look like a loss."""
    leaver = entry(1, 1, client=1)
    switch = FakeSwitch()
    switch.tables = tables([leaver, MulticastGroup(1, frozenset({Replica(2, 1)}))])
    planned = tables([entry(1, 2, client=2), MulticastGroup(1, frozenset({Replica(2, 2)}))])
    switch.refuse = lambda change: "no" if isinstance(change.entity, MulticastGroup) else None
    refused: dict[Key, str] = {}
    while batch := Diff(planned, switch.tables, {1}, refused).next_batch():
        for change in batch:
            if (refusal := switch.write(change)) is not None:
                refused[key(change.entity)] = refusal.reason
    assert switch.tables.members[1][1] == leaver
