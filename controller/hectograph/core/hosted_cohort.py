# SPDX-License-Identifier: Apache-2.0
"""One host's cohort, as its pusher tells of it, and the entries of its members."""

from dataclasses import dataclass, field
from enum import StrEnum

from hectograph.core.checksum import tcp_member_sum
from hectograph.core.cohort_group import CohortGroup
from hectograph.core.cohorts import CohortMember
from hectograph.core.entities import TcpMemberEntry

WINDOW = 0xFFFF
"""In replicas: nothing more is expected from the client than acknowledgements."""


class Refusal(StrEnum):
    """Why a member got no entry."""

    NUMBERS = "numbers"
    """No group number has rested long enough."""
    TREES = "trees"
    """All of the cohorts' replication trees are in use."""
    GROUPS = "groups"
    """The cohort has as many as a pusher takes."""
    MEMBERS = "members"
    """The switch's member table is full."""
    SWITCH = "switch"
    """The switch refused an entry, the tree, or the way to it."""


Key = tuple[str, int]
"""Host, and its number of the cohort."""


@dataclass(slots=True)
class HostedCohort:
    key: Key
    groups: list[CohortGroup] = field(default_factory=list[CohortGroup])
    place: dict[int, CohortGroup] = field(default_factory=dict[int, CohortGroup])
    """By instance."""
    waiting: dict[int, float] = field(default_factory=dict[int, float])
    """Instances that no answer was given for, and since when."""
    entered: list[int] = field(default_factory=list[int])
    refused: list[int] = field(default_factory=list[int])
    """To be answered."""
    dissolved: bool = False


def entry_of(group: int, member: CohortMember) -> TcpMemberEntry:
    return TcpMemberEntry(
        group=group,
        instance=member.instance,
        dst_mac=member.client_mac,
        src_mac=member.service_mac,
        vlan_tci=member.vlan_tci,
        src_addr=member.service,
        dst_addr=member.client,
        src_port=member.service_port,
        dst_port=member.client_port,
        member_sum=tcp_member_sum(
            member.service,
            member.client,
            member.service_port,
            member.client_port,
            member.acknowledgement,
            WINDOW,
        ),
        sequence_base=member.sequence_base,
        ack_no=member.acknowledgement,
        window=WINDOW,
    )
