# SPDX-License-Identifier: Apache-2.0
"""A client of the host protocol (host/pusher/pusher.proto) over the pusher's Unix socket."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from google.protobuf.message import DecodeError

from hectograph.core.cohorts import (
    CohortEntry,
    CohortEvent,
    CohortMemberState,
    CohortSettings,
    CohortState,
)
from hectograph.core.contents import ContentPhase, ContentSpec, ContentState, FileIdentity
from hectograph.core.flows import FlowCounters, FlowKey, FlowState
from hectograph.core.status import PusherCounters
from hectograph.core.streams import PushSpec, PushState
from hectograph.drivers.base import PusherHello
from hectograph.pusher import pusher_pb2 as pb
from hectograph.pusher.cohorts import (
    cohort_member_of,
    cohort_of,
    entry_messages,
    event_of,
    watch_message,
)
from hectograph.pusher.connection import Connection, checked
from hectograph.pusher.contents import (
    content_message,
    content_of,
    identity_message,
)
from hectograph.pusher.flows import (
    flow_counters_of,
    flow_message,
    flow_of,
    key_message,
)
from hectograph.pusher.messages import (
    counters_of,
    hello_of,
    spec_message,
    state_of,
)

T = TypeVar("T")

PREPARE_POLL_SECONDS = 0.05
ADOPT_FLOWS = 256
FORGET_FLOWS = 512
"""pusher.options: how many a request has room for."""


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some


class PusherClient(Connection):
    """One connection. Calls may overlap; they are made one after the other.

        async with PusherClient(path) as pusher:
            await pusher.start("film", spec)

    A lost connection raises Unavailable, and every later call does; a refusal raises
    what it means (InvalidInput, LimitExceeded, NotFound, Conflict, ToolFailure) with
    the pusher's own words.
    """

    async def hello(self) -> PusherHello:
        return hello_of((await self.ask(pb.Request(hello=pb.HelloRequest()))).hello)

    async def start(self, name: str, spec: PushSpec) -> PushState:
        """Also where it runs already with this specification; one that has ended is replaced.

        Conflict: it runs with another specification.
        """
        request = pb.StartStream(name=name, spec=spec_message(spec))
        return state_of((await self.ask(pb.Request(start=request))).stream)

    async def stop(self, name: str) -> PushState:
        """Stop it and take it off the list; its last state. NotFound: not on the list."""
        request = pb.Request(stop=pb.StopStream(name=name))
        return state_of((await self.ask(request)).stream)

    async def list(self) -> Sequence[PushState]:
        """Every stream, those that have ended too."""
        answer = await self.ask(pb.Request(list=pb.ListStreams()))
        return [state_of(stream) for stream in answer.list.streams]

    async def counters(self) -> PusherCounters:
        """Since the pusher started."""
        return counters_of((await self.ask(pb.Request(counters=pb.GetCounters()))).counters)

    async def add_content(
        self, spec: ContentSpec, identity: FileIdentity | None = None
    ) -> ContentState:
        """Begin to prepare it; contents() tells when it is ready. Conflict: another has its id;
        `identity`: which file it has to be, or it is refused."""
        request = pb.AddContent(spec=content_message(spec), file=identity_message(identity))
        return content_of((await self.ask(pb.Request(add_content=request))).content)

    async def prepare_content(
        self,
        spec: ContentSpec,
        progress: Callable[[ContentState], None] = lambda _: None,
    ) -> ContentState:
        """Add it and wait until it is ready, or withdrawn because its file cannot be read."""
        state = await self.add_content(spec)
        while state.phase is ContentPhase.PREPARING:
            progress(state)
            await asyncio.sleep(PREPARE_POLL_SECONDS)
            answer = await self.ask(pb.Request(list_contents=pb.ListContents(first=spec.id)))
            state = content_of(answer.contents.contents[0])
        return state

    async def remove_content(self, content: int, *, reset: bool = False) -> ContentState:
        """Let its downloads finish, or reset them; its last state. NotFound: there is none."""
        request = pb.RemoveContent(id=content, reset=reset)
        return content_of((await self.ask(pb.Request(remove_content=request))).content)

    async def contents(self) -> Sequence[ContentState]:
        """Every content, by ascending id."""
        found: list[ContentState] = []
        following = 0
        while True:
            request = pb.ListContents(first=following)
            answer = (await self.ask(pb.Request(list_contents=request))).contents
            found += map(content_of, answer.contents)
            following = answer.next
            if not following:
                return found

    async def flows(self, limit: int) -> Sequence[FlowState]:
        """At most `limit` of the flows that it knows."""
        found: list[FlowState] = []
        following = 0
        while len(found) < limit:
            request = pb.ListFlows(first=following)
            answer = (await self.ask(pb.Request(list_flows=request))).flows
            found += map(flow_of, answer.flows)
            following = answer.next
            if not following:
                break
        return found[:limit]

    async def adopt_flows(self, flows: Iterable[FlowState]) -> int:
        """Take over another host's, and those of which only the handshake was seen.

        Their clients are asked where they stand as soon as their content is ready here.
        Those that it knows already are left; how many it did not. LimitExceeded: it has
        no room for more.
        """
        made = 0
        for some in batched(flows, ADOPT_FLOWS):
            request = pb.AdoptFlows(flows=map(flow_message, some))
            made += (await self.ask(pb.Request(adopt_flows=request))).flows_changed.flows
        return made

    async def forget_flows(self, keys: Iterable[FlowKey]) -> int:
        """Another host has them: say nothing more to their clients. How many it knew."""
        gone = 0
        for some in batched(keys, FORGET_FLOWS):
            request = pb.ForgetFlows(flows=map(key_message, some))
            gone += (await self.ask(pb.Request(forget_flows=request))).flows_changed.flows
        return gone

    async def flow_counters(self) -> FlowCounters:
        """Since the pusher started."""
        request = pb.Request(flow_counters=pb.GetFlowCounters())
        return flow_counters_of((await self.ask(request)).flow_counters)

    async def watch_cohorts(self, settings: CohortSettings) -> AsyncGenerator[CohortEvent, None]:
        """What changes of its cohorts, and first those that run, until the connection is
        lost (Unavailable). The connection is for nothing else from then on, and closed
        with the iterator. Another watcher's is closed by the pusher."""
        request = pb.Request(watch_cohorts=watch_message(settings))
        async with self.turn:
            try:
                await self.send(request)
                while True:
                    event = checked(await self.receive(request)).cohort_event
                    if event.cohort:  # the first only says that others will come
                        yield event_of(event)
            except (OSError, EOFError, DecodeError) as error:
                raise self.unavailable(f"the connection is lost: {error}") from error
            finally:
                await self.close()

    async def enter_cohort(self, entry: CohortEntry) -> None:
        """Which entries stand. NotFound: there is no such cohort any more."""
        for message in entry_messages(entry):
            await self.ask(pb.Request(enter_cohort=message))

    async def cohorts(self) -> Sequence[CohortState]:
        """Every cohort, by ascending number."""
        found: list[CohortState] = []
        following = 0
        while True:
            request = pb.Request(list_cohorts=pb.ListCohorts(first=following))
            answer = (await self.ask(request)).cohorts
            found += map(cohort_of, answer.cohorts)
            following = answer.next
            if not following:
                return found

    async def cohort_members(self, cohort: int) -> Sequence[CohortMemberState]:
        """By ascending instance. NotFound: there is no such cohort (any more)."""
        found: list[CohortMemberState] = []
        following = 0
        while True:
            wanted = pb.ListCohortMembers(cohort=cohort, first=following)
            answer = (await self.ask(pb.Request(list_cohort_members=wanted))).cohort_members
            found += map(cohort_member_of, answer.members)
            following = answer.next
            if not following:
                return found
