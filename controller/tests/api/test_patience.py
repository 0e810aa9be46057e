# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, on the HTTP server as the API uses it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.types import Receive, Scope, Send

from hectograph.api import patience
from hectograph.api.listener import Server, config, listen
from hectograph.api.patience import SECONDS, What
from hectograph.config import ListenAddress

SHORT_SECONDS = 0.3
LONG_SECONDS = 60.0

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
HALF_A_BODY = HEAD + b"\r\nab"
REQUEST = HEAD + b"\r\nabcd"

ANSWER = b"x" * (8 << 20)
"""More than sockets hold."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for begin in range(0, len(ANSWER), 65536):
        part = ANSWER[begin : begin + 65536]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    with listen(ListenAddress("127.0.0.1", 0)) as listener:
        server = Server(config(answer, shutdown_seconds=1))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


@asynccontextmanager
async def connected(port: int, said: bytes = b"") -> AsyncGenerator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def get(port: int) -> bytes:
    async with connected(port, REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) as (
        reader,
        _,
    ):
        return await reader.read()


async def closed(reader: asyncio.StreamReader) -> int:
    """How much came before the connection ended."""
    received = 0
    async with asyncio.timeout(20):
        with suppress(ConnectionResetError):
            while data := await reader.read(65536):
                received += len(data)
    return received


def impatient(monkeypatch: pytest.MonkeyPatch, what: What) -> None:
    """About one thing; the others may take as long as they like."""
    for each in SECONDS:
        monkeypatch.setitem(SECONDS, each, LONG_SECONDS)
    monkeypatch.setitem(SECONDS, what, SHORT_SECONDS)


@pytest.mark.parametrize(
    ("said", "what", "bit"),
    [
        (b"", "head", b""),
        (HEAD, "head", b"X-Slow: 1\r\n"),
        (HALF_A_BODY, "body", b""),
        (HALF_A_BODY.replace(b"4\r\n", b"4000\r\n"), "body", b"c"),
    ],
    ids=["nothing", "a head bit by bit", "half a body", "a body bit by bit"],
)
async def test_who_sends_too_slowly_is_left(
    monkeypatch: pytest.MonkeyPatch, port: int, said: bytes, what: What, bit: bytes
) -> None:
    impatient(monkeypatch, what)
    async with connected(port, said) as (reader, writer):

        async def trickle() -> None:
            while True:
                writer.write(bit)
                await asyncio.sleep(SHORT_SECONDS / 10)

        trickling = asyncio.create_task(trickle())
        await closed(reader)
        trickling.cancel()


async def test_who_does_not_take_the_answer_is_left(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    impatient(monkeypatch, "reader")
    async with connected(port, REQUEST) as (reader, _):
        await asyncio.sleep(4 * SHORT_SECONDS)
        assert await closed(reader) < len(ANSWER)


async def test_who_is_slow_and_takes_it_gets_it(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    impatient(monkeypatch, "head")
    async with connected(port, REQUEST) as (reader, _):
        await asyncio.sleep(4 * SHORT_SECONDS)
        async with asyncio.timeout(20):
            await reader.readuntil(b"\r\n\r\n")
            assert b"x" * 1000 in await reader.read(100_000)


async def test_a_new_client_gets_in_and_who_waited_longest_goes(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(patience, "MAX_CONNECTIONS", 2)
    async with connected(port, HEAD) as (oldest, _), connected(port, HALF_A_BODY) as (_, busy):
        assert (await get(port)).startswith(b"HTTP/1.1 200 OK")
        assert await closed(oldest) == 0
        assert not busy.transport.is_closing()
