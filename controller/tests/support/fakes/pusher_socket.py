# SPDX-License-Identifier: Apache-2.0
"""A pusher's socket, as far as cohorts go: it answers in the host protocol's own bytes."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hectograph.core.cohorts import CohortEvent, CohortMember
from hectograph.pusher import pusher_pb2 as pb
from hectograph.pusher.cohorts import REASONS
from hectograph.pusher.flows import packed_address

MAC_BYTES = 6
REASON_NUMBERS = {reason: number for number, reason in REASONS.items()}
PREFIX_BYTES = 4


def event_message(event: CohortEvent) -> pb.CohortEvent:
    return pb.CohortEvent(
        cohort=event.cohort,
        content=event.content,
        joined=map(member_message, event.joined),
        left=[
            pb.CohortLeft(instance=each.instance, reason=REASON_NUMBERS[each.reason])
            for each in event.left
        ],
        ended=event.ended,
        groups=event.groups,
        entered=event.entered,
    )


def member_message(member: CohortMember) -> pb.CohortMember:
    return pb.CohortMember(
        instance=member.instance,
        client_address=packed_address(member.client),
        service_address=packed_address(member.service),
        client_port=member.client_port,
        service_port=member.service_port,
        client_mac=member.client_mac.to_bytes(MAC_BYTES),
        service_mac=member.service_mac.to_bytes(MAC_BYTES),
        vlan_tci=member.vlan_tci,
        port=member.port,
        sequence_base=member.sequence_base,
        acknowledgement=member.acknowledgement,
    )


class SocketPusher:
    """Answers requests with `answer`, which may be replaced; notes what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[pb.Request] = []
        self.first: list[pb.CohortEvent] = []
        """What a new watcher is told."""
        self.entered: asyncio.Queue[pb.EnterCohort] = asyncio.Queue()
        self.answers: dict[str, Callable[[pb.Request], pb.Response]] = {}
        """By the name of the request's field; empty responses are given without."""
        self._watcher: tuple[int, asyncio.StreamWriter] | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def run(self) -> AsyncGenerator["SocketPusher", None]:
        server = await asyncio.start_unix_server(self._serve, self.path)
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()

    @property
    def is_watched(self) -> bool:
        return self._watcher is not None

    def tell(self, *events: pb.CohortEvent) -> None:
        assert self._watcher is not None
        number, writer = self._watcher
        for event in events:
            _put(writer, pb.Response(id=number, cohort_event=event))

    def end_watch(self) -> None:
        assert self._watcher is not None
        self._watcher[1].close()
        self._watcher = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(PREFIX_BYTES))
                request = pb.Request.FromString(await reader.readexactly(length))
                self.asked.append(request)
                self._answer(request, writer)
        except (EOFError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, request: pb.Request, writer: asyncio.StreamWriter) -> None:
        what = request.WhichOneof("what")
        assert what is not None
        if what == "watch_cohorts" and what not in self.answers:
            self._watcher = request.id, writer
            self.tell(*self.first)
            return
        if what == "enter_cohort":
            self.entered.put_nowait(request.enter_cohort)
        response = pb.Response()
        if what in self.answers:
            response = self.answers[what](request)
        elif what == "hello":
            response.hello.protocol = 1
            response.hello.pid = os.getpid()
            response.hello.mac = bytes(MAC_BYTES)
            response.hello.mtu = 9000
        response.id = request.id
        _put(writer, response)


def _put(writer: asyncio.StreamWriter, response: pb.Response) -> None:
    message = response.SerializeToString()
    writer.write(len(message).to_bytes(PREFIX_BYTES) + message)
