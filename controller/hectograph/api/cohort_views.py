# SPDX-License-Identifier: Apache-2.0
"""Cohorts, as GET returns them: views.py says more."""

from collections.abc import Sequence
from dataclasses import fields

from hectograph.api.fields import Address, Model, Name
from hectograph.api.views import Items
from hectograph.core.cohort_status import (
    CohortTraffic,
    HostCohorts,
    ListedCohort,
    SwitchEntries,
)
from hectograph.core.cohorts import CohortMemberState, CohortPhase, CohortState, LeftReason
from hectograph.core.hosted_cohort import Refusal


class CohortMember(Model):
    instance: int
    """Its place in the cohort."""
    client: Address
    client_port: int
    entered: bool
    """Its entry stands: it gets the cohort's pushes."""
    acked: int
    """Of the response, bytes."""
    lag: int
    """Of what was pushed, what it has not acknowledged."""
    window: int
    """The client's, bytes."""
    repair_bytes: int
    """That it got alone."""


class Cohort(Model):
    """Clients that download one content together, as their host knows them."""

    host: Name
    cohort: int
    """The host's number of it."""
    content: Name | None
    """null: one that is not wanted any more."""
    phase: CohortPhase
    members: int
    """That get its pushes, or shall."""
    groups: list[int]
    """Each push goes to each of them."""
    length: int
    """Of the response, bytes."""
    sent: int
    acked: int
    """What every member has."""
    lag: int
    """Of what was pushed, what some member has not acknowledged."""
    segment_bytes: int
    congestion_window: int
    rtt_seconds: float
    age_seconds: float
    """Since its first request."""
    pushes: int
    """Frames to groups."""
    payload_bytes: int
    """In those, once for each group."""
    repairs: int
    """Flow pushes that filled members' holes."""
    repair_bytes: int
    group_repairs: int
    """Of `pushes`: what many had lost."""
    joined_late: int
    """Members that came while it ran."""
    left: dict[LeftReason, int]
    slowest: list[CohortMember]
    """Members that lag most, as many as were asked for."""


class CohortHost(Model):
    host: Name
    reason: str | None
    """Why none are formed there; null: they are, as requests come."""


class CohortTotals(Model):
    """Bytes and members that left are counted by pushers, since they started; what was
    refused by the controller, since it started."""

    running: int
    forming: int
    members: int
    entries: int
    """That stand in the switches."""
    pushes: int
    """Frames to groups."""
    pushed_bytes: int
    """Their payload, once for each group."""
    delivered_bytes: int
    """Their payload, once for each member that followed when it was pushed."""
    members_per_push: float
    """delivered_bytes ÷ pushed_bytes."""
    repairs: int
    repair_bytes: int
    """That members got alone."""
    group_repairs: int
    gain: float
    """Bytes that members got for each that hosts sent: delivered + repair ÷ pushed + repair."""
    left: dict[LeftReason, int]
    refused: dict[Refusal, int]
    """Members that got no entry, and why."""


class Cohorts(Items[Cohort]):
    totals: CohortTotals
    hosts: list[CohortHost]


def cohort_view(listed: ListedCohort) -> Cohort:
    state = listed.state
    values = {field.name: getattr(state, field.name) for field in fields(CohortState)}
    return Cohort.model_validate(
        {
            **values,
            "host": listed.host,
            "content": listed.content,
            "groups": list(state.groups),
            "lag": state.sent - state.acked,
            "slowest": [_member(member, state.sent) for member in listed.slowest],
        }
    )


def _member(member: CohortMemberState, sent: int) -> CohortMember:
    values = {field.name: getattr(member, field.name) for field in fields(CohortMemberState)}
    return CohortMember.model_validate({**values, "lag": max(0, sent - member.acked)})


def totals_view(hosts: Sequence[HostCohorts], switches: Sequence[SwitchEntries]) -> CohortTotals:
    traffic = total_traffic([host.traffic for host in hosts])
    values = {field.name: getattr(traffic, field.name) for field in fields(CohortTraffic)}
    refused = {why: sum(each.refused.get(why, 0) for each in switches) for why in Refusal}
    return CohortTotals.model_validate(
        {
            **values,
            "running": sum(host.running for host in hosts),
            "forming": sum(host.forming for host in hosts),
            "members": sum(host.members for host in hosts),
            "entries": sum(each.standing for each in switches),
            "members_per_push": traffic.members_per_push,
            "gain": traffic.gain,
            "refused": refused,
        }
    )


def total_traffic(each: Sequence[CohortTraffic]) -> CohortTraffic:
    return CohortTraffic(
        pushes=sum(traffic.pushes for traffic in each),
        pushed_bytes=sum(traffic.pushed_bytes for traffic in each),
        delivered_bytes=sum(traffic.delivered_bytes for traffic in each),
        repairs=sum(traffic.repairs for traffic in each),
        repair_bytes=sum(traffic.repair_bytes for traffic in each),
        group_repairs=sum(traffic.group_repairs for traffic in each),
        left={why: sum(traffic.left.get(why, 0) for traffic in each) for why in LeftReason},
    )
