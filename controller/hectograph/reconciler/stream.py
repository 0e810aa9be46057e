# SPDX-License-Identifier: Apache-2.0
"""One desired stream and its push at the host's pusher."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hectograph.core import links
from hectograph.core.model import FileSource
from hectograph.core.profiles import profile
from hectograph.core.records import Progress, StreamRecord
from hectograph.core.state import State
from hectograph.core.status import StreamState, StreamStatus
from hectograph.core.streams import (
    PushPhase,
    PushSpec,
    PushState,
    is_same_push,
    pacing_advice,
    progress_of,
    push_spec,
    pusher_name,
    resumed,
)
from hectograph.drivers.base import PusherHello, PusherSession
from hectograph.errors import HectographError, Unavailable
from hectograph.reconciler.tasks import Backoff

logger = logging.getLogger(__name__)

RETRY_SECONDS = (1.0, 30.0)
"""Until a stream that failed is started again: at first, and at most."""
SETTLE_SECONDS = 2.0
"""A start waits this long for joins that are on their way to the switch, not for ever."""
SAVE_SECONDS = 5.0
"""Between two notes of a file's offset, for the case that controller and pusher both die."""

SaveProgress = Callable[[StreamRecord, Progress], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class GroupReadiness:
    """Can a group be pushed to?"""

    missing: str | None = None
    """What a push cannot do without."""
    settling: str | None = None
    """What is worth waiting for, but not for ever."""


AskGroup = Callable[[str], GroupReadiness]


class StreamKeeper:
    """`record` is the state's current one; its run stays the same while this lives."""

    def __init__(
        self, record: StreamRecord, state: State, ask_group: AskGroup, save: SaveProgress
    ) -> None:
        self.record = record
        self._state = state
        self._ask_group = ask_group
        self._save = save
        self._progress = record.progress
        self._trees: tuple[int, ...] = ()
        self._late_seconds = 0.0
        self._phase = StreamState.DONE if record.progress.done else StreamState.WAITING
        self._reason: str | None = None if record.progress.done else "for its host"
        self._error: str | None = None
        self._backoff = Backoff(*RETRY_SECONDS)
        self._retry_at: float | None = None
        self._waiting_since: float | None = None
        self._saved_at = time.monotonic()

    @property
    def is_waiting(self) -> bool:
        return self._phase is StreamState.WAITING

    def host_lost(self, reason: str) -> None:
        if self._phase is not StreamState.DONE:
            self._set(StreamState.WAITING, reason=reason)

    async def settle(
        self, session: PusherSession, hello: PusherHello, seen: PushState | None
    ) -> None:
        """Compare with what the pusher says of it, and do what is missing."""
        if seen is not None:
            self._note(seen)
        if self.record.progress.done or (seen and seen.phase is PushPhase.DONE):
            await self._finish()
            return
        try:
            if seen is not None and seen.phase is PushPhase.RUNNING:
                await self._keep_running(session, hello, seen)
            elif seen is None or seen.phase is not PushPhase.FAILED:
                await self._begin(session, hello)
            elif self._retry_at is None:
                self._fail(seen.error)
            else:
                await self._begin(session, hello)
        except Unavailable:
            raise
        except HectographError as error:
            self._fail(str(error))

    async def _keep_running(
        self, session: PusherSession, hello: PusherHello, seen: PushState
    ) -> None:
        """It pushes to the group's trees, in segments that fit; else it is moved on."""
        self._retry_at = None
        if seen.pushes:
            self._backoff.reset()
        self._set(StreamState.RUNNING, reason=seen.error or None)
        await self._save_now_and_then()
        if not hello.mtu:
            return
        wanted = self._wanted(hello)
        if is_same_push(seen.spec, wanted):
            self._waiting_since = None
        elif self._why_not_yet() is None:
            self._note(await session.stop(seen.name))
            await self._start(session, wanted)

    async def _begin(self, session: PusherSession, hello: PusherHello) -> None:
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            return
        if not hello.mtu:
            self._set(StreamState.WAITING, reason=f"for the host's interface {hello.interface}")
            return
        wanted = self._wanted(hello)
        reason = self._why_not_yet()
        if reason is None:
            await self._start(session, wanted)
        else:
            self._set(StreamState.WAITING, reason=reason)

    async def _start(self, session: PusherSession, wanted: PushSpec) -> None:
        self._retry_at = None
        self._waiting_since = None
        spec = resumed(wanted, self._progress)
        self._note(await session.start(pusher_name(self.record), spec))
        self._set(StreamState.RUNNING)

    async def _finish(self) -> None:
        if not self.record.progress.done:
            await self._save(self.record, self._progress)
        self._set(StreamState.DONE)

    def _fail(self, error: str) -> None:
        self._retry_at = time.monotonic() + self._backoff.next()
        self._set(StreamState.FAILED, error=error)

    def _wanted(self, hello: PusherHello) -> PushSpec:
        """LimitExceeded when the stream's segments fit no push of this host."""
        stream = self.record.stream
        group = self._state.group(stream.group)
        size = links.segment_bytes(
            stream,
            self._state.switch(group.group.switch).switch,
            ipv6=group.has_ipv6,
            pusher_mtu=hello.mtu,
        )
        return push_spec(stream, tuple(sorted(group.trees)), size)

    def _why_not_yet(self) -> str | None:
        """None: start now. Joins that are under way are waited for, but not for ever."""
        group = self._ask_group(self.record.stream.group)
        if group.missing is not None:
            self._waiting_since = None
            return group.missing
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        if group.settling is not None and now - self._waiting_since < SETTLE_SECONDS:
            return group.settling
        return None

    def _note(self, seen: PushState) -> None:
        self._progress = progress_of(seen)
        self._trees = seen.spec.groups
        self._late_seconds = seen.late_seconds

    async def _save_now_and_then(self) -> None:
        now = time.monotonic()
        resumable = (
            isinstance(self.record.stream.source, FileSource) and not self.record.stream.loop
        )
        if resumable and now - self._saved_at >= SAVE_SECONDS:
            self._saved_at = now
            await self._save(self.record, self._progress)

    def _set(
        self, phase: StreamState, *, reason: str | None = None, error: str | None = None
    ) -> None:
        if phase is not self._phase:
            detail = reason or error
            logger.info(
                "stream %s: %s%s", self.record.stream.name, phase, f": {detail}" if detail else ""
            )
        self._phase, self._reason, self._error = phase, reason, error

    def status(self) -> StreamStatus:
        stream, progress = self.record.stream, self._progress
        group = self._state.group(stream.group)
        seconds = progress.elapsed_seconds
        return StreamStatus(
            name=stream.name,
            host=stream.host,
            group=stream.group,
            state=self._phase,
            reason=self._reason,
            error=self._error,
            trees=self._trees,
            segment_bytes=progress.segment_bytes,
            offset=progress.offset,
            total_bytes=progress.total_bytes or None,
            rounds=progress.rounds,
            pushes=progress.pushes,
            payload_bytes=progress.payload_bytes,
            elapsed_seconds=seconds,
            bits_per_second=8 * progress.payload_bytes / seconds if seconds else 0.0,
            packets_per_second=progress.pushes / seconds if seconds else 0.0,
            late_seconds=self._late_seconds,
            advice=pacing_advice(
                stream,
                progress.segment_bytes,
                len(group.members),
                profile(self._state.switch(group.group.switch).switch.profile),
            ),
        )
