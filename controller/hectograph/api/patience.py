# SPDX-License-Identifier: Apache-2.0
"""How long, and how many, clients of the API may keep us waiting."""

import asyncio
from typing import Literal, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 256
"""Of one listener. Descriptors are needed for switches, hosts and the database, too."""

BACKLOG = 64
"""So many are accepted before the first of them is looked at."""

SECONDS = {"head": 10.0, "body": 60.0, "reader": 30.0}
"""For a request's head from the first byte to the last, or from the last answer; for its
body; and for a client to take some of an answer."""

What = Literal["head", "body", "reader"]


class PatientProtocol(H11Protocol):
    """uvicorn's, which waits for ever, and for as many as come.

    A new client gets in: when there are too many, who waits longest for a request's head goes.
    """

    waits_for: What | None = None
    since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > MAX_CONNECTIONS:
            self._oldest().give_up()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._arm(None)

    def give_up(self) -> None:
        self.connections.discard(self)  # who comes meanwhile has its place
        self.transport.abort()

    def _watch(self) -> None:
        now = self._what()
        if now != self.waits_for:
            self._arm(now)

    def _what(self) -> What | None:
        if self.transport.is_closing() or self.flow.write_paused:
            return "reader"
        if not self.cycle or self.cycle.response_complete:
            return "head"
        return "body" if self.cycle.more_body else None

    def _arm(self, what: What | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.waits_for, self.since = what, self.loop.time()
        if what is not None:
            self._timer = self.loop.call_later(SECONDS[what], self.give_up)

    def _oldest(self) -> "PatientProtocol":
        """Of those that may go; else it is this one."""
        others = cast("set[PatientProtocol]", self.connections)
        idle = [each for each in others if each.waits_for == "head"]
        return min(idle, key=lambda each: each.since, default=self)
