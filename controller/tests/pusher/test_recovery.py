# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a running stream: its interface, its file."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pusherlab import SEGMENT, Lab

from hectograph.core.model import FileSource, Rate
from hectograph.core.streams import PushPhase, PushSpec, PushState
from hectograph.pusher import PusherClient


def spec(path: Path, pushes_per_second: int = 1000) -> PushSpec:
    rate = Rate(packets_per_second=pushes_per_second)
    return PushSpec(FileSource(str(path)), (1,), 0, 0, rate, loop=False)


async def until(
    client: PusherClient, name: str, condition: Callable[[PushState], bool]
) -> PushState:
    deadline = time.monotonic() + 20
    while True:
        (state,) = [state for state in await client.list() if state.name == name]
        if condition(state):
            return state
        assert time.monotonic() < deadline, state


def has_ended(state: PushState) -> bool:
    return state.phase is not PushPhase.RUNNING


@pytest.mark.parametrize(
    ("peer", "trouble"), [(False, "the interface is down"), (True, "the interface has no carrier")]
)
async def test_interface_down_and_up(lab: Lab, data: bytes, peer: bool, trouble: str) -> None:
    """It waits, says so, and goes on with the next segment: nothing is lost or sent twice."""
    lab.serve()
    with lab.capture() as capture:
        async with PusherClient(lab.control) as client:
            await client.start("film", spec(lab.file(data)))
            for count in (100, 200):
                capture.wait_for(count)
                lab.set_state("down", peer=peer)
                waiting = await until(client, "film", lambda state: state.error != "")
                assert waiting.phase is PushPhase.RUNNING
                assert waiting.error.endswith(trouble)
                lab.set_state("up", peer=peer)
                running = await until(client, "film", lambda state: state.error == "")
                assert running.phase is PushPhase.RUNNING
            done = await until(client, "film", has_ended)
            counters = await client.counters()
    assert done.phase is PushPhase.DONE
    assert capture.content() == data
    assert counters.send_retries + counters.send_errors > 0


async def test_interface_deleted_and_made_again(lab: Lab, data: bytes) -> None:
    """It is another interface then, with the same name."""
    lab.serve()
    async with PusherClient(lab.control) as client:
        with lab.capture() as before:
            await client.start("film", spec(lab.file(data), 300))
            before.wait_for(100)
            lab.remove_link()
            waiting = await until(client, "film", lambda state: state.error != "")
            assert waiting.error.endswith("no such interface")
            assert (await client.hello()).mtu == 0
        lab.make_link()
        with lab.capture() as after:
            done = await until(client, "film", has_ended)
    assert done.phase is PushPhase.DONE
    assert done.error == ""
    assert before.content() == data[: len(before.content())]
    # Whatever was pushed until someone listened again was pushed once, and in order.
    offset = after.pushes[0].offset
    assert b"".join(push.payload for push in after.pushes) == data[offset:]
    assert done.pushes == -(-len(data) // SEGMENT)


async def test_mtu_that_shrinks(lab: Lab, data: bytes) -> None:
    lab.serve()
    with lab.capture() as capture:
        async with PusherClient(lab.control) as client:
            await client.start("film", spec(lab.file(data)))
            capture.wait_for(50)
            lab.set_mtu(1280)
            failed = await until(client, "film", has_ended)
    assert failed.phase is PushPhase.FAILED
    assert "segment_bytes 1452" in failed.error
    assert "1280" in failed.error


def truncate(path: Path) -> None:
    os.truncate(path, 100_000)


def shorten_last_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"something else")


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("change", [truncate, shorten_last_page, overwrite, append])
async def test_file_that_changes(lab: Lab, data: bytes, change: Callable[[Path], None]) -> None:
    """Its stream fails and says why; another goes on. What was sent until then is right."""
    program = lab.serve()
    doomed, other = lab.file(data, "doomed"), lab.file(data, "other")
    with lab.capture() as capture:
        async with PusherClient(lab.control) as client:
            await client.start("doomed", spec(doomed))
            await client.start("other", replace(spec(other), groups=(2,)))
            capture.wait_for(200)
            change(doomed)
            failed = await until(client, "doomed", has_ended)
            assert (await until(client, "other", has_ended)).phase is PushPhase.DONE
    assert program.running()
    assert failed.phase is PushPhase.FAILED
    assert failed.error.startswith(f"{doomed}: the file ")
    assert capture.content(2) == data
    assert data.startswith(capture.content(1))


async def test_file_that_is_removed(lab: Lab, data: bytes) -> None:
    """Its bytes stay as long as someone has it open."""
    lab.serve()
    path = lab.file(data)
    with lab.capture() as capture:
        async with PusherClient(lab.control) as client:
            await client.start("film", spec(path, 3000))
            capture.wait_for(100)
            path.unlink()
            assert (await until(client, "film", has_ended)).phase is PushPhase.DONE
    assert capture.content() == data
