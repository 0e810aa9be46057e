# SPDX-License-Identifier: Apache-2.0
"""One host's reconciler against a pusher in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from fakes.examples import GROUP, HOST, SOURCE, STREAM, SWITCH, member
from fakes.pusher import FakePusher
from fakes.waiting import until

from hectograph.core import edits
from hectograph.core.model import Stream
from hectograph.core.records import Edit, Progress, StreamRecord
from hectograph.core.state import State
from hectograph.core.status import HostState, StreamState, StreamStatus
from hectograph.core.streams import PushPhase, PushState, push_spec
from hectograph.reconciler import host as host_module
from hectograph.reconciler import stream as stream_module
from hectograph.reconciler.host import HostReconciler
from hectograph.reconciler.roster import Roster
from hectograph.reconciler.stream import GroupReadiness

SEGMENT = 1452
"""What a 1500-byte MTU carries over IPv6."""


class Lab:
    """A state, a pusher and the task between them."""

    def __init__(self) -> None:
        self.state = State()
        self.pusher = FakePusher()
        self.readiness = GroupReadiness()
        self.primary = True
        self.saved: list[Progress] = []
        self._runs = 0
        for make in (
            lambda: edits.put_switch(self.state, SWITCH),
            lambda: edits.put_host(self.state, HOST),
            lambda: edits.put_group(self.state, GROUP),
            lambda: edits.put_member(self.state, member(1)),
        ):
            self.state.apply(make())
        self.begin()

    def begin(self) -> None:
        """A new controller: it knows what the state holds and nothing else."""
        self.roster = Roster(lambda _: None)
        self.roster.add("h1")
        self.reconciler = HostReconciler(
            "h1",
            self.state,
            self.pusher,
            self.roster,
            lambda _: self.readiness,
            self._save,
            lambda: self.primary,
        )
        self.task = asyncio.create_task(self.reconciler.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _save(self, record: StreamRecord, progress: Progress) -> None:
        self.saved.append(progress)
        self.state.apply(Edit(puts=(replace(record, progress=progress),)))

    def edit(self, make: Callable[[State], Edit]) -> None:
        self.state.apply(make(self.state))
        self.reconciler.wake()

    def put(self, stream: Stream) -> None:
        self._runs += 1
        self.edit(lambda state: edits.put_stream(state, stream, f"{self._runs}"))

    def status(self) -> StreamStatus:
        return self.reconciler.stream_status(self.state.stream("film"))

    async def reaches(self, state: StreamState) -> None:
        await until(lambda: self.status().state is state)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    """It looks at the pusher all the time, and retries come quickly."""
    monkeypatch.setattr(host_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(host_module, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(stream_module, "RETRY_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(stream_module, "SAVE_SECONDS", 0.0)
    lab = Lab()
    yield lab
    await lab.end()


async def start_elsewhere(name: str) -> PushState:
    """What a pusher says of a stream that somebody else started."""
    elsewhere = FakePusher()
    async with elsewhere(HOST) as session:
        return await session.start(name, push_spec(STREAM, (1,), SEGMENT))


async def test_a_stream_is_started_and_done(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    assert lab.pusher.only().spec == push_spec(STREAM, (1,), SEGMENT)
    lab.pusher.move(500_000)
    await until(lambda: lab.status().offset == 500_000)
    assert lab.status().bits_per_second == 4_000_000
    lab.pusher.move(1_000_000)
    await lab.reaches(StreamState.DONE)
    assert lab.saved[-1].done
    assert lab.status().total_bytes == 1_000_000


async def test_a_done_stream_is_not_started_again(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(1_000_000)
    await lab.reaches(StreamState.DONE)
    lab.pusher.restart()
    await until(lambda: lab.reconciler.status().state is HostState.CONNECTING)
    await until(lambda: lab.reconciler.status().state is HostState.READY)
    await lab.end()
    lab.begin()
    await until(lambda: lab.reconciler.status().state is HostState.READY)
    assert lab.status().state is StreamState.DONE
    assert lab.status().offset == 1_000_000
    assert len(lab.pusher.started) == 1


async def test_a_changed_stream_starts_anew(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(1_000_000)
    await lab.reaches(StreamState.DONE)
    lab.put(replace(STREAM, content=2))
    await lab.reaches(StreamState.RUNNING)
    assert lab.pusher.only().spec.content == 2
    assert lab.pusher.only().spec.start_offset == 0


async def test_a_stream_deleted_and_put_again_starts_anew(lab: Lab) -> None:
    """Even when nobody was there to stop the first one."""
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    await lab.end()
    lab.pusher.move(1_000_000)
    lab.edit(lambda state: edits.delete_stream(state, "film"))
    lab.put(STREAM)
    lab.begin()
    await lab.reaches(StreamState.RUNNING)
    assert lab.pusher.only().phase is PushPhase.RUNNING


async def test_a_deleted_stream_is_stopped(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.edit(lambda state: edits.delete_stream(state, "film"))
    await until(lambda: not lab.pusher.streams)


async def test_what_runs_goes_on_under_a_new_controller(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    await lab.end()
    lab.pusher.move(500_000)
    lab.readiness = GroupReadiness(missing="switch s1 is not there")
    lab.begin()
    await lab.reaches(StreamState.RUNNING)
    await until(lambda: lab.status().offset == 500_000)
    assert len(lab.pusher.started) == 1


async def test_after_the_pushers_restart_it_goes_on_where_it_was(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(500_000)
    await until(lambda: lab.status().offset == 500_000)
    lab.pusher.restart()
    await until(lambda: len(lab.pusher.started) == 2)
    assert lab.pusher.started[1].start_offset == 500_000 - 500_000 % SEGMENT


async def test_even_when_the_controller_died_too(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(500_000)
    await until(lambda: any(progress.offset == 500_000 for progress in lab.saved))
    await lab.end()
    lab.pusher.restart()
    lab.begin()
    await until(lambda: len(lab.pusher.started) == 2)
    assert lab.pusher.started[1].start_offset == 500_000 - 500_000 % SEGMENT


async def test_a_loop_begins_at_the_beginning(lab: Lab) -> None:
    lab.put(replace(STREAM, loop=True))
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(500_000)
    await until(lambda: lab.status().offset == 500_000)
    lab.pusher.restart()
    await until(lambda: len(lab.pusher.started) == 2)
    assert lab.pusher.started[1].start_offset == 0


async def test_it_waits_for_its_group(lab: Lab) -> None:
    lab.readiness = GroupReadiness(missing="group g has no member")
    lab.put(STREAM)
    await until(lambda: lab.status().reason == "group g has no member")
    assert lab.status().state is StreamState.WAITING
    assert not lab.pusher.started
    lab.readiness = GroupReadiness()
    await lab.reaches(StreamState.RUNNING)


async def test_it_waits_for_joins_but_not_for_ever(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SETTLE_SECONDS", 0.2)
    lab.readiness = GroupReadiness(settling="members are being written")
    lab.put(STREAM)
    await until(lambda: lab.status().reason == "members are being written")
    assert not lab.pusher.started
    await lab.reaches(StreamState.RUNNING)


async def test_another_tree_is_pushed_to_from_where_it_was(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(500_000)
    await until(lambda: lab.status().offset == 500_000)
    lab.edit(lambda state: edits.put_switch(state, replace(SWITCH, profile="bmv2")))
    lab.edit(lambda state: edits.put_group(state, replace(GROUP, split=True)))
    lab.edit(lambda state: edits.put_members(state, "g", [member(i, port=2) for i in range(1, 66)]))
    await until(lambda: lab.pusher.started[-1].groups == (1, 2))
    assert lab.pusher.started[-1].start_offset == 500_000 - 500_000 % SEGMENT
    assert list(lab.pusher.streams) == ["film-1"]


async def test_a_smaller_segment_keeps_the_place(lab: Lab) -> None:
    lab.edit(
        lambda state: edits.put_group(state, replace(GROUP, source=replace(SOURCE, ipv6=None)))
    )
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    assert lab.pusher.only().spec.segment_bytes == 1472
    lab.pusher.move(1472 * 100)
    await until(lambda: lab.status().offset == 147_200)
    lab.edit(lambda state: edits.put_member(state, replace(member(2), source=SOURCE)))
    await until(lambda: len(lab.pusher.started) == 2)
    assert lab.pusher.started[1].segment_bytes == SEGMENT
    assert lab.pusher.started[1].start_offset == 147_200 - 147_200 % SEGMENT


async def test_a_pusher_whose_mtu_is_too_small(lab: Lab) -> None:
    lab.pusher.mtu = 1400
    lab.put(replace(STREAM, segment_bytes=1452))
    await lab.reaches(StreamState.FAILED)
    assert "1452 bytes do not fit" in (lab.status().error or "")
    assert "MTU of 1400, less 16" in (lab.status().error or "")
    lab.pusher.mtu = 1500
    await lab.reaches(StreamState.RUNNING)


async def test_without_a_size_it_takes_what_fits_everywhere(lab: Lab) -> None:
    lab.pusher.mtu = 1400
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    assert lab.pusher.only().spec.segment_bytes == 1384


async def test_a_host_whose_interface_is_gone(lab: Lab) -> None:
    lab.pusher.mtu = 0
    lab.put(STREAM)
    await until(lambda: lab.status().reason == "for the host's interface eth0")
    lab.pusher.mtu = 1500
    await lab.reaches(StreamState.RUNNING)


async def test_a_file_that_cannot_be_read_is_tried_again(lab: Lab) -> None:
    lab.pusher.unreadable = True
    lab.put(STREAM)
    await lab.reaches(StreamState.FAILED)
    assert lab.status().error == "/srv/film: Permission denied"
    lab.pusher.unreadable = False
    await lab.reaches(StreamState.RUNNING)


async def test_a_stream_that_fails_under_way_is_resumed(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    lab.pusher.move(500_000)
    lab.pusher.fail("read: Input/output error")
    await until(lambda: lab.status().error == "read: Input/output error")
    await until(lambda: len(lab.pusher.started) == 2)
    assert lab.pusher.started[1].start_offset == 500_000 - 500_000 % SEGMENT


async def test_streams_of_others_are_stopped(lab: Lab) -> None:
    lab.put(STREAM)
    await lab.reaches(StreamState.RUNNING)
    ours = lab.pusher.only()
    lab.pusher.streams["foreign"] = replace(ours, name="foreign")
    await until(lambda: list(lab.pusher.streams) == [ours.name])


async def test_but_not_by_a_backup(lab: Lab) -> None:
    """They may be the primary's."""
    lab.primary = False
    lab.readiness = GroupReadiness(missing="another controller is primary")
    lab.put(STREAM)
    lab.pusher.streams["theirs"] = await start_elsewhere("theirs")
    await until(lambda: lab.reconciler.status().counters.requests > 5)
    assert list(lab.pusher.streams) == ["theirs"]
    lab.primary, lab.readiness = True, GroupReadiness()
    await until(lambda: list(lab.pusher.streams) == ["film-1"])


async def test_a_pusher_that_is_not_there(lab: Lab) -> None:
    lab.pusher.reachable = False
    lab.put(STREAM)
    await until(lambda: lab.reconciler.status().state is HostState.CONNECTING)
    await until(lambda: "host h1" in (lab.status().reason or ""))
    assert lab.status().state is StreamState.WAITING
    lab.pusher.reachable = True
    await lab.reaches(StreamState.RUNNING)


async def test_advice_when_the_rate_is_more_than_the_target_makes(lab: Lab) -> None:
    lab.edit(lambda state: edits.put_switch(state, replace(SWITCH, profile="bmv2")))
    lab.put(replace(STREAM, rate=replace(STREAM.rate, packets_per_second=60_000)))
    await lab.reaches(StreamState.RUNNING)
    assert lab.status().advice == (
        "60,000 pushes/s to 1 members are 60,000 copies/s; bmv2 is known to make 55,000"
    )


def test_the_longest_name_fits_the_pusher(lab: Lab) -> None:
    lab.put(replace(STREAM, name="x" * 63))
    record = lab.state.stream("x" * 63)
    assert len(stream_module.pusher_name(replace(record, run="0" * 12))) == 63
