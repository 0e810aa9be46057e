# SPDX-License-Identifier: Apache-2.0
"""Moves every content on: fetches or reads it, publishes it, and lets it go."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hectograph.core import content_edits, publishing
from hectograph.core.hosting import Views
from hectograph.core.model import FileSource
from hectograph.core.records import ContentRecord, Edit, FileVersion
from hectograph.core.redact import redact
from hectograph.core.state import State
from hectograph.errors import HectographError
from hectograph.library import Roots, fetch, is_another, is_same, measure, origin_of, sweep
from hectograph.reconciler.tasks import wait_until

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks when nothing calls: hosts go away by and by."""

FILE_LOOK_SECONDS = 2.0
"""Between two looks at whether the files are what they were."""

MAX_READINGS = 2
"""Of files, at a time: each keeps a thread busy, of which others need some too."""

MAX_FETCHES = 8
MAX_FETCHES_AN_ORIGIN = 2
"""At a time: one that is slow keeps none from the others."""

Commit = Callable[[Callable[[State], Edit]], Awaitable[None]]
"""Decides on the state as it is then, commits and applies."""


@dataclass(slots=True)
class Acquisition:
    """The fetching or reading of one content."""

    record: ContentRecord
    task: "asyncio.Task[None]"
    done_bytes: int = 0
    total_bytes: int | None = None


class Librarian:
    def __init__(
        self,
        state: State,
        views: Callable[[], Views],
        commit: Commit,
        directory: Path,
        roots: Roots,
    ) -> None:
        """`directory`: of what is fetched. `roots`: of the other files that may be served."""
        self._state = state
        self._views = views
        self._commit = commit
        self._directory = directory
        self._roots = roots
        self._acquisitions: dict[str, Acquisition] = {}
        self._readings = asyncio.Semaphore(MAX_READINGS)
        self._fetches = asyncio.Semaphore(MAX_FETCHES)
        self._origins: dict[str, asyncio.Semaphore] = {}
        self._wake = asyncio.Event()
        self._files_looked_at = 0.0

    def wake(self) -> None:
        self._wake.set()

    def progress(self, record: ContentRecord) -> tuple[int, int | None]:
        """Bytes that were fetched or read, and of how many."""
        acquisition = self._acquisitions.get(record.content.name)
        if acquisition is None or acquisition.record.number != record.number:
            return 0, None
        return acquisition.done_bytes, acquisition.total_bytes

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._sweep()
            while True:
                self._wake.clear()
                await self._look()
                clock = asyncio.get_running_loop().time
                await wait_until(self._wake, clock() + LOOK_SECONDS)
        finally:
            tasks = [acquisition.task for acquisition in self._acquisitions.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        self._drop_acquisitions()
        await self._look_at_files()
        for record in list(self._state.contents.values()):
            try:
                await self._move_on(record)
            except HectographError as error:
                logger.warning("content %s: %s", record.content.name, error)
            except Exception:
                logger.exception("content %s", record.content.name)

    async def _move_on(self, record: ContentRecord) -> None:
        name = record.content.name
        if record.version is None and record.error is None and record.leaving is None:
            if name not in self._acquisitions:
                self._begin(record)
            return
        now = time.monotonic()
        if not publishing.next_step(self._state, record, self._views(), now):
            return
        await self._commit(lambda state: publishing.next_step(state, record, self._views(), now))
        new = self._state.contents.get(name)
        if new is None:
            logger.info("content %s: gone", name)
            if not self._acquisitions:
                await self._sweep()
        elif new.error is not None:
            logger.warning("content %s: %s", name, new.error)
        else:
            logger.info("content %s: published", name)

    async def _look_at_files(self) -> None:
        """Those that are not what they were are read again: they may have the same bytes."""
        now = time.monotonic()
        if now - self._files_looked_at < FILE_LOOK_SECONDS:
            return
        self._files_looked_at = now
        served = [
            (record, record.version)
            for name, record in self._state.contents.items()
            if record.version and not record.error and not record.leaving
            if name not in self._acquisitions
        ]
        changes = await asyncio.to_thread(
            lambda: [(record, is_same(version)) for record, version in served]
        )
        for record, change in changes:
            if change is not None and content_edits.current(self._state, record) is not None:
                logger.info("content %s: %s", record.content.name, change)
                self._begin(record)

    def _begin(self, record: ContentRecord) -> None:
        work = self._acquire(record) if record.version is None else self._read_again(record)
        task = asyncio.create_task(work, name=f"content {record.content.name}")
        self._acquisitions[record.content.name] = Acquisition(record, task)

    def _drop_acquisitions(self) -> None:
        """Those that ended, and those of contents that are wanted no more."""
        for name, acquisition in list(self._acquisitions.items()):
            now = content_edits.current(self._state, acquisition.record)
            if now is None or now.leaving is not None:
                acquisition.task.cancel()
            if acquisition.task.done():
                del self._acquisitions[name]

    async def _acquire(self, record: ContentRecord) -> None:
        try:
            version = await self._read(record)
        except Exception as error:
            if not isinstance(error, HectographError):
                logger.exception("content %s", record.content.name)
            reason = redact(str(error)) or type(error).__name__
            await self._commit(lambda state: content_edits.failed(state, record, reason))
            logger.warning("content %s: %s", record.content.name, reason)
        else:
            await self._commit(lambda state: content_edits.found_version(state, record, version))
            logger.info("content %s: %s", record.content.name, version.sha256)
        self.wake()

    async def _read(self, record: ContentRecord) -> FileVersion:
        content = record.content
        if isinstance(content.source, FileSource):
            version = await self._measure(record, Path(content.source.path))
            content_edits.check_digest(content, version)
            return version
        return await self._fetch(record, content.source.url)

    async def _fetch(self, record: ContentRecord, url: str) -> FileVersion:
        origin = self._origins.setdefault(origin_of(url), asyncio.Semaphore(MAX_FETCHES_AN_ORIGIN))
        # The origin's turn first: who waits for it keeps no place from the others.
        async with origin, self._fetches:
            progress = self._progress_of(record)
            return await fetch(url, self._directory, record.content.sha256, progress)

    async def _read_again(self, record: ContentRecord) -> None:
        """Where the file is another one now, that which its hosts have opened is intact."""
        known = record.version
        assert known is not None
        change = await asyncio.to_thread(is_same, known)
        try:
            version = await self._measure(record, Path(known.path))
        except HectographError as error:
            version, change = None, str(error)
        if version is not None and version.sha256 == known.sha256:
            await self._commit(lambda state: content_edits.same_bytes(state, record, version))
        elif change is not None:
            intact = await asyncio.to_thread(is_another, known)
            await self._commit(
                lambda state: content_edits.failed(state, record, change, intact=intact)
            )
            logger.warning("content %s: %s", record.content.name, change)
        self.wake()

    async def _measure(self, record: ContentRecord, path: Path) -> FileVersion:
        fetched = not isinstance(record.content.source, FileSource)
        roots = Roots((self._directory,)) if fetched else self._roots
        async with self._readings:
            return await measure(path, self._progress_of(record), roots)

    def _progress_of(self, record: ContentRecord) -> Callable[[int, int | None], None]:
        def progress(done: int, total: int | None) -> None:
            acquisition = self._acquisitions[record.content.name]
            acquisition.done_bytes, acquisition.total_bytes = done, total

        return progress

    async def _sweep(self) -> None:
        """Files of the store that no content needs. Not while something is being fetched."""
        versions = [record.version for record in self._state.contents.values()]
        keep = {version.sha256 for version in versions if version is not None}
        await asyncio.to_thread(sweep, self._directory, keep)
