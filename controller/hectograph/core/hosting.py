# SPDX-License-Identifier: Apache-2.0
"""Which hosts answer for which contents: what is known of them, and what follows. Pure.

A content is served by a set of hosts. Its flows are spread over 16 buckets by a hash in
the pipeline (p4/shared/pull.p4), each bucket has one host of the set, and a host that is
away for longer than a moment is replaced by the others: a flow's state is in its own
acknowledgements, so any host that has the content can go on with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from hectograph.core.contents import ContentPhase, ContentState
from hectograph.core.flows import BUCKETS
from hectograph.core.records import ContentRecord

GRACE_SECONDS = 2.0
"""A pusher that was killed is back sooner, with its flows: nobody takes them over before."""


@dataclass(frozen=True, slots=True)
class HostView:
    """One host, as last seen."""

    mac: int | None = None
    """Of its interface; None: never seen."""
    contents: Mapping[int, ContentState] = field(default_factory=dict[int, ContentState])
    """What its pusher has, by number."""
    away_since: float | None = None
    """On some clock: since when it does not answer; None while it does."""

    def is_away(self, now: float) -> bool:
        return self.away_since is not None and now - self.away_since >= GRACE_SECONDS

    def has(self, number: int) -> bool:
        """Can it answer for this content?"""
        content = self.contents.get(number)
        return content is not None and content.phase in (ContentPhase.READY, ContentPhase.DRAINING)


Views = Mapping[str, HostView]


def mapped(address: IPv4Address | IPv6Address) -> IPv6Address:
    """As the pipeline has it: IPv4 as ::ffff:a.b.c.d."""
    if address.version == 4:
        return IPv6Address(0xFFFF << 32 | int(address))
    return IPv6Address(int(address))


def assign_buckets(hosts: Sequence[str], able: Sequence[str]) -> tuple[str, ...]:
    """The host of each bucket: evenly over `hosts`; those of the unable go evenly to the
    able (not empty), and come back with them. Nothing else moves."""
    turn = 0
    assigned: list[str] = []
    for bucket in range(BUCKETS):
        owner = hosts[bucket % len(hosts)]
        if owner not in able:
            owner = able[turn % len(able)]
            turn += 1
        assigned.append(owner)
    return tuple(assigned)


def able_hosts(
    hosts: Sequence[str], contents: Sequence[ContentRecord], views: Views, now: float
) -> list[str]:
    """Those that can answer for all of these contents. A host that has just gone counts
    as able, and so do all that are there when none has everything."""
    there = [h for h in hosts if h in views and not views[h].is_away(now)]
    able = [
        host
        for host in there
        if views[host].away_since is not None
        or all(views[host].has(record.number) for record in contents)
    ]
    return able or there
