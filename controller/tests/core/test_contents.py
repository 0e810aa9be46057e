# SPDX-License-Identifier: Apache-2.0
"""Contents: their numbers and addresses, their life, and what that puts on a switch."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from fakes.examples import CONTENT, HOST, SERVING_SWITCH, VERSION, hosted

from hectograph.core import content_edits, edits
from hectograph.core.addressing import addresses, capacity, last_number
from hectograph.core.contents import ContentPhase
from hectograph.core.diff import Diff
from hectograph.core.entities import ContentAddress, Service, ServiceHost, Tables, TcpMeter
from hectograph.core.flows import BUCKETS
from hectograph.core.hosting import GRACE_SECONDS, HostView, assign_buckets
from hectograph.core.model import Addressing
from hectograph.core.publishing import next_step
from hectograph.core.records import ContentRecord, Leaving
from hectograph.core.state import State
from hectograph.core.tcp_plan import TcpPlan, plan_tcp
from hectograph.errors import Conflict, InvalidInput, LimitExceeded, NotFound

READY, WITHDRAWN = ContentPhase.READY, ContentPhase.WITHDRAWN


@pytest.fixture
def state() -> State:
    state = State()
    state.apply(edits.put_switch(state, SERVING_SWITCH))
    state.apply(edits.put_host(state, HOST))
    state.apply(edits.put_host(state, replace(HOST, name="h2", control="/run/2", port=9)))
    return state


def put(state: State, name: str = "film") -> ContentRecord:
    state.apply(content_edits.put_content(state, replace(CONTENT, name=name)))
    return state.content(name)


def serve(state: State, name: str = "film") -> ContentRecord:
    put(state, name)
    state.apply(content_edits.found_version(state, state.content(name), VERSION))
    state.apply(content_edits.published(state, state.content(name), 1280))
    return state.content(name)


def views(**phases: ContentPhase | None) -> dict[str, HostView]:
    """By host, what became of content 1 there."""
    return {
        host: HostView(mac=7, contents={} if phase is None else {1: hosted(1, phase)})
        for host, phase in phases.items()
    }


class TestAddresses:
    def test_ipv6_has_an_address_and_ipv4_a_port(self) -> None:
        assert SERVING_SWITCH.addressing is not None
        assert [where.url for where in addresses(SERVING_SWITCH.addressing, 3)] == [
            "http://[2001:db8:1::3]/",
            "http://198.51.100.7:8003/",
        ]

    @pytest.mark.parametrize(
        ("addressing", "last", "room"),
        [
            (Addressing("", IPv6Network("2001:db8::/64")), 65535, 16384),
            (Addressing("", IPv6Network("2001:db8::/125")), 7, 7),
            (Addressing("", None, IPv4Address(1), 65530), 6, 6),
            (Addressing("", IPv6Network("2001:db8::/64"), IPv4Address(1), 1), 65535, 8192),
        ],
    )
    def test_how_many(self, addressing: Addressing, last: int, room: int) -> None:
        assert (last_number(addressing), capacity(addressing)) == (last, room)


class TestPut:
    def test_again_changes_nothing_and_another_is_refused(self, state: State) -> None:
        put(state)
        assert not content_edits.put_content(state, CONTENT)
        with pytest.raises(Conflict, match="does not change"):
            content_edits.put_content(state, replace(CONTENT, type="text/plain"))

    def test_a_number_that_is_free_again_is_not_taken_at_once(self, state: State) -> None:
        record = put(state)
        state.apply(content_edits.remove_content(state, "film", Leaving.RESET))
        state.apply(content_edits.gone(state, state.content("film")))
        assert record.number == 1
        assert put(state).number == 2

    def test_one_that_failed_is_tried_anew_at_another_address(self, state: State) -> None:
        """Nobody must continue the old bytes with new ones."""
        record = serve(state)
        state.apply(content_edits.failed(state, record, "the file was written to"))
        again = put(state)
        assert again.number != record.number
        assert (again.version, again.response_bytes, again.error) == (None, None, None)

    def test_one_that_leaves_is_in_the_way(self, state: State) -> None:
        serve(state)
        state.apply(content_edits.remove_content(state, "film", Leaving.DRAIN))
        with pytest.raises(Conflict, match="last downloads"):
            content_edits.put_content(state, CONTENT)

    def test_refusals(self, state: State) -> None:
        with pytest.raises(NotFound, match="no host h9"):
            content_edits.put_content(state, replace(CONTENT, hosts=frozenset({"h9"})))
        with pytest.raises(InvalidInput, match="64 digits"):
            content_edits.put_content(state, replace(CONTENT, sha256="ABC"))
        with pytest.raises(InvalidInput, match="media type"):
            content_edits.put_content(state, replace(CONTENT, type="text"))
        put(state)
        with pytest.raises(Conflict, match="film"):
            edits.put_switch(state, replace(SERVING_SWITCH, addressing=None))
        with pytest.raises(Conflict, match="film"):
            edits.delete_switch(state, "s1")

    def test_no_room(self, state: State) -> None:
        small = Addressing("02:00:00:00:00:aa", IPv6Network("2001:db8::/127"))
        state.apply(edits.put_switch(state, replace(SERVING_SWITCH, addressing=small)))
        put(state)
        with pytest.raises(LimitExceeded, match="for 1"):
            put(state, "other")


class TestPublishing:
    """What its hosts say decides what becomes of a content."""

    def record(self, state: State) -> ContentRecord:
        put(state)
        state.apply(content_edits.found_version(state, state.content("film"), VERSION))
        return state.content("film")

    def test_when_every_host_is_ready(self, state: State) -> None:
        record = self.record(state)
        assert not next_step(state, record, views(h1=READY, h2=None), 0)
        state.apply(next_step(state, record, views(h1=READY, h2=READY), 0))
        assert state.content("film").response_bytes == 1280

    def test_a_host_that_cannot_stops_nobody(self, state: State) -> None:
        record = self.record(state)
        state.apply(next_step(state, record, views(h1=READY, h2=WITHDRAWN), 0))
        assert state.content("film").response_bytes == 1280

    def test_a_host_that_is_away_stops_nobody_for_long(self, state: State) -> None:
        record = self.record(state)
        seen = views(h1=READY, h2=None)
        seen["h2"] = replace(seen["h2"], away_since=5.0)
        assert not next_step(state, record, seen, 5.0)
        assert next_step(state, record, seen, 5.0 + GRACE_SECONDS)

    def test_failed_when_no_host_can(self, state: State) -> None:
        record = self.record(state)
        state.apply(next_step(state, record, views(h1=WITHDRAWN, h2=WITHDRAWN), 0))
        assert state.content("film").error == "withdrawn"

    def test_hosts_that_disagree(self, state: State) -> None:
        record = self.record(state)
        seen = views(h1=READY, h2=READY)
        other = replace(hosted(1, READY), response_bytes=1408)
        seen["h2"] = replace(seen["h2"], contents={1: other})
        state.apply(next_step(state, record, seen, 0))
        assert state.content("film").error == (
            "its hosts would answer with different responses, of 1,280 and 1,408 bytes"
        )

    def test_gone_when_no_host_has_it(self, state: State) -> None:
        serve(state)
        state.apply(content_edits.remove_content(state, "film", Leaving.DRAIN))
        record = state.content("film")
        assert not next_step(state, record, views(h1=ContentPhase.DRAINING, h2=None), 0)
        state.apply(next_step(state, record, views(h1=None, h2=None), 0))
        assert "film" not in state.contents


class TestPlan:
    def plan(self, state: State, seen: dict[str, HostView], now: float = 0) -> TcpPlan:
        return plan_tcp(state, "s1", seen, now)

    def test_entries(self, state: State) -> None:
        serve(state)
        plan = self.plan(state, views(h1=READY, h2=READY))
        assert set(plan.entities.values()) >= {
            Service(IPv6Address("2001:db8:1::1"), 80, 1, 1280, 1),
            Service(IPv6Address("::ffff:198.51.100.7"), 8001, 1, 1280, 1),
            ContentAddress(IPv6Address("2001:db8:1::1"), 0x0200000000AA, 1),
            ContentAddress(IPv6Address("::ffff:198.51.100.7"), 0x0200000000AA, 1),
            *(ServiceHost(1, bucket, (1, 9)[bucket % 2], 7) for bucket in range(BUCKETS)),
        }
        assert not plan.undecided

    def test_an_empty_switch_refuses_nothing_on_the_way(self, state: State) -> None:
        """No address stands before its services, and no service before what is behind it."""
        serve(state)
        planned, actual = Tables(), Tables()
        for entity in self.plan(state, views(h1=READY, h2=READY)).entities.values():
            planned.put(entity)
        stages: list[set[type]] = []
        while batch := Diff(planned, actual, (), tcp=True).next_batch():
            stages.append({type(change.entity) for change in batch})
            for change in batch:
                actual.apply(change)
        assert stages == [{TcpMeter, ServiceHost}, {Service}, {ContentAddress}]

    def test_one_that_is_not_published_or_failed_is_not_there(self, state: State) -> None:
        put(state, "other")
        state.apply(content_edits.failed(state, serve(state), "the file was written to"))
        plan = self.plan(state, views(h1=READY, h2=READY))
        assert not [e for e in plan.entities.values() if isinstance(e, Service)]

    def test_buckets_of_unknown_hosts_stay_as_they_are(self, state: State) -> None:
        """A controller that has just started must not take flows from their hosts."""
        serve(state)
        plan = self.plan(state, {"h1": HostView(away_since=0.0), "h2": HostView(away_since=0.0)})
        assert len(plan.undecided) == BUCKETS
        assert not [e for e in plan.entities.values() if isinstance(e, ServiceHost)]

    def test_a_host_that_died_is_replaced_after_a_moment(self, state: State) -> None:
        serve(state)
        seen = views(h1=READY, h2=READY)
        seen["h1"] = replace(seen["h1"], away_since=100.0)

        def ports(now: float) -> set[int]:
            entities = self.plan(state, seen, now).entities.values()
            return {entity.port for entity in entities if isinstance(entity, ServiceHost)}

        assert ports(100.0 + GRACE_SECONDS / 2) == {1, 9}
        assert ports(100.0 + GRACE_SECONDS) == {9}


def test_only_the_buckets_of_the_absent_move() -> None:
    hosts = ["a", "b", "c"]
    whole = assign_buckets(hosts, hosts)
    assert {whole.count(host) for host in hosts} == {5, 6}
    rest = assign_buckets(hosts, ["a", "c"])
    assert all(new == old for old, new in zip(whole, rest, strict=True) if old != "b")
    assert abs(rest.count("a") - rest.count("c")) <= 2
