# SPDX-License-Identifier: Apache-2.0
"""Planned entries, value by value."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from fakes.examples import GROUP, SOURCE, SWITCH, member

from hectograph import wire
from hectograph.core import edits
from hectograph.core.entities import Replica, UdpMemberEntry
from hectograph.core.plan import Planner, member_entry
from hectograph.core.records import MemberRecord
from hectograph.core.state import State
from hectograph.core.status import Slot


@pytest.fixture
def state() -> State:
    state = State()
    state.apply(edits.put_switch(state, SWITCH))
    state.apply(edits.put_group(state, GROUP))
    state.apply(edits.put_members(state, "g", [member(1), member(2)]))
    return state


@pytest.fixture
def planner(state: State) -> Planner:
    planner = Planner(state, "s1")
    planner.refresh()
    return planner


def test_ipv4_entry() -> None:
    tagged = replace(member(1), vlan=100, priority=5, hop_limit=7)
    assert member_entry(MemberRecord(tagged, Slot(3, 9)), SOURCE) == UdpMemberEntry(
        group=3,
        instance=9,
        dst_mac=0x020000010001,
        src_mac=0x020000000001,
        vlan_tci=5 << 13 | 100,
        src_addr=IPv4Address("198.51.100.1"),
        dst_addr=IPv4Address("203.0.113.1"),
        hop_limit=7,
        src_port=5000,
        dst_port=6000,
        # c633 + 6401 + cb00 + 7101 + 17 + 5000 + 6000, carries added back
        member_sum=(0xC633 + 0x6401 + 0xCB00 + 0x7101 + 17 + 5000 + 6000) % 0xFFFF,
    )


def test_ipv6_entry_with_a_source_of_its_own() -> None:
    other = replace(SOURCE, ipv6=IPv6Address("2001:db8::9"), udp_port=53)
    entry = member_entry(MemberRecord(replace(member(2), source=other), Slot(1, 1)), SOURCE)
    assert entry.src_addr == IPv6Address("2001:db8::9")
    assert entry.src_port == 53
    assert entry.vlan_tci == 0


def test_a_tree_names_itself_in_all_places(planner: Planner) -> None:
    tables = planner.tables
    assert tables.push_groups == {1: 1}
    assert tables.trees == {1: {Replica(3, 1), Replica(4, 2)}}
    assert {(e.group, e.instance) for e in tables.members[1].values()} == {(1, 1), (1, 2)}
    assert tables.host_ports == {1}
    assert tables.meters.keys() == set(wire.PUNT_REASONS)


def test_only_what_changed_is_made_anew(state: State, planner: Planner) -> None:
    before = planner.tables.members[1]
    state.apply(edits.put_member(state, replace(member(2), udp_port=1)))
    planner.refresh_trees([1])
    after = planner.tables.members[1]
    assert after[1] is before[1]
    assert after[2].dst_port == 1


def test_a_new_group_source_reaches_every_entry(state: State, planner: Planner) -> None:
    state.apply(edits.put_group(state, replace(GROUP, source=replace(SOURCE, udp_port=9))))
    planner.refresh_trees([1])
    assert {entry.src_port for entry in planner.tables.members[1].values()} == {9}


def test_a_deleted_group_leaves_nothing(state: State, planner: Planner) -> None:
    state.apply(edits.delete_group(state, "g"))
    planner.refresh_trees([1])
    assert not planner.tables.tree_ids()


def test_a_record_that_was_replaced_is_not_the_planned_one(state: State, planner: Planner) -> None:
    old = state.member("g", "m1")
    assert planner.is_planned(old)
    state.apply(edits.put_member(state, replace(member(1), hop_limit=1)))
    assert not planner.is_planned(state.member("g", "m1"))
