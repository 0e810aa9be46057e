# SPDX-License-Identifier: Apache-2.0
"""Standard input for a pusher: a FIFO that a thread of ours fills."""

import os
import shutil
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hectograph.errors import Unavailable
from hectograph.paths import make_private, runtime_dir


@dataclass
class Feed:
    path: Path
    broken: threading.Event = field(default_factory=threading.Event)
    """The pusher closed the FIFO before the input's end."""

    def check(self) -> None:
        if self.broken.is_set():
            raise Unavailable("the pusher stopped reading", where="standard input")


@contextmanager
def standard_input() -> Generator[Feed]:
    """The FIFO is there, and being filled, inside the block."""
    base = runtime_dir()
    make_private(base)
    with TemporaryDirectory(prefix="push-", dir=base) as directory:
        feed = Feed(Path(directory) / "stdin")
        os.mkfifo(feed.path, mode=0o600)
        threading.Thread(target=_fill, args=(feed,), daemon=True).start()
        yield feed


def _fill(feed: Feed) -> None:
    try:
        # Opening waits for the pusher; the end of the input closes, which is its end too.
        with feed.path.open("wb") as fifo:
            shutil.copyfileobj(sys.stdin.buffer, fifo)
    except OSError:
        feed.broken.set()
