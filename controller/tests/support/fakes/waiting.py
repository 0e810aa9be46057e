# SPDX-License-Identifier: Apache-2.0
"""Waiting for what tasks of the controller do by themselves."""

import asyncio
from collections.abc import Awaitable, Callable

STEP_SECONDS = 0.005


async def until(condition: Callable[[], bool | Awaitable[bool]], *, seconds: float = 10.0) -> None:
    """Until it holds, or the test fails."""
    for _ in range(round(seconds / STEP_SECONDS)):
        holds = condition()
        if isinstance(holds, Awaitable):
            holds = await holds
        if holds:
            return
        await asyncio.sleep(STEP_SECONDS)
    raise AssertionError(f"not within {seconds:g} s")
