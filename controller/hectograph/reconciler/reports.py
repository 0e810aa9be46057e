# SPDX-License-Identifier: Apache-2.0
"""Statuses that need both what is wanted and what the reconcilers know."""

from collections.abc import Iterable, Mapping

from hectograph import wire
from hectograph.core.records import MemberRecord
from hectograph.core.state import GroupState, State
from hectograph.core.status import (
    ApplyState,
    CounterValue,
    GroupStatus,
    HostState,
    MemberCounter,
    MemberStatus,
    SwitchCounters,
    TreeCounter,
    TreeStatus,
)
from hectograph.drivers.base import Readings
from hectograph.reconciler.fleet import Fleet
from hectograph.reconciler.reading import Reading
from hectograph.reconciler.switch import SwitchReconciler


def member_status(record: MemberRecord, switch: SwitchReconciler) -> MemberStatus:
    state, reason = switch.member_state(record)
    return MemberStatus(record.member.group, record.member.name, record.slot, state, reason)


def group_status(
    group: GroupState, switch: SwitchReconciler, pushes: Mapping[int, CounterValue]
) -> GroupStatus:
    members = tuple(member_status(record, switch) for record in group.members.values())
    trees = tuple(
        TreeStatus(id_, len(tree.members), *switch.tree_state(id_), pushes.get(id_, CounterValue()))
        for id_, tree in group.trees.items()
    )
    states = {part.state for part in (*trees, *members)}
    return GroupStatus(
        name=group.group.name,
        switch=group.group.switch,
        state=_worst(states),
        reason=next((part.reason for part in (*trees, *members) if part.reason), None),
        trees=trees,
        members=members,
    )


def _worst(states: Iterable[ApplyState]) -> ApplyState:
    states = set(states)
    for state in (ApplyState.REFUSED, ApplyState.PENDING):
        if state in states:
            return state
    return ApplyState.APPLIED


def switch_counters(
    name: str,
    state: State,
    switch: SwitchReconciler,
    reading: Reading[Readings],
) -> SwitchCounters:
    """With names in the places of numbers; what was read but is wanted no more is left out."""
    readings = reading.value
    trees = state.switch(name).trees
    return SwitchCounters(
        switch=name,
        read_at=reading.read_at,
        ingress_drops=_by_reason(readings.ingress_drops),
        egress_drops=_by_reason(readings.egress_drops),
        trees=tuple(
            TreeCounter(tree.record.group, id_, readings.trees[id_])
            for id_, tree in trees.items()
            if id_ in readings.trees
        ),
        members=tuple(
            MemberCounter(tree.record.group, record.member.name, readings.members[id_, instance])
            for id_, tree in trees.items()
            for instance, record in tree.members.items()
            if (id_, instance) in readings.members
        ),
        punts=switch.punts,
    )


def _by_reason(values: Mapping[int, CounterValue]) -> dict[str, CounterValue]:
    return {name: values.get(number, CounterValue()) for number, name in wire.DROP_REASONS.items()}


def not_ready(state: State, fleet: Fleet) -> list[str]:
    """Why not everything wanted is in place, one line each."""
    reasons: list[str] = []
    for name in state.switches:
        trouble = fleet.switch(name).trouble
        if trouble is not None:
            reasons.append(f"switch {name}: {trouble}")
    for name in state.hosts:
        host = fleet.host(name).status()
        if host.state is not HostState.READY:
            reasons.append(f"host {name}: {host.state}: {host.reason}")
    return reasons
