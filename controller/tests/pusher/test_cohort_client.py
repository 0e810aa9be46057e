# SPDX-License-Identifier: Apache-2.0
"""The client's side of cohorts, against a socket that speaks the host protocol."""

import errno
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from fakes.cohorts import cohort_member
from fakes.pusher_socket import SocketPusher, event_message, member_message
from fakes.waiting import until

from hectograph.core.cohorts import (
    CohortEntry,
    CohortEvent,
    CohortLeft,
    CohortMemberState,
    CohortPhase,
    CohortSettings,
    CohortState,
    LeftReason,
)
from hectograph.errors import InvalidInput, NotFound, Unavailable
from hectograph.pusher import pusher_pb2 as pb
from hectograph.pusher.client import PusherClient
from hectograph.pusher.flows import packed_address

SETTINGS = CohortSettings(0.005, 0.02, 300)
EVENTS = [
    CohortEvent(1, 2, joined=tuple(map(cohort_member, range(1, 129)))),
    CohortEvent(1, 2, left=(CohortLeft(3, LeftReason.BEHIND), CohortLeft(4, LeftReason.PATH))),
    CohortEvent(1, 2, ended=True),
    CohortEvent(2**32 - 1, 2**32 - 1, groups=(8192, 65535), entered=True),
]


@pytest.fixture
async def pusher(tmp_path: Path) -> AsyncIterator[SocketPusher]:
    async with SocketPusher(tmp_path / "pusher.sock").run() as pusher:
        yield pusher


@pytest.fixture
async def client(pusher: SocketPusher) -> AsyncIterator[PusherClient]:
    async with PusherClient(pusher.path) as client:
        yield client


async def test_events(pusher: SocketPusher, client: PusherClient) -> None:
    pusher.first = [event_message(event) for event in EVENTS[:2]]
    heard: list[CohortEvent] = []
    async with aclosing(client.watch_cohorts(SETTINGS)) as events:
        async for event in events:
            heard.append(event)
            if len(heard) == 2:
                pusher.tell(*(event_message(event) for event in EVENTS[2:]))
            if len(heard) == len(EVENTS):
                break
    assert heard == EVENTS
    asked = pusher.asked[-1].watch_cohorts
    assert (asked.window_microseconds, asked.patience_microseconds, asked.members) == (
        5000,
        20_000,
        300,
    )


async def test_a_watch_ends_with_its_connection(pusher: SocketPusher, client: PusherClient) -> None:
    async with aclosing(client.watch_cohorts(SETTINGS)) as events:
        pusher.first = [event_message(EVENTS[0])]
        async for _ in events:
            pusher.end_watch()
            break
        with pytest.raises(Unavailable, match="connection is lost"):
            await anext(events)
    with pytest.raises(Unavailable, match="not connected"):
        await client.hello()


async def test_a_watch_that_is_left_is_no_connection_any_more(
    pusher: SocketPusher, client: PusherClient
) -> None:
    pusher.first = [event_message(EVENTS[0])]
    async with aclosing(client.watch_cohorts(SETTINGS)) as events:
        await anext(events)
    with pytest.raises(Unavailable, match="not connected"):
        await client.hello()


async def test_a_refused_watch(pusher: SocketPusher, client: PusherClient) -> None:
    """A pusher that knows nothing of cohorts."""
    refusal = pb.Status(code=errno.EBADMSG, message="cannot be decoded")
    pusher.answers["watch_cohorts"] = lambda _: pb.Response(status=refusal)
    with pytest.raises(InvalidInput, match="cannot be decoded"):
        await anext(client.watch_cohorts(SETTINGS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"instance": 0},
        {"instance": 65536},
        {"client_port": 65536},
        {"vlan_tci": 65536},
        {"port": 511},
        {"client_mac": b"12345"},
        {"service_mac": b""},
        {"client_address": b"1234"},
        {"service_address": bytes(16)},  # IPv6, the client IPv4
    ],
    ids=str,
)
async def test_members_that_cannot_be(
    pusher: SocketPusher, client: PusherClient, wrong: dict[str, int | bytes]
) -> None:
    message = member_message(cohort_member(2))
    for name, value in wrong.items():
        setattr(message, name, value)
    pusher.first = [pb.CohortEvent(cohort=9, joined=[message])]
    with pytest.raises(InvalidInput, match="cohort 9"):
        await anext(client.watch_cohorts(SETTINGS))


