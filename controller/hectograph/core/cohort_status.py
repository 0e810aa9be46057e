# SPDX-License-Identifier: Apache-2.0
"""What there is to see of cohorts: those that there are, and what they came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hectograph.core.cohorts import CohortMemberState, CohortState, LeftReason
from hectograph.core.histogram import Histogram
from hectograph.core.hosted_cohort import Refusal


@dataclass(frozen=True, slots=True)
class ListedCohort:
    host: str
    content: str | None
    """Its content's name; None: one that is not in the desired state."""
    state: CohortState
    slowest: tuple[CohortMemberState, ...] = ()
    """Some of its members, those that lag most first."""


@dataclass(frozen=True, slots=True)
class CohortTraffic:
    """Of all cohorts that a pusher had since it started."""

    pushes: int = 0
    """Frames to groups."""
    pushed_bytes: int = 0
    """Their payload, once for each group."""
    delivered_bytes: int = 0
    """Their payload, once for each member that followed when it was pushed."""
    repairs: int = 0
    """Flow pushes of what a member had lost, or had come too late for."""
    repair_bytes: int = 0
    group_repairs: int = 0
    """Of `pushes`: what many had lost."""
    left: Mapping[LeftReason, int] = field(default_factory=dict[LeftReason, int])

    @property
    def members_per_push(self) -> float:
        """How many copies the switch made of a byte, on average."""
        return self.delivered_bytes / self.pushed_bytes if self.pushed_bytes else 0.0

    @property
    def gain(self) -> float:
        """Bytes that members got for each that the host sent, repairs and all."""
        sent = self.pushed_bytes + self.repair_bytes
        return (self.delivered_bytes + self.repair_bytes) / sent if sent else 0.0


@dataclass(frozen=True, slots=True)
class HostCohorts:
    host: str
    reason: str | None
    """Why its cohorts are not watched; None: they are."""
    running: int = 0
    forming: int = 0
    members: int = 0
    traffic: CohortTraffic = CohortTraffic()


@dataclass(frozen=True, slots=True)
class SwitchEntries:
    """Of cohorts' members, since the controller started."""

    switch: str
    standing: int
    """Now."""
    refused: Mapping[Refusal, int]
    latency: Histogram
    """Seconds from when a member was told of until its pusher was answered."""


def traffic_of(counters: Mapping[str, int]) -> CohortTraffic:
    """From a pusher's counters, by the names of host/tcp/counters.h."""

    def count(name: str) -> int:
        return counters.get(f"cohort_{name}", 0)

    return CohortTraffic(
        pushes=count("pushes"),
        pushed_bytes=count("push_bytes"),
        delivered_bytes=count("delivered_bytes"),
        repairs=count("repairs"),
        repair_bytes=count("repair_bytes"),
        group_repairs=count("group_repairs"),
        left={reason: count(f"left_{reason.replace('-', '_')}") for reason in LeftReason},
    )


def host_cohorts(
    host: str, reason: str | None, cohorts: Sequence[CohortState], counters: Mapping[str, int]
) -> HostCohorts:
    running = sum(cohort.is_running for cohort in cohorts)
    return HostCohorts(
        host=host,
        reason=reason,
        running=running,
        forming=len(cohorts) - running,
        members=sum(cohort.members for cohort in cohorts),
        traffic=traffic_of(counters),
    )
