# SPDX-License-Identifier: Apache-2.0
"""Where the switch's log goes."""

import logging
import sys
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from hectograph.errors import InvalidInput

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
"""BMv2's names. Traces of packets are the runtime's own, and no part of the log."""


@dataclass(frozen=True, slots=True)
class Logs:
    console: bool = False
    """To standard output; else to standard error, if there is no file."""
    file: Path | None = None
    level: str | None = None
    """None: in detail, where a place for the log was asked for."""
    max_bytes: int = 0
    """Of a file; then another is begun. 0: it only grows."""
    old_files: int = 1
    """Kept beside the one that is written."""

    def start(self) -> None:
        asked_for = self.console or self.file is not None
        level = _LEVELS[self.level or ("debug" if asked_for else "info")]
        logging.basicConfig(
            level=level,
            handlers=[self._handler()],
            format="%(asctime)s %(levelname)s %(message)s",
        )
        logging.getLogger("asyncio").setLevel(max(level, logging.WARNING))

    def _handler(self) -> logging.Handler:
        if self.file is None:
            return logging.StreamHandler(sys.stdout if self.console else sys.stderr)
        try:
            return RotatingFileHandler(
                self.file, maxBytes=self.max_bytes, backupCount=self.old_files
            )
        except OSError as error:
            raise InvalidInput(
                f"cannot be written: {error.strerror}", where=str(self.file)
            ) from None