async def test_a_reason_that_is_not_known(pusher: SocketPusher, client: PusherClient) -> None:
    pusher.first = [pb.CohortEvent(cohort=9, left=[pb.CohortLeft(instance=1)])]
    with pytest.raises(InvalidInput, match="cohort 9"):
        await anext(client.watch_cohorts(SETTINGS))


async def test_entering_in_as_many_requests_as_it_takes(
    pusher: SocketPusher, client: PusherClient
) -> None:
    entered, refused = tuple(range(1, 1300)), tuple(range(2000, 2513))
    await client.enter_cohort(CohortEntry(7, (8192, 8193), entered, refused))
    await client.enter_cohort(CohortEntry(8, ()))
    asked = [request.enter_cohort for request in pusher.asked[1:]]
    assert [len(each.entered) for each in asked] == [512, 512, 275, 0]
    assert [len(each.refused) for each in asked] == [512, 1, 0, 0]
    assert [instance for each in asked for instance in each.entered] == list(entered)
    assert [instance for each in asked for instance in each.refused] == list(refused)
    assert [tuple(each.groups) for each in asked] == [(8192, 8193)] * 3 + [()]


async def test_entering_one_that_is_gone(pusher: SocketPusher, client: PusherClient) -> None:
    gone = pb.Response(status=pb.Status(code=errno.ENOENT, message="there is no cohort 7"))
    pusher.answers["enter_cohort"] = lambda _: gone
    with pytest.raises(NotFound, match="no cohort 7"):
        await client.enter_cohort(CohortEntry(7, (8192,), (1,)))


async def test_lists_are_read_to_their_end(pusher: SocketPusher, client: PusherClient) -> None:
    cohort = pb.Cohort(
        cohort=1,
        content=2,
        state=pb.Cohort.RUNNING,
        members=3,
        groups=[8192],
        length=4,
        sent=5,
        acked=6,
        segment_bytes=7,
        congestion_window=8,
        rtt_microseconds=1500,
        age_microseconds=2_500_000,
        pushes=9,
        payload_bytes=10,
        repairs=11,
        repair_bytes=12,
        group_repairs=13,
        joined_late=14,
        left=[0, 1, 0, 7],
    )
    other = pb.Cohort(cohort=65, state=pb.Cohort.FORMING)

    def cohorts(request: pb.Request) -> pb.Response:
        more = request.list_cohorts.first == 0
        found = pb.CohortList(cohorts=[cohort if more else other], next=65 if more else 0)
        return pb.Response(cohorts=found)

    def members(request: pb.Request) -> pb.Response:
        asked = request.list_cohort_members
        assert asked.cohort == 1
        state = pb.CohortMemberState(
            instance=asked.first or 1,
            client_address=packed_address(cohort_member(2).client),
            client_port=4,
            entered=True,
            acked=5,
            window=6,
            repair_bytes=7,
        )
        found = pb.CohortMemberList(members=[state], next=0 if asked.first else 2)
        return pb.Response(cohort_members=found)

    pusher.answers |= {"list_cohorts": cohorts, "list_cohort_members": members}
    first, second = await client.cohorts()
    assert first == CohortState(
        1,
        2,
        CohortPhase.RUNNING,
        3,
        (8192,),
        *(4, 5, 6, 7, 8),
        0.0015,
        2.5,
        *(9, 10, 11, 12, 13, 14),
        {LeftReason.LONE: 1, LeftReason.ALL_SENT: 7, LeftReason.LATE: 0},
    )
    assert (second.cohort, second.phase) == (65, CohortPhase.FORMING)
    client_address = cohort_member(2).client
    assert await client.cohort_members(1) == [
        CohortMemberState(instance, client_address, 4, True, 5, 6, 7) for instance in (1, 2)
    ]


async def test_members_of_none(pusher: SocketPusher, client: PusherClient) -> None:
    gone = pb.Response(status=pb.Status(code=errno.ENOENT, message="there is no cohort 7"))
    pusher.answers["list_cohort_members"] = lambda _: gone
    with pytest.raises(NotFound):
        await client.cohort_members(7)


async def test_others_use_a_connection_of_their_own(
    pusher: SocketPusher, client: PusherClient
) -> None:
    events = client.watch_cohorts(SETTINGS)
    pusher.first = [event_message(EVENTS[0])]
    await anext(events)
    async with PusherClient(pusher.path) as other:
        await until(lambda: pusher.is_watched)
        assert (await other.hello()).mtu == 9000
    await events.aclose()
