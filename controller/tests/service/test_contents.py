# SPDX-License-Identifier: Apache-2.0
"""Where contents come from: whatever an origin does, its content ends in a state, and the
others are not kept waiting."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.examples import CONTENT, HOST, SERVING_SWITCH
from fakes.pusher import FakePusher
from fakes.switch import FakeSwitch
from fakes.waiting import until

from hectograph.core.model import FileSource, UrlSource
from hectograph.core.status import ContentStage
from hectograph.library import download, fetching
from hectograph.reconciler.librarian import MAX_FETCHES_AN_ORIGIN
from hectograph.service import Service

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(fetching, "FIRST_PAUSE_SECONDS", 0.001)
    async with Service(
        tmp_path / "controller.db", driver=FakeSwitch(), pusher_driver=FakePusher()
    ) as service:
        await service.put_switch(SERVING_SWITCH)
        await service.put_host(HOST)
        yield service


@pytest.fixture
async def origin() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    """Starts a server that answers so; its URL."""
    servers: list[asyncio.Server] = []
    running: set[asyncio.Task[None] | None] = set()

    async def start(answer: Answer) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            running.add(asyncio.current_task())
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await reader.readuntil(b"\r\n\r\n")
                    await answer(writer)
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/film"

    yield start
    for server in servers:
        server.close()
    for task in filter(None, running):
        task.cancel()
    await asyncio.gather(*filter(None, running), return_exceptions=True)


async def put(service: Service, name: str, source: UrlSource | FileSource) -> None:
    await service.put_content(replace(CONTENT, name=name, source=source))


async def failure(service: Service, name: str) -> str:
    async def failed() -> bool:
        return (await service.content_status(name)).state is ContentStage.FAILED

    await until(failed, seconds=30)
    return (await service.content_status(name)).reason or ""


@pytest.mark.parametrize(
    "url",
    ["http://h:99999/", "http://h:0/", "http://[::1/", "http://h:80a/", "http://\u0664/"],
)
async def test_a_url_that_leads_nowhere(
    service: Service, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    await put(service, "film", UrlSource(url))
    assert await failure(service, "film")
    await asyncio.sleep(1)
    assert "Traceback" not in caplog.text
    assert len([line for line in caplog.text.splitlines() if "content film" in line]) == 1


async def wrong_redirect(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://h:99999/\r\nContent-Length: 0\r\n\r\n")


async def no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n")


async def wrong_length(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")


@pytest.mark.parametrize("answer", [wrong_redirect, no_http, wrong_length])
async def test_an_origin_that_answers_nonsense(
    service: Service, origin: Callable[[Answer], Awaitable[str]], answer: Answer
) -> None:
    await put(service, "film", UrlSource(await origin(answer)))
    assert await failure(service, "film")


async def test_an_origin_that_goes_on_at_a_place_that_no_number_has(
    service: Service, origin: Callable[[Answer], Awaitable[str]]
) -> None:
    digits = b"9" * 5000
    heads = [
        b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 9\r\n\r\n',
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 9\r\n"
        b"Content-Range: bytes " + digits + b"-" + digits + b"/" + digits + b"\r\n\r\n",
    ]
    asked = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        writer.write(heads[asked % 2] + b"part")
        asked += 1

    await put(service, "film", UrlSource(await origin(answer)))
    reason = await failure(service, "film")
    assert "ended after" in reason or "sent bytes None on" in reason or "body" in reason
    assert asked > 2


async def test_a_fault_of_ours_is_a_failure_too(
    service: Service,
    origin: Callable[[Answer], Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fault(_headers: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(download, "if_range", fault)
    url = await origin(lambda writer: _body(writer, b"x"))
    await put(service, "film", UrlSource(url))
    assert await failure(service, "film") == "a fault"


async def _body(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    await writer.drain()


async def trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_origins_that_trickle_keep_nobody_waiting(
    service: Service, origin: Callable[[Answer], Awaitable[str]], tmp_path: Path
) -> None:
    slow = UrlSource(await origin(trickle))
    for number in range(2 * MAX_FETCHES_AN_ORIGIN):
        await put(service, f"slow{number}", slow)
    await put(service, "other-slow", UrlSource(await origin(trickle)))
    (tmp_path / "file").write_bytes(bytes(3000))
    await put(service, "file", FileSource(str(tmp_path / "file")))
    await put(service, "fast", UrlSource(await origin(lambda writer: _body(writer, b"fast"))))

    async def got(name: str) -> bool:
        return (await service.content_status(name)).sha256 is not None

    for name in ("file", "fast"):
        await until(lambda name=name: got(name), seconds=20)


async def test_an_origin_that_trickles_fails(
    service: Service,
    origin: Callable[[Answer], Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
    await put(service, "film", UrlSource(await origin(trickle)))
    assert "too slow" in await failure(service, "film")


async def trickle_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_so_does_one_that_never_comes_to_the_body(
    service: Service,
    origin: Callable[[Answer], Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "HEAD_SECONDS", 0.3)
    await put(service, "film", UrlSource(await origin(trickle_head)))
    assert "does not answer in time" in await failure(service, "film")


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        await writer.drain()


async def test_what_does_not_say_its_length_leaves_others_their_room(
    service: Service,
    origin: Callable[[Answer], Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    room = 10 << 20

    def free(part: fetching.Part) -> int:
        return download.RESERVE_BYTES + room - part.bytes

    monkeypatch.setattr(fetching.Part, "free_bytes", free)
    await put(service, "film", UrlSource(await origin(endless)))
    assert "room for" in await failure(service, "film")
    assert not list((tmp_path / "contents").iterdir())
