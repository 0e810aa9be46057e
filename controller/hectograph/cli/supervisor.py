# SPDX-License-Identifier: Apache-2.0
"""Programs that are kept running, and that end with us, whatever ends us."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hectograph.errors import ToolFailure

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
SETTLED_SECONDS = 10.0
"""A program that ran for so long starts again without a pause."""
GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""

LONGEST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    command: Sequence[str]


class Supervisor:
    """What a child prints comes out on standard error, behind the child's name.

    Each child leads a process group, so that a Ctrl-C reaches the supervisor alone and
    nothing that a child started stays behind; and the kernel kills it when the
    supervisor itself is killed.
    """

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._stop = asyncio.Event()
        self._settled = False

    async def run(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Until SIGINT or SIGTERM. A child that ends before `settle` returns is an error."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        tasks = [asyncio.ensure_future(self._keep(child)) for child in self._children]
        tasks.append(asyncio.ensure_future(self._settle(settle)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._stop.set()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self, settle: Callable[[], Awaitable[None]]) -> None:
        settling = asyncio.ensure_future(settle())
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([settling, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if settling.done():
            settling.result()
            self._settled = True
        else:
            settling.cancel()

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            begin = asyncio.get_running_loop().time()
            status, last_line = await self._run_once(child)
            if self._stop.is_set():
                return
            if not self._settled:
                raise ToolFailure(f"{child.name} ended at once: {last_line or f'status {status}'}")
            if asyncio.get_running_loop().time() - begin > SETTLED_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            _say("up", f"{child.name} ended with status {status}; again in {pause:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, child: Child) -> tuple[int, str]:
        """Its exit status and the last line that it printed."""
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--"),
            *child.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
            limit=LONGEST_LINE_BYTES,
        )
        output = asyncio.ensure_future(_forward(child.name, process))
        ended = asyncio.ensure_future(process.wait())
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            _signal_group(process.pid, signal.SIGTERM)
            await asyncio.wait([ended], timeout=GRACE_SECONDS)
        _signal_group(process.pid, signal.SIGKILL)
        return await ended, await output


async def _forward(name: str, process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None, "it is a pipe"
    last = ""
    while line := await process.stdout.readline():
        last = line.decode(errors="replace").rstrip() or last
        _say(name, last)
    return last


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


def _say(name: str, line: str) -> None:
    sys.stderr.write(f"{name:<10} | {line}\n")
    sys.stderr.flush()
