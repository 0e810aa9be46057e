# SPDX-License-Identifier: Apache-2.0
"""Cohorts, as Prometheus' metric families: of hosts and switches, not of each cohort."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import attrgetter

from prometheus_client.core import HistogramMetricFamily, Metric

from hectograph.api.samples import PREFIX, counter, gauge
from hectograph.core.cohort_status import HostCohorts, SwitchEntries
from hectograph.core.histogram import Histogram

# The attribute that a metric shows, its name, its help.
_COUNTERS = (
    ("pushes", "pushes", "Frames to cohorts' groups"),
    ("pushed_bytes", "pushed_bytes", "Their payload, once for each group"),
    ("delivered_bytes", "delivered_bytes", "Their payload, once for each member that followed"),
    ("repairs", "repairs", "Flow pushes of what a member had lost or come too late for"),
    ("repair_bytes", "repair_bytes", "Their payload"),
    ("group_repairs", "group_repairs", "Group pushes of what many had lost"),
)
_GAUGES = (
    ("members_per_push", "members_per_push", "Delivered bytes for each pushed one"),
    ("gain", "gain", "Bytes that members got for each that the host sent, repairs and all"),
)


def of_hosts(hosts: Sequence[HostCohorts]) -> Iterator[Metric]:
    yield gauge(
        "cohorts",
        "Cohorts by the phase that they are in",
        ("host", "phase"),
        (
            ((each.host, phase), count)
            for each in hosts
            for phase, count in (("running", each.running), ("forming", each.forming))
        ),
    )
    yield gauge(
        "cohort_members",
        "Clients in them",
        ("host",),
        (((each.host,), each.members) for each in hosts),
    )
    yield gauge(
        "cohorts_watched",
        "Whether cohorts are formed at the host",
        ("host",),
        (((each.host,), each.reason is None) for each in hosts),
    )
    for family, shown in ((counter, _COUNTERS), (gauge, _GAUGES)):
        for attribute, name, help_text in shown:
            get = attrgetter(f"traffic.{attribute}")
            rows = [((each.host,), get(each)) for each in hosts]
            yield family(f"cohort_{name}", help_text, ("host",), rows)
    yield counter(
        "cohort_left",
        "Members that left",
        ("host", "reason"),
        (
            ((each.host, reason), count)
            for each in hosts
            for reason, count in each.traffic.left.items()
        ),
    )


def of_switches(switches: Sequence[SwitchEntries]) -> Iterator[Metric]:
    yield gauge(
        "cohort_entries",
        "Members' entries that stand in the switch",
        ("switch",),
        (((each.switch,), each.standing) for each in switches),
    )
    yield counter(
        "cohort_refused",
        "Members that got no entry",
        ("switch", "reason"),
        (
            ((each.switch, reason), count)
            for each in switches
            for reason, count in each.refused.items()
        ),
    )
    latency = HistogramMetricFamily(
        f"{PREFIX}cohort_entry_seconds",
        "From when a member was told of until its entry stood and its pusher was told",
        labels=("switch",),
    )
    for each in switches:
        latency.add_metric((each.switch,), _buckets(each.latency), each.latency.sum)
    yield latency


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
