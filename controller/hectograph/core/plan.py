# SPDX-License-Identifier: Apache-2.0
"""From the desired state to what shall stand on one switch."""

import time
from collections.abc import Callable, Iterable

from hectograph import wire
from hectograph.core.checksum import udp_member_sum
from hectograph.core.entities import PuntMeter, Replica, Tables, UdpMemberEntry
from hectograph.core.hosting import Views
from hectograph.core.model import Source
from hectograph.core.records import MemberRecord
from hectograph.core.state import State
from hectograph.core.tcp_plan import plan_tcp
from hectograph.core.validate import mac_number

# Enough for a rack of clients that all ask at once who their source is, and little
# enough that a flood of them costs the controller nothing.
PUNT_METERS = (
    PuntMeter(wire.PUNT_ARP, rate=500, burst=500),
    PuntMeter(wire.PUNT_NEIGHBOUR_DISCOVERY, rate=500, burst=500),
    PuntMeter(wire.PUNT_UNKNOWN, rate=50, burst=50),
)


def member_entry(record: MemberRecord, group_source: Source) -> UdpMemberEntry:
    """The headers of this member's copies."""
    member = record.member
    source = member.source or group_source
    address = source.ipv4 if member.address.version == 4 else source.ipv6
    assert address is not None  # edits.py lets no such member in
    return UdpMemberEntry(
        group=record.slot.tree,
        instance=record.slot.instance,
        dst_mac=mac_number(member.mac),
        src_mac=mac_number(source.mac),
        vlan_tci=0 if member.vlan is None else member.priority << 13 | member.vlan,
        src_addr=address,
        dst_addr=member.address,
        hop_limit=member.hop_limit,
        src_port=source.udp_port,
        dst_port=member.udp_port,
        member_sum=udp_member_sum(address, member.address, source.udp_port, member.udp_port),
    )


_Made = tuple[MemberRecord, Source, UdpMemberEntry]
"""An entry and what it was made from: while those are the same objects, so is the entry."""


class Planner:
    """Keeps one switch's planned tables in step with the state, tree by tree.

    A tree's plan names itself in all three places: push_group g → multicast group g,
    member entries (g, instance).
    """

    def __init__(self, state: State, switch: str, views: Callable[[], Views] = dict) -> None:
        """`views`: of the hosts, with times on the monotonic clock."""
        self._state = state
        self._switch = switch
        self._views = views
        self._made: dict[int, dict[int, _Made]] = {}
        self.tables = Tables()

    def refresh(self) -> None:
        """Plan everything anew."""
        self.tables = Tables()
        for meter in PUNT_METERS:
            self.tables.put(meter)
        self.refresh_ports()
        self.refresh_tcp()
        trees = self._state.switch(self._switch).trees
        self._made = {id_: made for id_, made in self._made.items() if id_ in trees}
        self.refresh_trees(trees)

    def refresh_ports(self) -> None:
        self.tables.host_ports = set(self._state.switch(self._switch).switch.host_ports)

    def refresh_tcp(self) -> None:
        """Objects that are as before stay the same objects."""
        plan = plan_tcp(self._state, self._switch, self._views(), time.monotonic())
        old = self.tables.tcp
        self.tables.tcp = {
            name: old[name] if old.get(name) == entity else entity
            for name, entity in plan.entities.items()
        }
        self.tables.undecided = plan.undecided

    def is_planned(self, record: MemberRecord) -> bool:
        """Is this very record in the plan, and not one that it replaced?"""
        made = self._made.get(record.slot.tree, {}).get(record.slot.instance)
        return made is not None and made[0] is record

    def refresh_trees(self, trees: Iterable[int]) -> None:
        for tree in trees:
            self._refresh_tree(tree)

    def _refresh_tree(self, id_: int) -> None:
        self.tables.push_groups.pop(id_, None)
        self.tables.trees.pop(id_, None)
        self.tables.members.pop(id_, None)
        made = self._made.pop(id_, {})
        tree = self._state.switch(self._switch).trees.get(id_)
        if tree is None:
            return
        source = self._state.group(tree.record.group).group.source
        self._made[id_] = {
            instance: _made(record, source, made.get(instance))
            for instance, record in tree.members.items()
        }
        self.tables.push_groups[id_] = id_
        self.tables.trees[id_] = frozenset(
            Replica(record.member.port, instance) for instance, record in tree.members.items()
        )
        if tree.members:
            self.tables.members[id_] = {
                instance: entry for instance, (_, _, entry) in self._made[id_].items()
            }


def _made(record: MemberRecord, source: Source, old: _Made | None) -> _Made:
    if old is not None and old[0] is record and old[1] is source:
        return old
    return record, source, member_entry(record, source)
