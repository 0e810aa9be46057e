# SPDX-License-Identifier: Apache-2.0
"""How far a stream is: a bar on a terminal, a line per change of state elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hectograph.cli.output import console
from hectograph.cli.units import rate_text

if TYPE_CHECKING:
    from hectograph.api.views import Stream

Show = Callable[["Stream"], None]


@contextmanager
def progress(name: str) -> Generator[Show]:
    """Yields what is to be called with each new status; all on standard error."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield _lines()
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bars:
        bar = bars.add_task(name, total=None, rate="")

        def show(stream: Stream) -> None:
            status = stream.status
            bars.update(
                bar,
                description=f"{name} {_state(stream)}",
                completed=status.offset,
                total=status.total_bytes,
                rate=rate_text(status.bits_per_second),
            )

        yield show


def _lines() -> Show:
    last = ""

    def show(stream: Stream) -> None:
        nonlocal last
        if (state := _state(stream)) != last:
            last = state
            sys.stderr.write(f"{stream.name}: {state}\n")

    return show


def _state(stream: Stream) -> str:
    status = stream.status
    why = status.reason or status.advice
    return f"{status.state}: {why}" if why else str(status.state)
