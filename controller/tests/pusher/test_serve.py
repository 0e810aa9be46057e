# SPDX-License-Identifier: Apache-2.0
"""``hectograph-pusher serve`` and its client: streams, refusals, and the control socket."""

import asyncio
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from pusherlab import HOST, SEGMENT, Lab, wait_until

from hectograph.core.model import FileSource, Rate, UdpSource
from hectograph.core.streams import PushPhase, PushSpec, PushState
from hectograph.errors import (
    Conflict,
    HectographError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from hectograph.pusher import PusherClient

SLOW = Rate(packets_per_second=100)


def spec(path: Path, rate: Rate = SLOW, **other: object) -> PushSpec:
    """A file to group 1, in segments of the default size."""
    wanted = PushSpec(FileSource(str(path)), (1,), 0, 0, rate, loop=False)
    return replace(wanted, **other)  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def pusher(lab: Lab) -> AsyncIterator[PusherClient]:
    """Ends well, too: a build with sanitizers says otherwise by its exit status."""
    program = lab.serve("--name", "film-host")
    async with PusherClient(lab.control) as client:
        yield client
    assert program.stop() == 0


async def ended(pusher: PusherClient, name: str) -> PushState:
    while True:
        (state,) = [state for state in await pusher.list() if state.name == name]
        if state.phase is not PushPhase.RUNNING:
            return state
        await asyncio.sleep(0.01)


async def test_hello(pusher: PusherClient) -> None:
    hello = await pusher.hello()
    assert (hello.interface, hello.mtu) == (HOST, 1500)
    assert hello == await pusher.hello()


async def test_a_stream_runs_ends_and_stays_listed(
    lab: Lab, pusher: PusherClient, data: bytes
) -> None:
    path = lab.file(data)
    with lab.capture() as capture:
        begun = await pusher.start("film", spec(path, Rate(packets_per_second=3000), content=9))
        assert begun.phase is PushPhase.RUNNING
        assert begun.spec.segment_bytes == SEGMENT
        assert begun.total_bytes == len(data)
        done = await ended(pusher, "film")
    assert done.phase is PushPhase.DONE
    assert (done.offset, done.payload_bytes, done.rounds) == (len(data), len(data), 1)
    assert done.pushes == len(capture.pushes)
    # Never faster; a loaded machine makes it later.
    assert 0.7 * done.pushes / 3000 < done.elapsed_seconds < done.pushes / 3000 + 2
    assert capture.content() == data
    counters = await pusher.counters()
    assert (counters.pushes, counters.payload_bytes) == (done.pushes, len(data))
    assert counters.frame_bytes == len(data) + 30 * done.pushes
    assert await pusher.stop("film") == done
    assert await pusher.list() == []
    assert (await pusher.counters()).pushes == done.pushes


async def test_several_streams_at_once(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    path = lab.file(data)
    with lab.capture() as capture:
        for group in (1, 2, 3):
            rate = Rate(bits_per_second=20_000_000 * group)
            await pusher.start(f"to-{group}", spec(path, rate, groups=(group,), content=group))
        for group in (1, 2, 3):
            assert (await ended(pusher, f"to-{group}")).phase is PushPhase.DONE
    for group in (1, 2, 3):
        assert capture.content(group) == data
        assert {push.content for push in capture.pushes if push.group == group} == {group}


async def test_start_is_idempotent(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    wanted = spec(lab.file(data))
    first = await pusher.start("film", wanted)
    again = await pusher.start("film", wanted)
    in_force = await pusher.start("film", replace(wanted, segment_bytes=SEGMENT))
    assert first.spec == again.spec == in_force.spec
    assert len(await pusher.list()) == 1
    for other in (
        replace(wanted, content=1),
        replace(wanted, groups=(1, 2)),
        replace(wanted, segment_bytes=1000),
        replace(wanted, rate=Rate(bits_per_second=1)),
        replace(wanted, loop=True),
        replace(wanted, start_offset=SEGMENT),
        replace(wanted, source=FileSource("/etc/hostname")),
        replace(wanted, source=UdpSource(IPv4Address("127.0.0.1"), 9000)),
    ):
        with pytest.raises(Conflict, match="stream film runs already"):
            await pusher.start("film", other)


async def test_stop_and_start_elsewhere(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    """What a controller does to go on where a stream was."""
    path = lab.file(data)
    with lab.capture() as capture:
        await pusher.start("film", spec(path, Rate(packets_per_second=1000)))
        capture.wait_for(100)
        stopped = await pusher.stop("film")
        assert stopped.phase is PushPhase.STOPPED
        assert stopped.offset == stopped.payload_bytes == stopped.pushes * SEGMENT
        rest = spec(path, Rate(packets_per_second=3000), start_offset=stopped.offset)
        await pusher.start("film", rest)
        await ended(pusher, "film")
    assert capture.content() == data


async def test_an_ended_stream_is_replaced(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    """And gives its port back as soon as it has ended."""
    fast = Rate(packets_per_second=10_000)
    await pusher.start("film", spec(lab.file(data[:3000]), fast))
    await ended(pusher, "film")
    udp = UdpSource(IPv4Address("127.0.0.1"), 9000)
    for _ in range(2):
        state = await pusher.start("film", spec(Path(), fast, source=udp))
        assert state.spec.source == udp
        await pusher.stop("film")


async def test_the_list_is_bounded(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    """64 streams; the one that ended first gives way, one that runs does not."""
    path = lab.file(data)
    await pusher.start("runs", spec(path, Rate(packets_per_second=1)))
    tiny = spec(lab.file(b"x", "tiny"), Rate(packets_per_second=1000))
    for number in range(64):
        await pusher.start(f"tiny-{number}", tiny)
        await ended(pusher, f"tiny-{number}")
    names = [state.name for state in await pusher.list()]
    assert names == ["runs", *(f"tiny-{number}" for number in range(1, 64))]
    endless = spec(path, Rate(packets_per_second=1), loop=True)
    for number in range(63):
        await pusher.start(f"endless-{number}", endless)
    with pytest.raises(LimitExceeded, match="64 streams run already"):
        await pusher.start("one-more", endless)


async def test_refusals(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    path = lab.file(data)
    cases: list[tuple[type[HectographError], str, PushSpec]] = [
        (NotFound, "/none: No such file", spec(Path("/none"))),
        (InvalidInput, "Is a directory", spec(lab.testbed.directory)),
        (InvalidInput, "the file is empty", spec(lab.file(b"", "empty"))),
        (InvalidInput, "must be absolute", spec(Path("content"))),
        (InvalidInput, "no group", spec(path, groups=())),
        (InvalidInput, "group 65536", spec(path, groups=(65536,))),
        (LimitExceeded, "65 groups", spec(path, groups=tuple(range(1, 66)))),
        (LimitExceeded, "segment_bytes 1485.*1500", spec(path, segment_bytes=1485)),
        (LimitExceeded, "segment_bytes 70000.*65507", spec(path, segment_bytes=70_000)),
        (InvalidInput, "rate of 0", spec(path, Rate(packets_per_second=0))),
        (InvalidInput, "not inside", spec(path, start_offset=SEGMENT * 1000)),
        (InvalidInput, "longer than 4095", spec(Path("/" + "x" * 4095))),
        (InvalidInput, "zero byte", spec(Path("/a\0b"))),
        (InvalidInput, "not UTF-8", spec(Path("/\udcff"))),
        (InvalidInput, "cannot bind", spec(Path(), source=UdpSource(IPv4Address("192.0.2.1"), 1))),
    ]
    for kind, message, wanted in cases:
        with pytest.raises(kind, match=message):
            await pusher.start("film", wanted)
    with pytest.raises(InvalidInput, match="stream name"):
        await pusher.start("Film!", spec(path))
    with pytest.raises(NotFound, match="no stream is called"):
        await pusher.stop("film")
    with pytest.raises(NotFound, match=r"xxx\.\.\.|File name too long|xxx"):
        await pusher.start("film", spec(Path("/" + "/".join(["x" * 200] * 20))))
    assert await pusher.list() == []


async def test_port_in_use(pusher: PusherClient) -> None:
    udp = spec(Path(), source=UdpSource(IPv4Address("127.0.0.1"), 9000))
    await pusher.start("one", udp)
    with pytest.raises(Conflict, match="port 9000: cannot bind: Address already in use"):
        await pusher.start("other", udp)


async def test_calls_may_overlap(pusher: PusherClient) -> None:
    hellos = await asyncio.gather(*(pusher.hello() for _ in range(100)))
    assert len(set(hellos)) == 1


def connect(lab: Lab, client: socket.socket) -> None:
    client.connect(str(lab.control))
    client.settimeout(5)


def fill(client: socket.socket, requests: bytes) -> None:
    """Until neither side has room for more."""
    client.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            client.send(requests)


async def test_garbage_hurts_nobody(lab: Lab, pusher: PusherClient, data: bytes) -> None:
    """Garbage, over-long and unfinished messages, clients that never read, and too many."""
    list_request = b"\x00\x00\x00\x04\x08\x01\x2a\x00"
    with lab.capture() as capture, ExitStack() as clients:
        over_long, nonsense, unfinished, deaf, *crowd = (
            clients.enter_context(closing(socket.socket(socket.AF_UNIX))) for _ in range(54)
        )
        await pusher.start("film", spec(lab.file(data), Rate(packets_per_second=1000)))
        connect(lab, over_long)
        over_long.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answer = over_long.recv(4096)
        assert b"at most 65536" in answer
        assert over_long.recv(4096) == b""
        connect(lab, nonsense)
        nonsense.sendall(b"\x00\x00\x00\x03\xff\xff\xff" + list_request)
        wait_until(lambda: b"film" in nonsense.recv(65536, socket.MSG_PEEK))
        assert b"cannot be decoded" in nonsense.recv(65536)
        connect(lab, unfinished)
        unfinished.sendall(b"\x00\x00\xff\xff" + bytes(1000))
        connect(lab, deaf)
        fill(deaf, list_request * 100)
        for client in crowd:
            connect(lab, client)
        assert len(await pusher.list()) == 1
        done = await ended(pusher, "film")
    assert done.phase is PushPhase.DONE
    assert capture.content() == data
    assert (await pusher.counters()).bad_requests == 2


async def test_socket_is_private_and_goes_with_the_pusher(lab: Lab) -> None:
    program = lab.serve()
    assert stat.S_IMODE(lab.control.stat().st_mode) == 0o600
    assert program.stop() == 0
    assert not lab.control.exists()


async def test_second_pusher_is_refused(lab: Lab) -> None:
    first = lab.serve()
    second = lab.start_serve(name="second")
    assert second.popen.wait(5) == 1
    assert f"already served by pid {first.pid}" in second.output()
    async with PusherClient(lab.control) as client:
        assert (await client.hello()).pid == first.pid


async def test_a_file_that_is_no_socket_is_left_alone(lab: Lab) -> None:
    lab.control.write_text("mine")
    program = lab.start_serve()
    assert program.popen.wait(5) == 1
    assert "exists and is not a socket" in program.output()
    assert lab.control.read_text() == "mine"


def settled(value: Callable[[], int]) -> int:
    """What it comes to: the capture may be behind what was sent."""
    before = -1
    while (now := value()) != before:
        before = now
        time.sleep(0.2)
    return now


async def test_kill_and_restart(lab: Lab, data: bytes) -> None:
    """The client says that it is gone; the next one takes the socket over, and goes on."""
    path = lab.file(data)
    program = lab.serve()
    with lab.capture() as capture:
        async with PusherClient(lab.control) as client:
            await client.start("film", spec(path, Rate(packets_per_second=1000)))
            capture.wait_for(50)
            program.signal(signal.SIGKILL)
            program.popen.wait()
            with pytest.raises(Unavailable, match="connection is lost"):
                await client.list()
            with pytest.raises(Unavailable, match="not connected"):
                await client.list()
        arrived = settled(lambda: len(capture.content()))
        with pytest.raises(Unavailable, match="no pusher answers"):
            await PusherClient(lab.control).connect()
        program.start()
        wait_until(lambda: program.output().count("control socket") == 2)
        async with PusherClient(lab.control) as client:
            assert (await client.hello()).pid == program.pid
            assert await client.list() == []
            rest = spec(path, Rate(packets_per_second=3000), start_offset=arrived)
            await client.start("film", rest)
            await ended(client, "film")
    assert capture.content() == data


async def test_what_answers_is_no_pusher(lab: Lab) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for answer, said in ((nonsense, "is no pusher's"), (silence, "no answer within")):
        server = await asyncio.start_unix_server(answer, lab.control)
        with pytest.raises(Unavailable, match=said):
            await PusherClient(lab.control, timeout=0.3).connect()
        server.close()
        await server.wait_closed()


async def test_serve_without_interface(lab: Lab) -> None:
    program = lab.start_serve("--interface", "nope")
    assert program.popen.wait(5) == 1
    assert program.output() == "hectograph-pusher: nope: no such interface\n"


async def test_hectograph_pusher(lab: Lab) -> None:
    """The command becomes the program; it makes the socket's folder."""
    code = "import typer; from hectograph.cli.pusher import pusher; typer.run(pusher)"
    control = lab.testbed.directory / "new" / "pusher.sock"
    command = [sys.executable, "-c", code, "--interface", HOST, "--control", str(control)]
    program = lab.testbed.start("command", command, lab.host)
    program.wait_until(control.exists)
    async with PusherClient(control) as client:
        assert (await client.hello()).pid == program.pid
    assert program.stop() == 0
