# SPDX-License-Identifier: Apache-2.0
"""One HTTP download, of which parts may arrive over several connections."""

import asyncio
from http import HTTPStatus
from typing import Literal

import httpx

from hectograph.errors import InvalidInput, Unavailable
from hectograph.library.reading import Progress
from hectograph.library.store import Part
from hectograph.library.threads import to_the_end
from hectograph.library.validator import if_range, range_start
from hectograph.library.version import check_size

HEAD_SECONDS = 60.0
"""For all that comes before the body, redirections too."""
SLOW_SECONDS = 30.0
SLOW_BYTES = 30 << 10
"""An origin that sends less in that time keeps others waiting for its place."""
RESERVE_BYTES = 64 << 20
"""Of the disk, for others: the controller's database, say."""
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class Broken(Exception):
    """The rest may come another time."""


class Download:
    def __init__(
        self, client: httpx.AsyncClient, url: str, where: str, part: Part, progress: Progress
    ) -> None:
        """`where`: the URL, as errors show it."""
        self._client = client
        self._url = url
        self._where = where
        self._part = part
        self._progress = progress
        self._validator: str | None = None
        self.began = False
        """The server has it, and some of it was here."""

    async def go_on(self) -> None:
        """Get all that is missing. Broken: the transfer ended before that."""
        # A content is what the bytes are, not what they unpack to.
        headers = {"Accept-Encoding": "identity"}
        if self._part.bytes and self._validator:
            headers |= {"Range": f"bytes={self._part.bytes}-", "If-Range": self._validator}
        try:
            async with (
                asyncio.timeout(HEAD_SECONDS) as limit,
                self._client.stream("GET", self._url, headers=headers) as response,
            ):
                total = await self._begin(response, "Range" in headers)
                limit.reschedule(None)
                await self._take(response, total)
        except (httpx.TooManyRedirects, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise InvalidInput(str(error), where=self._where) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Broken("the server does not answer in time") from error
        except httpx.TransportError as error:
            raise Broken(str(error) or type(error).__name__) from error

    async def _begin(self, response: httpx.Response, resuming: bool) -> int | None:
        """The file is as long as what the body continues; how long the whole is, if known."""
        total: int | None = None
        match self._meaning(response, resuming):
            case "rest":
                start, total = range_start(response.headers) or (None, None)
                if start != self._part.bytes:
                    self._validator = None  # of no use with this server
                    raise Broken(f"sent bytes {start} on, not {self._part.bytes} on")
            case "all":
                if self._part.bytes:
                    await to_the_end(self._part.start_over)
                length = response.headers.get("content-length", "")
                total = int(length) if length.isdecimal() and len(length) < 19 else None
                self._validator = if_range(response.headers)
        if total is not None:
            check_size(total, self._where)
            self._check_space(total - self._part.bytes)
        return total

    def _meaning(self, response: httpx.Response, resuming: bool) -> Literal["rest", "all"]:
        status = response.status_code
        encoding = response.headers.get("content-encoding", "identity")
        if response.is_success and encoding != "identity":
            raise InvalidInput(f"the server sends it as {encoding} only", where=self._where)
        if status == HTTPStatus.PARTIAL_CONTENT and resuming:
            return "rest"
        if status == HTTPStatus.OK:
            return "all"
        answer = f"the server answered {status} {response.reason_phrase}".rstrip()
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and resuming:
            self._validator = None
            raise Broken(answer)
        if response.is_server_error or status in _LATER:
            raise Broken(answer)
        raise InvalidInput(answer, where=self._where)

    async def _take(self, response: httpx.Response, total: int | None) -> None:
        part = self._part
        self._progress(part.bytes, total)
        clock = asyncio.get_running_loop().time
        since, before = clock(), part.bytes
        async for chunk in response.aiter_raw():
            check_size(part.bytes + len(chunk), self._where)
            self._check_space(len(chunk))
            await to_the_end(part.append, chunk)
            self.began = True
            self._progress(part.bytes, total)
            if clock() - since > SLOW_SECONDS:
                self._check_rate(part.bytes - before, clock() - since)
                since, before = clock(), part.bytes
        if total is not None and part.bytes != total:
            raise Broken(f"ended after {part.bytes} of {total} bytes")

    def _check_rate(self, got: int, seconds: float) -> None:
        if got < SLOW_BYTES:
            raise Unavailable(
                f"the server is too slow: {got} bytes in {seconds:.0f} s", where=self._where
            )

    def _check_space(self, needed: int) -> None:
        free = self._part.free_bytes() - RESERVE_BYTES
        if free < needed:
            raise Unavailable(
                f"{needed} bytes are to come, and the store has room for {max(free, 0)}",
                where=self._where,
            )
