# SPDX-License-Identifier: Apache-2.0
"""What a process writes of itself, on standard error."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

INTERVAL_SECONDS = 5.0
BURST = 10
"""Lines from one place in the code during an interval; as Linux' printk_ratelimit() has it."""


def configure(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(RateLimit())


@dataclass(slots=True)
class _Place:
    begin: float
    written: int = 0
    missed: int = 0


class RateLimit(logging.Filter):
    """A place in the code that writes again and again: what is too much is counted, and the
    next line from there says how many there were. So a log grows slowly, whoever fills it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._places: dict[tuple[str, int], _Place] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        place = self._places.setdefault((record.pathname, record.lineno), _Place(now))
        missed = 0
        if now - place.begin >= INTERVAL_SECONDS:
            missed, place.begin, place.written, place.missed = place.missed, now, 0, 0
        if place.written >= BURST:
            place.missed += 1
            return False
        place.written += 1
        if missed:
            record.msg = f"{record.getMessage()} (and {missed} like it before)"
            record.args = None
        return True
