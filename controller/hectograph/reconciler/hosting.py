# SPDX-License-Identifier: Apache-2.0
"""Keeps the desired contents on one host's pusher."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from hectograph.core.content_edits import last_modified
from hectograph.core.contents import ContentPhase, ContentSpec, ContentState, FileIdentity
from hectograph.core.records import ContentRecord, FileVersion, Leaving
from hectograph.core.state import State
from hectograph.drivers.base import PusherSession
from hectograph.errors import HectographError, Unavailable
from hectograph.library import is_same

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""Until a content that its pusher could not prepare is given to it again."""


class ContentHost:
    def __init__(self, host: str, state: State) -> None:
        self._host = host
        self._state = state
        self._refusals: dict[int, tuple[float, ContentState]] = {}
        """By number: when it was tried, and what came of it."""
        self.contents: Mapping[int, ContentState] = {}
        """As last seen, with those that the pusher refused as withdrawn."""

    @property
    def is_complete(self) -> bool:
        """Has it everything that it shall serve, but for what it cannot?"""
        return all(
            record.number in self.contents
            and self.contents[record.number].phase is not ContentPhase.PREPARING
            for record in self._wanted().values()
            if is_servable(record)
        )

    async def settle(self, session: PusherSession, *, may_remove_others: bool) -> None:
        """Add what is missing, remove what is wanted no more, and look again after changes."""
        seen = {content.spec.id: content for content in await session.contents()}
        wanted = self._wanted()
        servable = {number for number, record in wanted.items() if is_servable(record)}
        self._refusals = {n: r for n, r in self._refusals.items() if n in servable}
        changes = 0
        for number, content in seen.items():
            changes += await self._take_away(
                session, content, wanted.get(number), may_remove_others
            )
        for number, record in wanted.items():
            if is_servable(record) and self._is_due(number, seen.get(number)):
                await self._add(session, record)
                changes += 1
        if changes:
            seen = {content.spec.id: content for content in await session.contents()}
        refused = {number: refusal for number, (_, refusal) in self._refusals.items()}
        own = {n: _seen_as(content, wanted.get(n)) for n, content in seen.items()}
        self.contents = {**refused, **own}

    def _wanted(self) -> dict[int, ContentRecord]:
        records = self._state.contents_of(self._state.host(self._host))
        return {record.number: record for record in records}

    async def _take_away(
        self,
        session: PusherSession,
        content: ContentState,
        record: ContentRecord | None,
        may_remove_others: bool,
    ) -> bool:
        """What shall not be there, or not much longer; True: something was changed."""
        reset = True
        if record is None:
            if not may_remove_others:
                return False
            logger.info("host %s: content %d is nobody's", self._host, content.spec.id)
        elif record.leaving is Leaving.DRAIN or (
            record.error is not None and record.response_bytes is not None
        ):
            if content.phase is ContentPhase.DRAINING:
                return False
            reset = False
        elif (
            record.leaving is None
            and record.error is None
            # What is not measured yet is compared when it is.
            and (record.version is None or content.spec == spec_of(record) or not may_remove_others)
        ):
            return False
        await session.remove_content(content.spec.id, reset=reset)
        return True

    def _is_due(self, number: int, seen: ContentState | None) -> bool:
        tried_at, _ = self._refusals.get(number, (0.0, None))
        if time.monotonic() - tried_at < RETRY_SECONDS and tried_at:
            return False
        return seen is None or seen.phase in (ContentPhase.WITHDRAWN, ContentPhase.DRAINING)

    async def _add(self, session: PusherSession, record: ContentRecord) -> None:
        assert record.version is not None
        self._refusals.pop(record.number, None)
        if await changed_file(record.version):
            return  # the librarian reads it again
        try:
            state = await session.add_content(spec_of(record), identity_of(record))
        except Unavailable:
            raise
        except HectographError as refusal:
            error = str(refusal)
        else:
            if state.phase is not ContentPhase.WITHDRAWN:
                return
            error = state.error
        logger.warning("host %s: content %s: %s", self._host, record.content.name, error)
        self._refusals[record.number] = time.monotonic(), _refused(record, error)


async def changed_file(version: FileVersion) -> str | None:
    """Why the file is not the one whose digest was taken, if it is not."""
    return await asyncio.to_thread(is_same, version)


def is_servable(record: ContentRecord) -> bool:
    return record.version is not None and record.error is None and record.leaving is None


def spec_of(record: ContentRecord) -> ContentSpec:
    """The same on every host, so that their responses are the same bytes."""
    version = record.version
    assert version is not None
    return ContentSpec(
        id=record.number,
        path=version.path,
        etag=version.sha256,
        type=record.content.type,
        modified=last_modified(record),
    )


def identity_of(record: ContentRecord) -> FileIdentity:
    """Of the file whose digest was taken: its pusher opens no other."""
    version = record.version
    assert version is not None
    return FileIdentity(version.device, version.inode, version.changed_ns)


def _seen_as(content: ContentState, record: ContentRecord | None) -> ContentState:
    """What a pusher has under the number of another content, as when the controller begins with
    an empty database, is nothing yet of the content that it shall have."""
    if record is None or record.leaving is not None:
        return content
    if record.version is not None and content.spec == spec_of(record):
        return content
    return replace(content, phase=ContentPhase.PREPARING)


def _refused(record: ContentRecord, error: str) -> ContentState:
    nothing = ContentState(spec_of(record), ContentPhase.WITHDRAWN, 0, 0, 0, 0, error)
    return replace(nothing, file_bytes=record.version.bytes if record.version else 0)
