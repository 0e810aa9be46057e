# SPDX-License-Identifier: Apache-2.0
"""Counters as last read: asked for often, read seldom."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from hectograph.errors import Unavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_AGE = timedelta(seconds=1)


class Reading(Generic[T]):
    def __init__(self, nothing: T) -> None:
        """`nothing`: the value before the first reading."""
        self.value = nothing
        self.read_at: datetime | None = None
        self._turn = asyncio.Lock()

    async def refresh(self, read: Callable[[], Awaitable[T]]) -> None:
        """Unless it was read just now. One that fails leaves the last."""
        async with self._turn:
            if self.read_at is not None and datetime.now(UTC) - self.read_at < MAX_AGE:
                return
            try:
                self.value = await read()
            except Unavailable as error:
                logger.info("counters: %s", error)
            else:
                self.read_at = datetime.now(UTC)
