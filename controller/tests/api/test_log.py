# SPDX-License-Identifier: Apache-2.0
"""A log that grows slowly, whoever fills it."""

import logging

from hectograph.log import BURST, INTERVAL_SECONDS, RateLimit


class Written(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.now = 0.0
        self.addFilter(RateLimit(lambda: self.now))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _logger(written: Written) -> logging.Logger:
    logger = logging.Logger("test")
    logger.addHandler(written)
    return logger


def test_what_repeats_is_counted() -> None:
    written = Written()
    logger = _logger(written)
    for number in range(10_000):
        logger.warning("client %d is slow", number)
        logger.info("another place") if number == 9_999 else None
    assert written.lines == [
        *(f"client {number} is slow" for number in range(BURST)),
        "another place",
    ]


def test_the_next_line_says_how_many_there_were() -> None:
    written = Written()
    logger = _logger(written)
    for number in range(3 * BURST):
        written.now = number // (2 * BURST) * INTERVAL_SECONDS
        logger.warning("100%% of %s", number)
    assert written.lines[BURST] == f"100% of {2 * BURST} (and {BURST} like it before)"
    assert written.lines[BURST + 1] == f"100% of {2 * BURST + 1}"
    assert len(written.lines) == 2 * BURST
