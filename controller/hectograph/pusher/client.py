# SPDX-License-Identifier: Apache-2.0
"""A client of the host protocol (host/pusher/pusher.proto) over the pusher's Unix socket."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from google.protobuf.message import DecodeError

from hectograph.core.contents import ContentPhase, ContentSpec, ContentState
from hectograph.core.flows import FlowCounters, FlowKey, FlowState
from hectograph.core.status import PusherCounters
from hectograph.core.streams import PushSpec, PushState
from hectograph.drivers.base import PusherHello
from hectograph.errors import Unavailable
from hectograph.pusher import pusher_pb2 as pb
from hectograph.pusher.contents import (
    content_message,
    content_of,
)
from hectograph.pusher.flows import (
    flow_counters_of,
    flow_message,
    flow_of,
    key_message,
)
from hectograph.pusher.messages import (
    counters_of,
    error_of,
    hello_of,
    spec_message,
    state_of,
)

T = TypeVar("T")

PROTOCOL = 1
PREFIX_BYTES = 4
RESPONSE_BYTES = 1_048_576
PREPARE_POLL_SECONDS = 0.05
ADOPT_FLOWS = 256
FORGET_FLOWS = 512
"""pusher.options: how many a request has room for."""
TIMEOUT_SECONDS = 10.0
"""A pusher answers in milliseconds; a file on a hung network mount may hold up a start."""


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some


class PusherClient:
    """One connection. Calls may overlap; they are made one after the other.

        async with PusherClient(path) as pusher:
            await pusher.start("film", spec)

    A lost connection raises Unavailable, and every later call does; a refusal raises
    what it means (InvalidInput, LimitExceeded, NotFound, Conflict, ToolFailure) with
    the pusher's own words.
    """

    def __init__(self, path: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._path = path
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._last_id = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "PusherClient":
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """And say hello: Unavailable unless a pusher that we understand answers."""
        try:
            self._streams = await asyncio.open_unix_connection(self._path)
        except (OSError, ValueError) as error:
            raise self._unavailable(f"no pusher answers: {error}") from error
        try:
            await self._check_protocol()
        except BaseException:
            await self.close()
            raise

    async def _check_protocol(self) -> None:
        protocol = (await self._ask(pb.Request(hello=pb.HelloRequest()))).hello.protocol
        if protocol != PROTOCOL:
            raise self._unavailable(f"the pusher speaks protocol {protocol}, not {PROTOCOL}")

    async def close(self) -> None:
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def hello(self) -> PusherHello:
        return hello_of((await self._ask(pb.Request(hello=pb.HelloRequest()))).hello)

    async def start(self, name: str, spec: PushSpec) -> PushState:
        """Also where it runs already with this specification; one that has ended is replaced.

        Conflict: it runs with another specification.
        """
        request = pb.StartStream(name=name, spec=spec_message(spec))
        return state_of((await self._ask(pb.Request(start=request))).stream)

    async def stop(self, name: str) -> PushState:
        """Stop it and take it off the list; its last state. NotFound: not on the list."""
        request = pb.Request(stop=pb.StopStream(name=name))
        return state_of((await self._ask(request)).stream)

    async def list(self) -> Sequence[PushState]:
        """Every stream, those that have ended too."""
        answer = await self._ask(pb.Request(list=pb.ListStreams()))
        return [state_of(stream) for stream in answer.list.streams]

    async def counters(self) -> PusherCounters:
        """Since the pusher started."""
        return counters_of((await self._ask(pb.Request(counters=pb.GetCounters()))).counters)

    async def add_content(self, spec: ContentSpec) -> ContentState:
        """Begin to prepare it; contents() tells when it is ready. Conflict: another has its id."""
        request = pb.AddContent(spec=content_message(spec))
        return content_of((await self._ask(pb.Request(add_content=request))).content)

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
            answer = await self._ask(pb.Request(list_contents=pb.ListContents(first=spec.id)))
            state = content_of(answer.contents.contents[0])
        return state

    async def remove_content(self, content: int, *, reset: bool = False) -> ContentState:
        """Let its downloads finish, or reset them; its last state. NotFound: there is none."""
        request = pb.RemoveContent(id=content, reset=reset)
        return content_of((await self._ask(pb.Request(remove_content=request))).content)

    async def contents(self) -> Sequence[ContentState]:
        """Every content, by ascending id."""
        found: list[ContentState] = []
        following = 0
        while True:
            request = pb.ListContents(first=following)
            answer = (await self._ask(pb.Request(list_contents=request))).contents
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
            answer = (await self._ask(pb.Request(list_flows=request))).flows
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
            made += (await self._ask(pb.Request(adopt_flows=request))).flows_changed.flows
        return made

    async def forget_flows(self, keys: Iterable[FlowKey]) -> int:
        """Another host has them: say nothing more to their clients. How many it knew."""
        gone = 0
        for some in batched(keys, FORGET_FLOWS):
            request = pb.ForgetFlows(flows=map(key_message, some))
            gone += (await self._ask(pb.Request(forget_flows=request))).flows_changed.flows
        return gone

    async def flow_counters(self) -> FlowCounters:
        """Since the pusher started."""
        request = pb.Request(flow_counters=pb.GetFlowCounters())
        return flow_counters_of((await self._ask(request)).flow_counters)

    async def _ask(self, request: pb.Request) -> pb.Response:
        async with self._turn:
            if self._streams is None:
                raise self._unavailable("not connected")
            self._last_id += 1
            request.id = self._last_id
            try:
                async with asyncio.timeout(self._timeout):
                    response = await self._exchange(*self._streams, request)
            except BaseException as error:
                # The answer may still come: this connection has lost its place.
                await self.close()
                if isinstance(error, TimeoutError):
                    raise self._unavailable(f"no answer within {self._timeout:g} s") from error
                if isinstance(error, OSError | EOFError | DecodeError):
                    raise self._unavailable(f"the connection is lost: {error}") from error
                raise
        if response.HasField("status"):
            raise error_of(response.status)
        return response

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: pb.Request
    ) -> pb.Response:
        message = request.SerializeToString()
        writer.write(len(message).to_bytes(PREFIX_BYTES, "big") + message)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(PREFIX_BYTES), "big")
        if length > RESPONSE_BYTES:
            raise EOFError(f"an answer of {length} bytes is no pusher's")
        response = pb.Response.FromString(await reader.readexactly(length))
        # 0: the request could not be decoded; the status says so.
        if response.id not in (request.id, 0):
            raise EOFError(f"answer {response.id} to request {request.id}")
        return response

    def _unavailable(self, what: str) -> Unavailable:
        return Unavailable(what, where=f"pusher {self._path}")
