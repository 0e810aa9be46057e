# SPDX-License-Identifier: Apache-2.0
"""A pusher in memory: streams move when the test says so."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from fakes.cohorts import FakeCohort
from hectograph.core.cohorts import (
    CohortEntry,
    CohortEvent,
    CohortMember,
    CohortMemberState,
    CohortSettings,
    CohortState,
    LeftReason,
)
from hectograph.core.contents import ContentPhase, ContentSpec, ContentState, FileIdentity
from hectograph.core.flows import FlowCounters, FlowKey, FlowState
from hectograph.core.model import Host
from hectograph.core.status import PusherCounters
from hectograph.core.streams import PushPhase, PushSpec, PushState
from hectograph.drivers.base import PusherHello
from hectograph.errors import Conflict, InvalidInput, NotFound, Unavailable


class FakePusher:
    def __init__(self) -> None:
        self.mtu = 9000
        self.reachable = True
        self.generation = 0
        self.file_bytes = 1_000_000
        self.requests = 0
        """For counters: once in every look that the controller takes."""
        self.unreadable = False
        self.streams: dict[str, PushState] = {}
        self.started: list[PushSpec] = []
        self.controls: list[str] = []
        """The sockets that it was found at."""
        self.contents: dict[int, ContentState] = {}
        self.cohorts: dict[int, FakeCohort] = {}
        self.watchers: list[tuple[CohortSettings, asyncio.Queue[CohortEvent | None]]] = []
        """All that there ever were: the last is told of events. None ends it."""
        self.answers: list[CohortEntry] = []
        self.counted: dict[str, int] = {}
        """By the names of host/tcp/counters.h."""
        self.flows: list[FlowState] = []
        self.lists = 0
        """Of its flows that were asked for."""
        self.adopted: list[Sequence[FlowState]] = []

    @asynccontextmanager
    async def __call__(self, host: Host) -> AsyncGenerator["FakePusherSession", None]:
        """The driver."""
        if not self.reachable:
            raise Unavailable(f"no pusher answers: {host.control}")
        self.controls.append(host.control)
        yield FakePusherSession(self)

    def restart(self) -> None:
        """Killed and started again: it knows of no stream and no content."""
        self.generation += 1
        self.streams.clear()
        self.contents.clear()
        self.cohorts.clear()
        self.end_watch()

    def end_watch(self) -> None:
        """The connection is lost: cohorts that form go alone."""
        if self.watchers:
            self.watchers[-1][1].put_nowait(None)
        self.cohorts = {n: cohort for n, cohort in self.cohorts.items() if cohort.entered}

    def tell(self, event: CohortEvent) -> None:
        self.watchers[-1][1].put_nowait(event)
        if event.ended:
            del self.cohorts[event.cohort]

    def form(self, number: int, *members: CohortMember) -> FakeCohort:
        """They asked for one content within the window."""
        cohort = self.cohorts[number] = FakeCohort(number)
        self.tell(cohort.join(*members))
        return cohort

    def only(self) -> PushState:
        (state,) = self.streams.values()
        return state

    def move(self, offset: int) -> None:
        """The only stream got there."""
        state = self.only()
        done = offset >= self.file_bytes
        self.streams[state.name] = replace(
            state,
            offset=offset,
            pushes=offset // state.spec.segment_bytes,
            payload_bytes=offset,
            elapsed_seconds=1.0,
            phase=PushPhase.DONE if done else PushPhase.RUNNING,
        )

    def set_content(self, number: int, phase: ContentPhase, *, flows: int = 0) -> None:
        """What became of it."""
        error = "the file was written to" if phase is ContentPhase.WITHDRAWN else ""
        self.contents[number] = replace(
            self.contents[number], phase=phase, flows=flows, error=error
        )

    def fail(self, error: str) -> None:
        state = self.only()
        self.streams[state.name] = replace(state, phase=PushPhase.FAILED, error=error)


class FakePusherSession:
    def __init__(self, pusher: FakePusher) -> None:
        self._pusher = pusher
        self._generation = pusher.generation

    def _check(self) -> None:
        if not self._pusher.reachable or self._generation != self._pusher.generation:
            raise Unavailable("the connection is lost")

    async def hello(self) -> PusherHello:
        self._check()
        return PusherHello("0.1.0", "eth0", self._pusher.mtu, 0x020000000001, 42, datetime.now(UTC))

    async def list(self) -> Sequence[PushState]:
        self._check()
        return list(self._pusher.streams.values())

    async def start(self, name: str, spec: PushSpec) -> PushState:
        self._check()
        self._pusher.started.append(spec)
        if self._pusher.unreadable:
            raise InvalidInput("/srv/film: Permission denied")
        state = PushState(
            name=name,
            phase=PushPhase.RUNNING,
            spec=spec,
            total_bytes=self._pusher.file_bytes,
            offset=spec.start_offset,
            pushes=0,
            payload_bytes=0,
            rounds=0,
            elapsed_seconds=0.0,
            late_seconds=0.0,
            error="",
        )
        self._pusher.streams[name] = state
        return state

    async def stop(self, name: str) -> PushState:
        self._check()
        try:
            return replace(self._pusher.streams.pop(name), phase=PushPhase.STOPPED)
        except KeyError:
            raise NotFound(f"no stream is called {name}") from None

    async def counters(self) -> PusherCounters:
        self._check()
        self._pusher.requests += 1
        return PusherCounters(requests=self._pusher.requests)

    async def add_content(
        self,
        spec: ContentSpec,
        identity: FileIdentity | None = None,  # noqa: ARG002
    ) -> ContentState:
        """It is ready at once."""
        self._check()
        old = self._pusher.contents.get(spec.id)
        if old is not None and old.spec != spec:
            raise Conflict(f"content {spec.id} is another")
        size = self._pusher.file_bytes
        state = ContentState(spec, ContentPhase.READY, size, size + 256, size + 256, 0, "")
        self._pusher.contents[spec.id] = state
        return state

    async def remove_content(self, content: int, *, reset: bool = False) -> ContentState:
        self._check()
        try:
            state = self._pusher.contents[content]
        except KeyError:
            raise NotFound(f"there is no content {content}") from None
        if reset or not state.flows:
            return self._pusher.contents.pop(content)
        self._pusher.set_content(content, ContentPhase.DRAINING, flows=state.flows)
        return self._pusher.contents[content]

    async def contents(self) -> Sequence[ContentState]:
        self._check()
        return list(self._pusher.contents.values())

    async def flows(self, limit: int) -> Sequence[FlowState]:
        self._check()
        self._pusher.lists += 1
        return self._pusher.flows[:limit]

    async def adopt_flows(self, flows: Sequence[FlowState]) -> int:
        self._check()
        self._pusher.adopted.append(flows)
        known = {flow.key for flow in self._pusher.flows}
        new = [flow for flow in flows if flow.key not in known]
        self._pusher.flows += new
        return len(new)

    async def forget_flows(self, keys: Sequence[FlowKey]) -> int:
        self._check()
        before = len(self._pusher.flows)
        self._pusher.flows = [flow for flow in self._pusher.flows if flow.key not in keys]
        return before - len(self._pusher.flows)

    async def watch_cohorts(self, settings: CohortSettings) -> AsyncGenerator[CohortEvent, None]:
        self._check()
        if self._pusher.watchers:
            self._pusher.end_watch()
        events: asyncio.Queue[CohortEvent | None] = asyncio.Queue()
        for cohort in self._pusher.cohorts.values():
            for event in cohort.first_events():
                events.put_nowait(event)
        self._pusher.watchers.append((settings, events))
        while (event := await events.get()) is not None:
            yield event
        raise Unavailable("the connection is lost")

    async def enter_cohort(self, entry: CohortEntry) -> None:
        self._check()
        self._pusher.answers.append(entry)
        cohort = self._pusher.cohorts.get(entry.cohort)
        if cohort is None:
            raise NotFound(f"there is no cohort {entry.cohort}")
        gone = cohort.enter(entry)
        if len(gone) == len(cohort.members):
            self._pusher.tell(cohort.end(LeftReason.DISSOLVED))
        elif gone:
            self._pusher.tell(cohort.leave(*gone, reason=LeftReason.LATE))

    async def cohorts(self) -> Sequence[CohortState]:
        self._check()
        return [cohort.state() for cohort in self._pusher.cohorts.values()]

    async def cohort_members(self, cohort: int) -> Sequence[CohortMemberState]:
        self._check()
        if cohort not in self._pusher.cohorts:
            raise NotFound(f"there is no cohort {cohort}")
        return self._pusher.cohorts[cohort].member_states()

    async def flow_counters(self) -> FlowCounters:
        self._check()
        return FlowCounters(0, len(self._pusher.contents), dict(self._pusher.counted))
