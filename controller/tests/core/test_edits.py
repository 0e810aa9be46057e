# SPDX-License-Identifier: Apache-2.0
"""Operations on the desired state: what they change, and what they refuse."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from fakes.examples import GROUP, HOST, SOURCE, STREAM, SWITCH, member

from hectograph.core import edits
from hectograph.core.model import Member
from hectograph.core.records import Edit
from hectograph.core.state import State
from hectograph.core.status import Slot
from hectograph.errors import Conflict, InvalidInput, LimitExceeded, NotFound


@pytest.fixture
def state() -> State:
    state = State()
    state.apply(edits.put_switch(state, SWITCH))
    state.apply(edits.put_group(state, GROUP))
    return state


def join(state: State, *members: Member) -> None:
    for each in members:
        state.apply(edits.put_member(state, each))


def slots(state: State, group: str = "g") -> dict[str, Slot]:
    return {name: record.slot for name, record in state.group(group).members.items()}


def use_profile(state: State, profile: str) -> None:
    state.apply(edits.put_switch(state, replace(SWITCH, profile=profile)))


def allow_split(state: State) -> None:
    state.apply(edits.put_group(state, replace(GROUP, split=True)))


class TestMembers:
    def test_slots_are_given_in_turn(self, state: State) -> None:
        join(state, member(1), member(2))
        assert slots(state) == {"m1": Slot(1, 1), "m2": Slot(1, 2)}

    def test_putting_the_same_again_changes_nothing(self, state: State) -> None:
        join(state, member(1))
        assert not edits.put_member(state, member(1))

    def test_a_change_keeps_the_slot(self, state: State) -> None:
        join(state, member(1))
        join(state, replace(member(1), udp_port=6001))
        assert slots(state) == {"m1": Slot(1, 1)}
        assert state.member("g", "m1").member.udp_port == 6001

    def test_another_port_is_another_slot(self, state: State) -> None:
        """So that the new copy can be ready before the old one ends."""
        join(state, member(1))
        join(state, replace(member(1), port=9))
        assert slots(state) == {"m1": Slot(1, 2)}
        assert state.group("g").trees[1].load == {3: 0, 9: 1}

    def test_a_freed_instance_is_not_taken_at_once(self, state: State) -> None:
        join(state, member(1), member(2))
        state.apply(edits.delete_member(state, "g", "m2"))
        join(state, member(3))
        assert slots(state) == {"m1": Slot(1, 1), "m3": Slot(1, 3)}

    def test_instances_begin_again_after_the_last(self, state: State) -> None:
        join(state, member(1))
        tree = state.group("g").trees[1]
        state.apply(Edit(puts=(replace(tree.record, next_instance=0xFFFF),)))
        join(state, member(2), member(3))
        assert slots(state) == {"m1": Slot(1, 1), "m2": Slot(1, 0xFFFF), "m3": Slot(1, 2)}

    def test_equal_members_are_refused_naming_both(self, state: State) -> None:
        join(state, member(1))
        with pytest.raises(Conflict, match="member m1") as caught:
            edits.put_member(state, replace(member(1), name="twin"))
        assert caught.value.where == "member g/twin"

    def test_the_mac_is_compared_as_a_number(self, state: State) -> None:
        join(state, replace(member(1), mac="02:00:00:00:0a:0b"))
        with pytest.raises(Conflict):
            edits.put_member(state, replace(member(1), name="twin", mac="02:00:00:00:0A:0B"))

    def test_a_vlan_makes_a_difference(self, state: State) -> None:
        join(state, member(1), replace(member(1), name="tagged", vlan=7))
        assert len(slots(state)) == 2

    def test_a_family_that_the_source_lacks_is_refused(self, state: State) -> None:
        state.apply(edits.put_group(state, replace(GROUP, source=replace(SOURCE, ipv6=None))))
        join(state, member(1))
        with pytest.raises(InvalidInput, match="IPv6") as caught:
            edits.put_member(state, member(2))
        assert caught.value.where == "member g/m2 address"
        join(state, replace(member(2), source=SOURCE))

    def test_a_source_that_a_member_needs_cannot_be_taken_away(self, state: State) -> None:
        join(state, member(1))
        with pytest.raises(InvalidInput, match="member g/m1"):
            edits.put_group(state, replace(GROUP, source=replace(SOURCE, ipv4=None)))

    def test_a_missing_port_is_refused(self, state: State) -> None:
        state.apply(edits.put_switch(state, replace(SWITCH, ports=frozenset({1, 2, 3}))))
        join(state, member(1))
        with pytest.raises(InvalidInput, match="no port 4; its ports: 1, 2, 3") as caught:
            edits.put_member(state, member(2))
        assert caught.value.where == "member g/m2 port"

    def test_an_unknown_group(self, state: State) -> None:
        with pytest.raises(NotFound, match="no group nobody"):
            edits.put_member(state, member(1, group="nobody"))

    def test_an_unknown_member(self, state: State) -> None:
        with pytest.raises(NotFound, match="group g: member m1"):
            edits.delete_member(state, "g", "m1")


class TestWholeSets:
    def test_who_stays_keeps_the_slot(self, state: State) -> None:
        join(state, member(1), member(2))
        state.apply(edits.put_members(state, "g", [member(2), member(3)]))
        assert slots(state) == {"m2": Slot(1, 2), "m3": Slot(1, 3)}

    def test_two_may_swap_their_places(self, state: State) -> None:
        join(state, member(1), member(2))
        swapped = [replace(member(1), name="m2"), replace(member(2), name="m1")]
        state.apply(edits.put_members(state, "g", swapped))
        assert {m.member for m in state.group("g").members.values()} == set(swapped)
        join(state, *swapped)
        with pytest.raises(Conflict):
            join(state, replace(member(1), name="third"))

    def test_all_or_nothing(self, state: State) -> None:
        join(state, member(1))
        bad = [member(2), replace(member(3), port=0)]
        with pytest.raises(InvalidInput, match="member g/m3 port"):
            edits.put_members(state, "g", bad)
        assert slots(state) == {"m1": Slot(1, 1)}

    def test_a_name_twice(self, state: State) -> None:
        with pytest.raises(InvalidInput, match="twice"):
            edits.put_members(state, "g", [member(1), replace(member(2), name="m1")])

    def test_a_destination_twice(self, state: State) -> None:
        with pytest.raises(Conflict, match="member m1"):
            edits.put_members(state, "g", [member(1), replace(member(1), name="twin")])

    def test_a_member_of_another_group(self, state: State) -> None:
        with pytest.raises(InvalidInput, match="it says group h"):
            edits.put_members(state, "g", [member(1, group="h")])

    def test_the_last_tree_stays_when_all_leave(self, state: State) -> None:
        join(state, member(1))
        state.apply(edits.put_members(state, "g", []))
        assert list(state.group("g").trees) == [1]


class TestLimits:
    def test_more_copies_than_a_queue_takes_are_refused(self, state: State) -> None:
        use_profile(state, "bmv2")
        limit = 64
        join(state, *(member(i, port=2) for i in range(1, limit + 1)))
        with pytest.raises(LimitExceeded) as caught:
            join(state, member(limit + 1, port=2))
        assert f"{limit + 1} replicas on port 2" in caught.value.message
        assert f"takes {limit}" in caught.value.message
        join(state, member(limit + 1, port=3))

    def test_or_the_group_is_split(self, state: State) -> None:
        use_profile(state, "bmv2")
        allow_split(state)
        join(state, *(member(i, port=2) for i in range(1, 131)))
        assert [len(tree.members) for tree in state.group("g").trees.values()] == [64, 64, 2]

    def test_an_emptied_tree_goes(self, state: State) -> None:
        use_profile(state, "bmv2")
        allow_split(state)
        join(state, *(member(i, port=2) for i in range(1, 66)))
        state.apply(edits.delete_member(state, "g", "m65"))
        assert list(state.group("g").trees) == [1]
        assert list(state.switch("s1").trees) == [1]
        join(state, member(66, port=2))
        assert list(state.group("g").trees) == [1, 3], "a freed tree's id is not taken at once"

    def test_no_longer_split(self, state: State) -> None:
        use_profile(state, "bmv2")
        allow_split(state)
        join(state, *(member(i, port=2) for i in range(1, 66)))
        with pytest.raises(LimitExceeded):
            edits.put_group(state, GROUP)
        state.apply(edits.delete_member(state, "g", "m1"))
        state.apply(edits.put_group(state, GROUP))
        assert {slot.tree for slot in slots(state).values()} == {1}

    def test_a_profile_that_would_lose_copies(self, state: State) -> None:
        join(state, *(member(i, port=2) for i in range(1, 66)))
        with pytest.raises(LimitExceeded, match="group g has 65 replicas on port 2"):
            use_profile(state, "bmv2")

    def test_members_of_all_groups_together(self, state: State) -> None:
        use_profile(state, "bmv2")
        state.apply(edits.put_group(state, replace(GROUP, name="h")))
        first = [member(i, port=1 + i % 500) for i in range(1, 4096)]
        state.apply(edits.put_members(state, "g", first))
        join(state, member(1, group="h"))
        with pytest.raises(LimitExceeded, match="holds 4096 members"):
            join(state, member(2, group="h"))
        state.apply(edits.delete_member(state, "g", "m1"))
        join(state, member(2, group="h"))


class TestOthers:
    def test_what_is_in_use_stays(self, state: State) -> None:
        state.apply(edits.put_host(state, HOST))
        state.apply(edits.put_stream(state, STREAM, "1"))
        with pytest.raises(Conflict, match="host h1, group g"):
            edits.delete_switch(state, "s1")
        with pytest.raises(Conflict, match="stream film"):
            edits.delete_group(state, "g")
        with pytest.raises(Conflict, match="stream film"):
            edits.delete_host(state, "h1")
        state.apply(edits.delete_stream(state, "film"))
        state.apply(edits.delete_group(state, "g"))
        state.apply(edits.delete_host(state, "h1"))
        state.apply(edits.delete_switch(state, "s1"))
        assert not state.switches

    def test_a_group_takes_its_members_along(self, state: State) -> None:
        join(state, member(1), member(2))
        state.apply(edits.delete_group(state, "g"))
        assert state.switch("s1").member_count == 0
        assert not state.switch("s1").trees

    def test_a_group_does_not_move(self, state: State) -> None:
        state.apply(edits.put_switch(state, replace(SWITCH, name="s2")))
        with pytest.raises(Conflict, match="it is on switch s1"):
            edits.put_group(state, replace(GROUP, switch="s2"))

    def test_a_host_is_plugged_into_a_host_port(self, state: State) -> None:
        with pytest.raises(InvalidInput, match="2 is not a host port of switch s1; those are: 1"):
            edits.put_host(state, replace(HOST, port=2))
        state.apply(edits.put_host(state, HOST))
        with pytest.raises(InvalidInput, match="host h1 port"):
            edits.put_switch(state, replace(SWITCH, host_ports=frozenset({2})))

    def test_one_host_per_pusher(self, state: State) -> None:
        state.apply(edits.put_host(state, HOST))
        with pytest.raises(Conflict, match="host h1's pusher"):
            edits.put_host(state, replace(HOST, name="h2"))

    def test_a_stream_joins_what_is_on_one_switch(self, state: State) -> None:
        state.apply(edits.put_switch(state, replace(SWITCH, name="s2")))
        state.apply(edits.put_host(state, replace(HOST, switch="s2")))
        with pytest.raises(InvalidInput, match="host h1 is on switch s2, group g on s1"):
            edits.put_stream(state, STREAM, "1")

    def test_a_stream_that_stays_keeps_its_run(self, state: State) -> None:
        state.apply(edits.put_host(state, HOST))
        state.apply(edits.put_stream(state, STREAM, "1"))
        assert not edits.put_stream(state, STREAM, "2")
        state.apply(edits.put_stream(state, replace(STREAM, loop=True), "3"))
        assert state.stream("film").run == "3"


class TestSegments:
    @pytest.fixture(autouse=True)
    def ipv4_only(self, state: State) -> None:
        state.apply(edits.put_host(state, HOST))
        state.apply(edits.put_group(state, replace(GROUP, source=replace(SOURCE, ipv6=None))))

    def test_the_largest_that_ipv4_carries(self, state: State) -> None:
        edits.put_stream(state, replace(STREAM, segment_bytes=1472), "1")
        with pytest.raises(LimitExceeded, match=r"1473 bytes.*MTU of 1500, less 28.*is 1472"):
            edits.put_stream(state, replace(STREAM, segment_bytes=1473), "1")

    def test_an_ipv6_member_needs_smaller_ones(self, state: State) -> None:
        state.apply(edits.put_stream(state, replace(STREAM, segment_bytes=1472), "1"))
        with pytest.raises(LimitExceeded, match=r"less 48.*is 1452"):
            join(state, replace(member(2), source=SOURCE))
        join(state, member(1))

    def test_so_does_a_source_that_admits_them(self, state: State) -> None:
        state.apply(edits.put_stream(state, replace(STREAM, segment_bytes=1472), "1"))
        with pytest.raises(LimitExceeded, match=r"less 48.*is 1452"):
            edits.put_group(state, GROUP)

    def test_a_smaller_mtu_is_refused(self, state: State) -> None:
        state.apply(edits.put_stream(state, replace(STREAM, segment_bytes=1472), "1"))
        with pytest.raises(LimitExceeded, match="MTU of 1499"):
            edits.put_switch(state, replace(SWITCH, mtu=1499))


def test_a_source_override_is_known_while_a_member_has_it(state: State) -> None:
    other = replace(SOURCE, ipv4=IPv4Address("198.51.100.9"))
    join(state, replace(member(1), source=other), replace(member(3), source=other))
    state.apply(edits.delete_member(state, "g", "m1"))
    assert list(state.group("g").sources) == [other]
    state.apply(edits.delete_member(state, "g", "m3"))
    assert not state.group("g").sources
