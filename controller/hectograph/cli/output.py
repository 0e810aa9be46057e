# SPDX-License-Identifier: Apache-2.0
"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console, RenderableType
    from rich.table import Table

Row = TypeVar("Row")
Columns = Mapping[str, Callable[[Row], object]]
"""Heading, and what stands under it."""

PIPE_WIDTH = 2000
"""Columns where there is no terminal: nothing wraps."""

STATE_STYLES = {
    "ready": "green",
    "applied": "green",
    "running": "green",
    "serving": "green",
    "done": "green",
    "refused": "red",
    "failed": "red",
}


def print_json(value: object) -> None:
    from pydantic_core import to_json

    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def print_rows(rows: Sequence[Row], columns: Columns[Row]) -> None:
    show(table(rows, columns))


def show(what: RenderableType) -> None:
    out = console()
    if out.is_terminal:
        out.print(what)
        return
    with out.capture() as captured:
        out.print(what)
    for line in captured.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")


def print_fields(view: BaseModel) -> None:
    """Every field of one thing, a line each."""
    for name, value in _flat(view.model_dump(mode="json")):
        sys.stdout.write(f"{name:<28} {value}\n")


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_WIDTH, highlight=False)


def table(rows: Sequence[Row], columns: Columns[Row]) -> Table:
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in columns:
        made.add_column(heading)
    for row in rows:
        cells = [_cell(show(row)) for show in columns.values()]
        made.add_row(*(Text(cell, style=STATE_STYLES.get(cell, "")) for cell in cells))
    return made


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[object]", value)))
    return "" if value is None else str(value)


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested fields by their path: ``status.trees.0.id``."""
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value).items()
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        inner = ((str(index), each) for index, each in enumerate(cast("list[object]", value)))
    else:
        yield name, _cell(cast("object", value))
        return
    for part, each in inner:
        yield from _flat(each, f"{name}.{part}" if name else part)
