# SPDX-License-Identifier: Apache-2.0
"""The whole controller, with a switch and a pusher in memory."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.examples import GROUP, HOST, STREAM, SWITCH, member
from fakes.pusher import FakePusher
from fakes.switch import FakeSwitch
from fakes.waiting import until

from hectograph.core.status import (
    ApplyState,
    CounterValue,
    SetChange,
    StreamState,
    SwitchState,
)
from hectograph.errors import (
    Conflict,
    HectographError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from hectograph.service import Service
from hectograph.store import Store, database


class Lab:
    def __init__(self, database: Path) -> None:
        self.database = database
        self.switch = FakeSwitch()
        self.pusher = FakePusher()

    @asynccontextmanager
    async def controller(self) -> AsyncGenerator[Service, None]:
        service = Service(self.database, driver=self.switch, pusher_driver=self.pusher)
        async with service:
            yield service

    @staticmethod
    async def fill(service: Service) -> None:
        await service.put_switch(SWITCH)
        await service.put_host(HOST)
        await service.put_group(GROUP)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "controller.db")


@pytest.fixture
async def service(lab: Lab) -> AsyncIterator[Service]:
    async with lab.controller() as service:
        await lab.fill(service)
        yield service


async def is_ready(service: Service) -> bool:
    return not await service.ready()


async def test_putting_says_whether_it_created(service: Service) -> None:
    assert await service.put_member(member(1)) is True
    assert await service.put_member(member(1)) is False
    assert await service.put_member(replace(member(1), hop_limit=1)) is False
    assert await service.put_group(GROUP) is False
    assert await service.put_stream(STREAM) is True
    assert await service.put_stream(STREAM) is False


async def test_what_was_put_is_got(service: Service) -> None:
    await service.put_member(member(1))
    await service.put_stream(STREAM)
    assert await service.list_switches() == [await service.get_switch("s1")] == [SWITCH]
    assert await service.list_hosts() == [await service.get_host("h1")] == [HOST]
    assert await service.list_groups() == [await service.get_group("g")] == [GROUP]
    assert await service.list_members("g") == [await service.get_member("g", "m1")] == [member(1)]
    assert await service.list_streams() == [await service.get_stream("film")] == [STREAM]


async def test_what_is_not_there(service: Service) -> None:
    for call in (
        service.get_switch("x"),
        service.switch_status("x"),
        service.get_host("x"),
        service.host_status("x"),
        service.get_group("x"),
        service.group_status("x"),
        service.list_members("x"),
        service.get_member("g", "x"),
        service.member_status("g", "x"),
        service.get_stream("x"),
        service.stream_status("x"),
        service.delete_switch("x"),
        service.delete_host("x"),
        service.delete_group("x"),
        service.delete_member("g", "x"),
        service.delete_stream("x"),
        service.put_member(member(1, group="x")),
        service.put_members("x", []),
    ):
        with pytest.raises(NotFound, match=r"\bx\b"):
            await call


async def test_from_join_to_applied(lab: Lab, service: Service) -> None:
    await service.put_members("g", [member(i) for i in range(1, 9)])
    await until(lambda: is_ready(service))
    lab.switch.counters = CounterValue(5, 500)
    status = await service.group_status("g")
    assert status.state is ApplyState.APPLIED
    assert [tree.id for tree in status.trees] == [1]
    assert {each.state for each in status.members} == {ApplyState.APPLIED}
    assert (await service.member_status("g", "m1")).slot.instance == 1


async def test_counters_carry_names(lab: Lab, service: Service) -> None:
    lab.switch.counters = CounterValue(5, 500)
    await service.put_member(member(1))
    await until(lambda: is_ready(service))
    (counters,) = await service.counters()
    assert counters.ingress_drops["malformed"] == CounterValue(5, 500)
    assert counters.ingress_drops["unknown_group"] == CounterValue()
    assert [(c.group, c.member, c.value) for c in counters.members] == [
        ("g", "m1", CounterValue(5, 500))
    ]
    assert [(c.group, c.tree, c.value) for c in counters.trees] == [("g", 1, CounterValue(5, 500))]


async def test_counters_of_a_switch_that_is_gone_are_the_last(lab: Lab, service: Service) -> None:
    await until(lambda: is_ready(service))
    lab.switch.counters = CounterValue(5, 500)
    (before,) = await service.counters()
    lab.switch.vanish()
    (after,) = await service.counters()
    assert after == before


async def test_a_whole_set(service: Service) -> None:
    await service.put_members("g", [member(i) for i in range(1, 5)])
    change = await service.put_members("g", [replace(member(1), hop_limit=1), member(2), member(7)])
    assert change == SetChange(added=1, changed=1, removed=2)


async def test_what_is_refused_changes_nothing(service: Service) -> None:
    await service.put_member(member(1))
    with pytest.raises(Conflict):
        await service.put_members("g", [member(2), replace(member(2), name="twin")])
    assert await service.list_members("g") == [member(1)]


async def test_a_restarted_controller_knows_everything(lab: Lab) -> None:
    async with lab.controller() as service:
        await lab.fill(service)
        await service.put_members("g", [member(i) for i in range(1, 9)])
        await service.put_stream(STREAM)
        await until(lambda: is_ready(service))
        await until(lambda: bool(lab.pusher.streams))
    written = list(lab.switch.history)
    async with lab.controller() as service:
        await until(lambda: is_ready(service))
        assert len(await service.list_members("g")) == 8
        status = await service.stream_status("film")
        assert status.state is StreamState.RUNNING
    assert lab.switch.history == written, "nothing had to be written again"
    assert len(lab.pusher.started) == 1, "nor anything to be started"


async def test_ready_says_why_not(lab: Lab, service: Service) -> None:
    lab.switch.vanish()
    lab.pusher.reachable = False
    lab.pusher.restart()

    async def tells_both() -> bool:
        reasons = await service.ready()
        return len(reasons) == 2

    await until(tells_both)
    switch, host = await service.ready()
    assert switch.startswith("switch s1: connecting: connect")
    assert host.startswith("host h1: connecting: ")


async def test_another_address_is_another_connection(lab: Lab, service: Service) -> None:
    await until(lambda: is_ready(service))
    (before,) = lab.switch.sessions
    await service.put_switch(replace(SWITCH, address="127.0.0.1:9560"))
    await until(lambda: is_ready(service))
    await until(lambda: len(lab.switch.sessions) == 1)
    assert lab.switch.sessions != [before]


async def test_another_socket_is_another_connection(lab: Lab, service: Service) -> None:
    await until(lambda: is_ready(service))
    await service.put_host(replace(HOST, control="/run/other.sock"))
    await until(lambda: [*dict.fromkeys(lab.pusher.controls)] == [HOST.control, "/run/other.sock"])
    await until(lambda: is_ready(service))


async def test_everything_can_be_deleted(lab: Lab, service: Service) -> None:
    await service.put_member(member(1))
    await service.put_stream(STREAM)
    await until(lambda: bool(lab.pusher.streams))
    await service.delete_stream("film")
    await until(lambda: not lab.pusher.streams)
    await service.delete_group("g")
    await until(lambda: not lab.switch.tables.trees)
    await service.delete_host("h1")
    await service.delete_switch("s1")
    await until(lambda: not lab.switch.sessions)
    assert await service.ready() == []
    assert await service.counters() == []


async def test_a_cancelled_caller_leaves_no_half_edit(lab: Lab, service: Service) -> None:
    call = asyncio.create_task(service.put_member(member(1)))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await service.put_member(member(2))
    known = await service.list_members("g")
    await service.close()
    async with lab.controller() as again:
        assert await again.list_members("g") == known


async def test_before_the_start(tmp_path: Path) -> None:
    service = Service(tmp_path / "x.db", driver=FakeSwitch(), pusher_driver=FakePusher())
    with pytest.raises(Unavailable, match="has not started"):
        await service.put_switch(SWITCH)
    await service.close()


async def test_missing_artifacts(tmp_path: Path) -> None:
    with pytest.raises(HectographError, match="compiled pipeline is missing") as caught:
        await Service(tmp_path / "x.db", artifacts=tmp_path).start()
    assert str(tmp_path) in (caught.value.where or "")


async def test_a_database_with_a_hole(lab: Lab) -> None:
    async with lab.controller() as service:
        await lab.fill(service)
        await service.put_member(member(1))
    with sqlite3.connect(lab.database) as connection:
        connection.execute("DELETE FROM tree")
    connection.close()
    for _ in range(2):  # and the lock was let go
        with pytest.raises(InvalidInput, match="damaged: something refers to 1"):
            async with lab.controller():
                pass


async def test_a_failed_start_lets_the_database_go(lab: Lab) -> None:
    async with lab.controller():
        with pytest.raises(Conflict, match="another controller"):
            await Service(lab.database, driver=lab.switch, pusher_driver=lab.pusher).start()
    async with lab.controller():
        pass


async def test_copies_that_would_be_lost_are_refused(service: Service) -> None:
    await service.put_switch(replace(SWITCH, profile="bmv2"))
    with pytest.raises(LimitExceeded, match="65 replicas on port 2"):
        await service.put_members("g", [member(i, port=2) for i in range(1, 66)])
    await service.put_group(replace(GROUP, split=True))
    await service.put_members("g", [member(i, port=2) for i in range(1, 66)])
    await until(lambda: is_ready(service))
    assert len((await service.group_status("g")).trees) == 2


async def test_joins_one_by_one_are_linear_in_bytes(service: Service) -> None:
    """Each costs its own entry, some 130 bytes; the tree's replicas, which every write of
    it carries, cost 160 KB/s at most, however large it is. With a write of the tree for
    each join they would be 60 MB here."""
    joins = 4000
    await until(lambda: is_ready(service))
    before = (await service.switch_status("s1")).bytes_written
    started = time.monotonic()
    for index in range(1, joins + 1):
        await service.put_member(member(index))
    seconds = time.monotonic() - started
    await until(lambda: is_ready(service))
    status = await service.switch_status("s1")
    assert status.state is SwitchState.READY
    assert status.bytes_written - before < joins * 160 + (seconds + 1) * 160_000


async def test_a_database_that_cannot_be_written_is_not_ready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: is_ready(service))

    async def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_write", full)
        patch.setattr(database, "_touch", full)
        with pytest.raises(Unavailable, match="database or disk is full"):
            await service.put_member(member(1))
        assert await service.ready() == ["database: cannot be written: database or disk is full"]
    assert await is_ready(service)
