# SPDX-License-Identifier: Apache-2.0
"""``hectograph streams``: what is being pushed where; `push` starts one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.remote import Json, connect
from hectograph.cli.units import bytes_text, rate_text

if TYPE_CHECKING:
    from hectograph.api.views import Stream

app = typer.Typer(no_args_is_help=True)


def _progress(stream: Stream) -> str:
    status = stream.status
    total = "" if status.total_bytes is None else f" of {bytes_text(status.total_bytes)}"
    return f"{bytes_text(status.offset)}{total}"


COLUMNS: Columns[Stream] = {
    "stream": lambda each: each.name,
    "host": lambda each: each.host,
    "group": lambda each: each.group,
    "pushed": _progress,
    "rounds": lambda each: each.status.rounds,
    "rate": lambda each: rate_text(each.status.bits_per_second),
    "state": lambda each: each.status.state,
    "reason": lambda each: each.status.error or each.status.reason or each.status.advice,
}


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All streams."""
    with connect(context) as client:
        streams = client.streams.list()
    print_json(streams) if as_json else print_rows(streams, COLUMNS)


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Everything about one stream."""
    with connect(context) as client:
        stream = client.streams.get(name)
    print_json(stream) if as_json else print_fields(stream)


@app.command()
def rm(context: typer.Context, name: str) -> None:
    """Stop a stream and forget it."""
    with connect(context) as client:
        client.streams.delete(name)
