# SPDX-License-Identifier: Apache-2.0
"""What every benchmark reports, and how it is kept and shown."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its peer's, both measured in the same run on the same machine."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float | None
    """value ÷ peer_value, where that is not 0"""
    met: bool | None = None
    """The aim that is set for it, if one is."""


def row(
    name: str, value: float, unit: str, peer: str, peer_value: float, met: bool | None = None
) -> Row:
    ratio = round(value / peer_value, 4) if peer_value else None
    return Row(name, round(value, 3), unit, peer, round(peer_value, 3), ratio, met)


def figure(value: float) -> str:
    """Three digits, or all of them before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def keep(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n")


def show(console: Console, title: str, rows: Iterable[Row]) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column(no_wrap=True)
    table.add_column("hectograph", justify="right")
    table.add_column()
    for heading in ("peer", "its figure", "ratio", "aim"):
        table.add_column(heading, justify="right")
    for each in rows:
        table.add_row(
            each.name,
            figure(each.value),
            each.unit,
            each.peer,
            figure(each.peer_value),
            "" if each.ratio is None else f"{each.ratio:.3g}",
            {None: "", True: "met", False: "missed"}[each.met],
        )
    console.print(table)
