# SPDX-License-Identifier: Apache-2.0
"""Reading a file for its digest."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from hectograph.core.records import FileVersion
from hectograph.errors import InvalidInput, Unavailable
from hectograph.library.roots import Roots
from hectograph.library.version import Identity, check_regular

Progress = Callable[[int, int | None], None]
"""Called on the event loop with the bytes done, and with all, where that is known."""

CHUNK_BYTES = 4 << 20


async def measure(path: Path, progress: Progress, roots: Roots) -> FileVersion:
    """Read all of it, in a thread that ends soon after this is cancelled.

    InvalidInput: beneath none of the roots, not a regular file, not readable, or changed while
    it was read;
    LimitExceeded: too large; Unavailable: the disk failed.
    """
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    def tell(done: int, total: int) -> None:
        if not stopped.is_set():
            progress(done, total)

    def report(done: int, total: int) -> None:
        if not stopped.is_set():
            loop.call_soon_threadsafe(tell, done, total)

    try:
        return await asyncio.to_thread(_measure, path, report, stopped, roots)
    finally:
        stopped.set()


def _measure(
    path: Path, report: Callable[[int, int], None], stopped: threading.Event, roots: Roots
) -> FileVersion:
    where = str(path)
    descriptor = roots.open(path)
    try:
        found = os.fstat(descriptor)
        check_regular(found, where)
        before = Identity.of(found)
        digest = hashlib.sha256()
        report(0, before.bytes)
        done = 0
        while not stopped.is_set() and (chunk := _read(descriptor, done, where)):
            digest.update(chunk)
            done += len(chunk)
            report(done, before.bytes)
        after, there = Identity.of(os.fstat(descriptor)), _identity(path)
    finally:
        os.close(descriptor)
    if not before == after == there or (done != before.bytes and not stopped.is_set()):
        raise InvalidInput("changed while it was read", where=where)
    return before.version(where, digest.hexdigest())


def _read(descriptor: int, offset: int, where: str) -> bytes:
    try:
        return os.read(descriptor, CHUNK_BYTES)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"reading at byte {offset}: {reason}", where=where) from error


def _identity(path: Path) -> Identity | None:
    """Of what the path names now."""
    try:
        return Identity.of(path.stat())
    except OSError:
        return None
