# SPDX-License-Identifier: Apache-2.0
"""Cohorts (core/cohorts.py) in the host protocol's messages."""

from collections.abc import Iterator

from hectograph import wire
from hectograph.core.cohorts import (
    CohortEntry,
    CohortEvent,
    CohortLeft,
    CohortMember,
    CohortMemberState,
    CohortPhase,
    CohortSettings,
    CohortState,
    LeftReason,
)
from hectograph.errors import InvalidInput
from hectograph.pusher import pusher_pb2 as pb
from hectograph.pusher.flows import MAC_BYTES, address_of

MAX_16_BITS = 0xFFFF
ENTER_MEMBERS = 512
"""pusher.options: how many a request has room for."""

REASONS = {
    pb.CohortLeft.LONE: LeftReason.LONE,
    pb.CohortLeft.LATE: LeftReason.LATE,
    pb.CohortLeft.ALL_SENT: LeftReason.ALL_SENT,
    pb.CohortLeft.BEHIND: LeftReason.BEHIND,
    pb.CohortLeft.SILENT: LeftReason.SILENT,
    pb.CohortLeft.RESET: LeftReason.RESET,
    pb.CohortLeft.CLOSED: LeftReason.CLOSED,
    pb.CohortLeft.PATH: LeftReason.PATH,
    pb.CohortLeft.DISSOLVED: LeftReason.DISSOLVED,
}
_PHASES = {
    pb.Cohort.FORMING: CohortPhase.FORMING,
    pb.Cohort.RUNNING: CohortPhase.RUNNING,
}


def watch_message(settings: CohortSettings) -> pb.WatchCohorts:
    return pb.WatchCohorts(
        window_microseconds=round(settings.window_seconds * 1e6),
        patience_microseconds=round(settings.patience_seconds * 1e6),
        members=settings.max_members,
    )


def event_of(message: pb.CohortEvent) -> CohortEvent:
    """InvalidInput: it tells of what cannot be."""
    try:
        return CohortEvent(
            cohort=message.cohort,
            content=message.content,
            joined=tuple([_member(each) for each in message.joined]),
            left=tuple([CohortLeft(each.instance, REASONS[each.reason]) for each in message.left]),
            ended=message.ended,
            groups=tuple(message.groups),
            entered=message.entered,
        )
    except (KeyError, ValueError) as error:
        raise InvalidInput(
            f"an event that cannot be: {error}", where=f"cohort {message.cohort}"
        ) from error


def _member(message: pb.CohortMember) -> CohortMember:
    """ValueError: no entry can be written for it."""
    member = CohortMember(
        instance=message.instance,
        client=address_of(message.client_address),
        client_port=message.client_port,
        service=address_of(message.service_address),
        service_port=message.service_port,
        client_mac=int.from_bytes(message.client_mac),
        service_mac=int.from_bytes(message.service_mac),
        vlan_tci=message.vlan_tci,
        port=message.port,
        sequence_base=message.sequence_base,
        acknowledgement=message.acknowledgement,
    )
    numbers = (member.instance, member.client_port, member.service_port, member.vlan_tci)
    if (
        not member.instance
        or max(numbers) > MAX_16_BITS
        or member.port >= wire.DROP_PORT
        or {len(message.client_mac), len(message.service_mac)} != {MAC_BYTES}
        or member.client.version != member.service.version
    ):
        raise ValueError(f"{member} can have no entry")
    return member


def entry_messages(entry: CohortEntry) -> Iterator[pb.EnterCohort]:
    """As many as it takes."""
    step = ENTER_MEMBERS
    for start in range(0, max(len(entry.entered), len(entry.refused), 1), step):
        yield pb.EnterCohort(
            cohort=entry.cohort,
            groups=entry.groups,
            entered=entry.entered[start : start + step],
            refused=entry.refused[start : start + step],
        )


def cohort_of(message: pb.Cohort) -> CohortState:
    return CohortState(
        cohort=message.cohort,
        content=message.content,
        phase=_PHASES[message.state],
        members=message.members,
        groups=tuple(message.groups),
        length=message.length,
        sent=message.sent,
        acked=message.acked,
        segment_bytes=message.segment_bytes,
        congestion_window=message.congestion_window,
        rtt_seconds=message.rtt_microseconds / 1e6,
        age_seconds=message.age_microseconds / 1e6,
        pushes=message.pushes,
        payload_bytes=message.payload_bytes,
        repairs=message.repairs,
        repair_bytes=message.repair_bytes,
        group_repairs=message.group_repairs,
        joined_late=message.joined_late,
        left={reason: message.left[n] for n, reason in REASONS.items() if n < len(message.left)},
    )


def cohort_member_of(message: pb.CohortMemberState) -> CohortMemberState:
    return CohortMemberState(
        instance=message.instance,
        client=address_of(message.client_address),
        client_port=message.client_port,
        entered=message.entered,
        acked=message.acked,
        window=message.window,
        repair_bytes=message.repair_bytes,
    )
