# SPDX-License-Identifier: Apache-2.0
"""Waiting for what goes on without us, through a restart of the controller."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from hectograph.errors import Unavailable

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
"""How long the controller may be away."""

T = TypeVar("T")


def looks(look: Callable[[], T]) -> Iterator[T]:
    """What `look` returns, again and again. Unavailable: for too long."""
    away_since: float | None = None
    while True:
        try:
            seen = look()
        except Unavailable:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > PATIENCE_SECONDS:
                raise
        else:
            away_since = None
            yield seen
        time.sleep(POLL_SECONDS)
