# SPDX-License-Identifier: Apache-2.0
"""What the service knows, as Prometheus' metric families.

A label's values are bounded: reasons by the pipeline, groups by the target. Members
can be many thousands: a limited number is shown, whole groups in the order of their
names, and how many were left out is a metric itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from prometheus_client.core import Metric

from hectograph.api.samples import Labels, Rows, counter, gauge, packets_and_bytes
from hectograph.core.status import (
    CounterValue,
    HostState,
    HostStatus,
    MemberCounter,
    StreamState,
    StreamStatus,
    SwitchCounters,
    SwitchState,
    SwitchStatus,
)

_PRIMARY = {SwitchState.SYNCING, SwitchState.READY}
_CONNECTED = _PRIMARY | {SwitchState.BACKUP}

# The attribute that a metric shows, its name, its help.
_SWITCH_GAUGES = (
    ("pending", "pending", "Members and replication trees that are not as planned yet"),
    ("refused", "refused", "Members and replication trees that the switch refused"),
)
_SWITCH_COUNTERS = (
    ("repairs", "repairs", "Entries that an audit found changed, missing or foreign"),
    ("writes", "writes", "P4Runtime write requests"),
    ("updates", "updates", "Updates in P4Runtime write requests"),
    ("bytes_written", "written_bytes", "Encoded size of P4Runtime write requests"),
    ("connects", "connects", "Connections that came up"),
    ("handshakes", "handshakes", "TCP handshakes that the switch told of; of many, a sample"),
)
_PUSHER_COUNTERS = (
    ("counters.pushes", "pushes", "Frames handed to the kernel"),
    ("counters.frame_bytes", "frame_bytes", "Bytes in them"),
    ("counters.payload_bytes", "payload_bytes", "Payload bytes in them"),
    ("counters.send_errors", "send_errors", "Frames that the kernel refused"),
    ("counters.send_retries", "send_retries", "Frames sent later: the queue was full"),
    ("counters.source_dropped", "source_dropped", "Datagrams that fitted no segment"),
    ("counters.link_waits", "link_waits", "Times that a stream waited for a slower switch"),
    ("counters.bad_requests", "bad_requests", "Requests that the pusher refused"),
)
_LINK_GAUGES = (
    ("answers", "answers", "Whether the switch sends marks back; else nothing is bounded"),
    ("window", "window_frames", "Frames that may be on the way to the switch"),
    ("outstanding", "outstanding_frames", "Frames that are, for all that is known"),
    ("round_trip_seconds", "round_trip_seconds", "Of the last mark"),
    ("lowest_round_trip_seconds", "lowest_round_trip_seconds", "The least of any mark"),
    ("waiting", "waiting", "Flows and cohorts that wait for their turn"),
)
_STREAM_GAUGES = (
    ("offset", "offset_bytes", "Next byte of the source to be pushed"),
    ("bits_per_second", "bits_per_second", "Achieved rate, of payload"),
    ("late_seconds", "late_seconds", "The pacer's worst delay behind its schedule"),
)
_STREAM_COUNTERS = (
    ("pushes", "pushes", "Frames pushed by the current run"),
    ("payload_bytes", "payload_bytes", "Payload bytes in them"),
)


def of_switches(switches: Sequence[SwitchStatus]) -> Iterator[Metric]:
    yield gauge(
        "switch_up",
        "Whether there is a connection to the switch",
        ("switch",),
        (((each.name,), each.state in _CONNECTED) for each in switches),
    )
    yield gauge(
        "switch_primary",
        "Whether this controller is the switch's primary",
        ("switch",),
        (((each.name,), each.state in _PRIMARY) for each in switches),
    )
    yield gauge(
        "switch_audited_timestamp_seconds",
        "When everything on the switch was last read and compared",
        ("switch",),
        (((each.name,), each.audited_at.timestamp()) for each in switches if each.audited_at),
    )
    yield counter(
        "port_drop_packets",
        "Frames that a port could not take in or send, which the pipeline never saw",
        ("switch", "port", "interface", "reason"),
        (
            ((each.name, str(drops.port), drops.interface, drops.reason), drops.packets)
            for each in switches
            for drops in each.port_drops
        ),
    )
    yield from _attributes(gauge, "switch", switches, _SWITCH_GAUGES)
    yield from _attributes(counter, "switch", switches, _SWITCH_COUNTERS)


def of_hosts(hosts: Sequence[HostStatus]) -> Iterator[Metric]:
    yield gauge(
        "pusher_up",
        "Whether there is a connection to the host's pusher",
        ("host",),
        (((each.name,), each.state is HostState.READY) for each in hosts),
    )
    yield from _attributes(counter, "host", hosts, _PUSHER_COUNTERS, prefix="pusher")
    yield gauge(
        "flows",
        "TCP clients that the host's pusher knows",
        ("host",),
        (((each.name,), each.flows) for each in hosts),
    )
    for attribute, name, help_text in _LINK_GAUGES:
        yield gauge(
            f"host_link_{name}",
            help_text,
            ("host",),
            (((each.name,), getattr(each.link, attribute)) for each in hosts if each.link),
        )
    yield counter(
        "flow_events",
        "What became of pulls and flow pushes",
        ("host", "event"),
        (
            ((each.name, event), count)
            for each in hosts
            for event, count in each.flow_counters.items()
        ),
    )


def of_streams(streams: Sequence[StreamStatus]) -> Iterator[Metric]:
    yield gauge(
        "stream_state",
        "1 for the state that the stream is in",
        ("stream", "state"),
        (((each.name, state), each.state is state) for each in streams for state in StreamState),
    )
    yield from _attributes(gauge, "stream", streams, _STREAM_GAUGES)
    yield from _attributes(counter, "stream", streams, _STREAM_COUNTERS)


def of_counters(counters: Sequence[SwitchCounters], max_members: int) -> Iterator[Metric]:
    """Bytes are those of the push frames, as the pipeline counts them."""
    groups = _members_by_group(counters)
    shown = _whole_groups(groups, max_members)
    yield from packets_and_bytes(
        "drop",
        "packets that the pipeline dropped",
        ("switch", "stage", "reason"),
        (
            ((switch.switch, stage, reason), value)
            for switch in counters
            for stage, reasons in (
                ("ingress", switch.ingress_drops),
                ("egress", switch.egress_drops),
            )
            for reason, value in reasons.items()
        ),
    )
    yield from packets_and_bytes(
        "push",
        "pushes that the switch took",
        ("group", "tree"),
        (
            ((each.group, str(each.tree)), each.value)
            for switch in counters
            for each in switch.trees
        ),
    )
    yield from packets_and_bytes(
        "replica",
        "copies that the switch made",
        ("group",),
        (((group,), _sum(members)) for group, members in groups.items()),
    )
    yield from packets_and_bytes(
        "member",
        "copies made for one member",
        ("group", "member"),
        (((each.group, each.member), each.value) for each in shown),
    )
    yield gauge(
        "members_not_shown",
        "Members that are too many to be broken down here",
        (),
        [((), sum(map(len, groups.values())) - len(shown))],
    )
    yield counter(
        "punts",
        "Packets that the switch handed to the controller",
        ("switch", "reason"),
        (
            ((switch.switch, reason), count)
            for switch in counters
            for reason, count in switch.punts.punted.items()
        ),
    )


def _members_by_group(counters: Iterable[SwitchCounters]) -> dict[str, list[MemberCounter]]:
    groups: dict[str, list[MemberCounter]] = {}
    for switch in counters:
        for member in switch.members:
            groups.setdefault(member.group, []).append(member)
    return dict(sorted(groups.items()))


def _whole_groups(groups: Mapping[str, list[MemberCounter]], limit: int) -> list[MemberCounter]:
    """A group's members show together or not at all: a sum over them then means something."""
    shown: list[MemberCounter] = []
    for members in groups.values():
        if len(shown) + len(members) <= limit:
            shown += members
    return shown


def _sum(members: Iterable[MemberCounter]) -> CounterValue:
    values = [member.value for member in members]
    return CounterValue(sum(each.packets for each in values), sum(each.bytes for each in values))


def _attributes(
    family: Callable[[str, str, Labels, Rows], Metric],
    label: str,
    statuses: Sequence[SwitchStatus | HostStatus | StreamStatus],
    shown: Iterable[tuple[str, str, str]],
    *,
    prefix: str | None = None,
) -> Iterator[Metric]:
    for attribute, name, help_text in shown:
        get = attrgetter(attribute)
        rows = [((each.name,), get(each)) for each in statuses]
        yield family(f"{prefix or label}_{name}", help_text, (label,), rows)
