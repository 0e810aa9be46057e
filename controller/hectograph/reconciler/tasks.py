# SPDX-License-Identifier: Apache-2.0
"""Small helpers for tasks that run until something happens."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any


async def race(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run them together until the first ends; cancel the others; raise what it raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_until(event: asyncio.Event, when: float) -> bool:
    """Until the event is set (True) or the loop's clock shows `when` (False)."""
    try:
        async with asyncio.timeout_at(when):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Backoff:
    """Seconds to wait before the next attempt: doubling, capped, from the start after success."""

    def __init__(self, first: float, cap: float) -> None:
        self._first = first
        self._cap = cap
        self._next = first

    def next(self) -> float:
        delay = self._next
        self._next = min(self._next * 2, self._cap)
        return delay

    def reset(self) -> None:
        self._next = self._first


class Retry:
    """When to try again: later each time while there is need, forgotten when there is none."""

    def __init__(self, first: float, cap: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._backoff = Backoff(first, cap)
        self.at = math.inf
        """On the loop's clock."""

    def set_needed(self, *, needed: bool) -> None:
        if not needed:
            self._backoff.reset()
            self.at = math.inf
        elif self.at == math.inf:
            self.at = self._clock() + self._backoff.next()

    def take_due(self) -> bool:
        """Is it time? Then the next time is not set yet."""
        if self._clock() < self.at:
            return False
        self.at = math.inf
        return True
