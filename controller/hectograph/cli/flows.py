# SPDX-License-Identifier: Apache-2.0
"""``hectograph flows``: the downloads that run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.output import Columns, print_json, print_rows
from hectograph.cli.remote import Json, connect
from hectograph.cli.units import bytes_text

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from hectograph.api.content_views import Flow


def end_text(address: IPv4Address | IPv6Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


COLUMNS: Columns[Flow] = {
    "host": lambda each: each.host,
    "content": lambda each: each.content,
    "client": lambda each: end_text(each.client, each.client_port),
    "service": lambda each: end_text(each.service, each.service_port),
    "port": lambda each: each.port,
    "phase": lambda each: each.phase,
    "acknowledged": lambda each: f"{bytes_text(each.acked)} of {bytes_text(each.length)}",
    "window": lambda each: bytes_text(min(each.window, each.congestion_window)),
    "rtt": lambda each: f"{each.rtt_seconds * 1000:.1f} ms",
}


def flows(
    context: typer.Context,
    content: Annotated[str | None, typer.Option(help="Of this content only.")] = None,
    host: Annotated[str | None, typer.Option(help="Of this host only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """Clients that hosts know, and how far each is. The switch knows none."""
    with connect(context) as client:
        found = client.flows(content=content, host=host, limit=limit)
    if as_json:
        print_json(found)
        return
    print_rows(found.items, COLUMNS)
    if found.total > len(found.items):
        typer.echo(f"{len(found.items)} of {found.total}", err=True)
