# SPDX-License-Identifier: Apache-2.0
"""From a URL into the store, verified on the way."""

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx

from hectograph.core.records import FileVersion
from hectograph.core.redact import redact
from hectograph.errors import HectographError, InvalidInput, Unavailable
from hectograph.library.download import Broken, Download
from hectograph.library.reading import Progress, measure
from hectograph.library.roots import Roots
from hectograph.library.store import Part
from hectograph.library.threads import to_the_end

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds; of a single read, not of the whole."""
MAX_REDIRECTS = 10
RESUMPTIONS = 4
FIRST_PAUSE_SECONDS = 0.5


async def fetch(url: str, directory: Path, sha256: str | None, progress: Progress) -> FileVersion:
    """The file in `directory` that has these bytes; nothing is fetched where it is there already.

    InvalidInput: the server has no such thing, or its digest is not `sha256`;
    LimitExceeded: too large; Unavailable: no server, no room, or a transfer that broke and
    could not be resumed.
    """
    where = redact(url)
    origin_of(url)
    if sha256 is not None and (found := await _find(directory, sha256, progress)):
        return found
    try:
        part = Part(directory)
        try:
            await to_the_end(part.open)
            await _download(url, where, part, progress)
            if sha256 not in (None, part.sha256):
                raise InvalidInput(f"its SHA-256 is {part.sha256}, not {sha256}", where=where)
            return await to_the_end(part.publish)
        finally:
            await to_the_end(part.close)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot be kept in {directory}: {reason}", where=where) from error


async def _find(directory: Path, sha256: str, progress: Progress) -> FileVersion | None:
    """Believed only when it was read: disks forget."""
    path = directory / sha256
    if await asyncio.to_thread(path.exists):
        with suppress(HectographError):
            found = await measure(path, progress, Roots((directory,)))
            return found if found.sha256 == sha256 else None
    return None


async def _download(url: str, where: str, part: Part, progress: Progress) -> None:
    """Some more times from where it broke, or from the start where that cannot be."""
    async with httpx.AsyncClient(
        timeout=TIMEOUT, follow_redirects=True, max_redirects=MAX_REDIRECTS
    ) as client:
        download = Download(client, url, where, part, progress)
        for attempt in range(RESUMPTIONS + 1):
            try:
                return await download.go_on()
            except Broken as broken:
                if not download.began or attempt == RESUMPTIONS:
                    raise Unavailable(str(broken), where=where) from broken
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    return None


def origin_of(url: str) -> str:
    """Scheme, host and port (RFC 6454, 4); InvalidInput: there can be no server."""
    where = redact(url)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInput(redact(str(error)), where=where) from error
    if not 0 < (80 if parsed.port is None else parsed.port) < 1 << 16:
        raise InvalidInput(f"there is no port {parsed.port}", where=where)
    return f"{parsed.scheme}://{parsed.netloc.decode()}"
