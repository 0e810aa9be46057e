# SPDX-License-Identifier: Apache-2.0
"""One connection to a pusher's Unix socket: requests and their answers, framed."""

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from google.protobuf.message import DecodeError

from hectograph.errors import Unavailable
from hectograph.pusher import pusher_pb2 as pb
from hectograph.pusher.messages import error_of

PROTOCOL = 1
PREFIX_BYTES = 4
RESPONSE_BYTES = 1_048_576
TIMEOUT_SECONDS = 10.0
"""A pusher answers in milliseconds; a file on a hung network mount may hold up a start."""


class Connection:
    def __init__(self, path: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._path = path
        self._timeout = timeout
        self.turn = asyncio.Lock()
        self._last_id = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
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
            raise self.unavailable(f"no pusher answers: {error}") from error
        try:
            await self._check_protocol()
        except BaseException:
            await self.close()
            raise

    async def _check_protocol(self) -> None:
        protocol = (await self.ask(pb.Request(hello=pb.HelloRequest()))).hello.protocol
        if protocol != PROTOCOL:
            raise self.unavailable(f"the pusher speaks protocol {protocol}, not {PROTOCOL}")

    async def close(self) -> None:
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def ask(self, request: pb.Request) -> pb.Response:
        async with self.turn:
            try:
                async with asyncio.timeout(self._timeout):
                    await self.send(request)
                    response = await self.receive(request)
            except BaseException as error:
                # The answer may still come: this connection has lost its place.
                await self.close()
                if isinstance(error, TimeoutError):
                    raise self.unavailable(f"no answer within {self._timeout:g} s") from error
                if isinstance(error, OSError | EOFError | DecodeError):
                    raise self.unavailable(f"the connection is lost: {error}") from error
                raise
        return checked(response)

    async def send(self, request: pb.Request) -> None:
        if self._streams is None:
            raise self.unavailable("not connected")
        _, writer = self._streams
        self._last_id += 1
        request.id = self._last_id
        message = request.SerializeToString()
        writer.write(len(message).to_bytes(PREFIX_BYTES, "big") + message)
        await writer.drain()

    async def receive(self, request: pb.Request) -> pb.Response:
        assert self._streams is not None
        reader, _ = self._streams
        length = int.from_bytes(await reader.readexactly(PREFIX_BYTES), "big")
        if length > RESPONSE_BYTES:
            raise EOFError(f"an answer of {length} bytes is no pusher's")
        response = pb.Response.FromString(await reader.readexactly(length))
        # 0: the request could not be decoded; the status says so.
        if response.id not in (request.id, 0):
            raise EOFError(f"answer {response.id} to request {request.id}")
        return response

    def unavailable(self, what: str) -> Unavailable:
        return Unavailable(what, where=f"pusher {self._path}")


def checked(response: pb.Response) -> pb.Response:
    """Raises what it refused."""
    if response.HasField("status"):
        raise error_of(response.status)
    return response
