# SPDX-License-Identifier: Apache-2.0
"""Members of cohorts, and a pusher's side of what is said of them."""

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from hectograph.core.cohorts import (
    CohortEntry,
    CohortEvent,
    CohortLeft,
    CohortMember,
    CohortMemberState,
    CohortPhase,
    CohortState,
    LeftReason,
)

FIRST_PORT = 2
EVENT_MEMBERS = 128
"""pusher.options"""


def cohort_member(client: int, *, instance: int | None = None, ports: int = 8) -> CohortMember:
    """Client number `client`: half IPv4, half IPv6, on so many ports in turn."""
    v4 = client % 2 == 0
    return CohortMember(
        instance=client if instance is None else instance,
        client=IPv4Address("10.1.0.0") + client if v4 else IPv6Address("2001:db8:2::") + client,
        client_port=40_000 + client % 20_000,
        service=IPv4Address("198.51.100.7") if v4 else IPv6Address("2001:db8:1::1"),
        service_port=8001 if v4 else 80,
        client_mac=0x0200_0001_0000 + client,
        service_mac=0x0200_0000_00AA,
        vlan_tci=0,
        port=FIRST_PORT + client % ports,
        sequence_base=client << 12,
        acknowledgement=client << 8,
    )


@dataclass
class FakeCohort:
    """One at a pusher, which keeps to the protocol."""

    number: int
    content: int = 1
    members: dict[int, CohortMember] = field(default_factory=dict[int, CohortMember])
    entered: set[int] = field(default_factory=set[int])
    groups: tuple[int, ...] = ()
    clients: dict[int, CohortMember] = field(default_factory=dict[int, CohortMember])
    """All that were ever in it."""
    refused: Counter[int] = field(default_factory=Counter[int])

    def join(self, *members: CohortMember) -> CohortEvent:
        assert not self.clients.keys() & {each.instance for each in members}
        for each in members:
            self.members[each.instance] = self.clients[each.instance] = each
        return CohortEvent(self.number, self.content, joined=members)

    def leave(self, *instances: int, reason: LeftReason = LeftReason.ALL_SENT) -> CohortEvent:
        for instance in instances:
            del self.members[instance]
            self.entered.discard(instance)
        left = tuple(CohortLeft(instance, reason) for instance in instances)
        return CohortEvent(self.number, self.content, left=left)

    def end(self, reason: LeftReason = LeftReason.ALL_SENT) -> CohortEvent:
        event = self.leave(*self.members, reason=reason)
        return CohortEvent(self.number, self.content, left=event.left, ended=True)

    def first_events(self) -> list[CohortEvent]:
        """What a new watcher is told: those that got no entry have gone alone."""
        self.members = {i: each for i, each in self.members.items() if i in self.entered}
        members = list(self.members.values())
        events: list[CohortEvent] = []
        for start in range(0, max(len(members), 1), EVENT_MEMBERS):
            some = tuple(members[start : start + EVENT_MEMBERS])
            groups = self.groups if start == 0 else ()
            events.append(CohortEvent(self.number, self.content, some, (), False, groups, True))
        return events

    def state(self) -> CohortState:
        """Half is sent, and the last member has half of that."""
        return CohortState(
            cohort=self.number,
            content=self.content,
            phase=CohortPhase.RUNNING if self.entered else CohortPhase.FORMING,
            members=len(self.members),
            groups=self.groups,
            length=1_000_000,
            sent=500_000,
            acked=250_000,
            segment_bytes=1408,
            congestion_window=100_000,
            rtt_seconds=0.001,
            age_seconds=1.5,
            pushes=400,
            payload_bytes=510_000,
            repairs=3,
            repair_bytes=4224,
            group_repairs=7,
            joined_late=1,
        )

    def member_states(self) -> list[CohortMemberState]:
        return [
            CohortMemberState(
                instance=instance,
                client=member.client,
                client_port=member.client_port,
                entered=instance in self.entered,
                acked=250_000 + instance,
                window=65_536,
                repair_bytes=1408,
            )
            for instance, member in self.members.items()
        ]

    def enter(self, entry: CohortEntry) -> list[int]:
        """Take the answer; who goes alone because of it."""
        self.groups = entry.groups
        self.refused.update(entry.refused)
        if not entry.groups:
            return list(self.members)
        self.entered |= set(entry.entered) & self.members.keys()
        return [instance for instance in entry.refused if instance in self.members]
