# SPDX-License-Identifier: Apache-2.0
"""Rotates every switch's secrets and advances its filter's epoch, on schedule and on demand."""

import asyncio
import secrets
import time
from collections.abc import Callable

from hectograph.core.records import Edit, SecretsRecord
from hectograph.core.rotation import (
    SECRET_BITS,
    Schedule,
    advanced,
    due,
    first_secrets,
    next_due,
    rotated,
)
from hectograph.core.state import State
from hectograph.reconciler.librarian import Commit
from hectograph.reconciler.tasks import wait_until

LOOK_SECONDS = 60.0
"""At least: the wall clock may be set."""

Change = Callable[[SecretsRecord], SecretsRecord]


class Rotation:
    def __init__(self, state: State, commit: Commit, schedule: Schedule) -> None:
        self._state = state
        self._commit = commit
        self._schedule = schedule
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is another switch."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            for switch in list(self._state.switches):
                await self._change(switch, lambda r: due(r, self._schedule, _draw(), time.time()))
            await wait_until(self._wake, asyncio.get_running_loop().time() + self._pause())

    async def rotate(self, switch: str) -> None:
        await self._change(switch, lambda record: rotated(record, _draw(), time.time()))

    async def advance(self, switch: str) -> None:
        await self._change(switch, lambda record: advanced(record, time.time()))

    async def _change(self, switch: str, change: Change) -> None:
        """A switch that has none yet gets its first ones."""

        def edit(state: State) -> Edit:
            if switch not in state.switches:
                return Edit()
            old = state.secrets.get(switch)
            first = first_secrets(switch, _draw(), _draw(), time.time())
            new = first if old is None else change(old)
            return Edit() if new == old else Edit(puts=(new,))

        await self._commit(edit)

    def _pause(self) -> float:
        now = time.time()
        ends = [next_due(record, self._schedule) - now for record in self._state.secrets.values()]
        return max(0.0, min([LOOK_SECONDS, *ends]))


def _draw() -> int:
    return secrets.randbits(SECRET_BITS)
