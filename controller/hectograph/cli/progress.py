# SPDX-License-Identifier: Apache-2.0
"""How far something is: a bar on a terminal, a line per change of state elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from hectograph.cli.output import console


@dataclass(frozen=True, slots=True)
class Step:
    state: str
    reason: str | None
    done_bytes: int
    total_bytes: int | None
    rate: str = ""

    def __str__(self) -> str:
        return f"{self.state}: {self.reason}" if self.reason else self.state


Show = Callable[[Step], None]


@contextmanager
def progress(name: str) -> Generator[Show]:
    """Yields what is to be called with each new status; all on standard error."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield _lines(name)
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

        def show(step: Step) -> None:
            bars.update(
                bar,
                description=f"{name} {step}",
                completed=step.done_bytes,
                total=step.total_bytes,
                rate=step.rate,
            )

        yield show


def _lines(name: str) -> Show:
    last = ""

    def show(step: Step) -> None:
        nonlocal last
        if str(step) != last:
            last = str(step)
            sys.stderr.write(f"{name}: {step}\n")

    return show
