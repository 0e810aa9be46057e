# SPDX-License-Identifier: Apache-2.0
"""``hectograph switches``: the P4 switches that the controller programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.remote import Json, build, connect

if TYPE_CHECKING:
    from hectograph.api.views import Switch

app = typer.Typer(no_args_is_help=True)

COLUMNS: Columns[Switch] = {
    "switch": lambda each: each.name,
    "address": lambda each: each.address,
    "device": lambda each: each.device_id,
    "profile": lambda each: each.profile,
    "host ports": lambda each: each.host_ports,
    "state": lambda each: each.status.state,
    "pending": lambda each: each.status.pending,
    "refused": lambda each: each.status.refused,
    "reason": lambda each: each.status.reason,
}


@app.command()
def add(
    context: typer.Context,
    name: str,
    host_port: Annotated[
        list[int], typer.Option(help="A port that pushes are accepted from; may be repeated.")
    ],
    address: Annotated[
        str, typer.Option(help="Where it serves P4Runtime, HOST:PORT.")
    ] = "127.0.0.1:9559",
    device_id: int = 1,
    profile: Annotated[str, typer.Option(help="embedded or bmv2.")] = "embedded",
    mtu: Annotated[int, typer.Option(help="Of its client links, bytes.")] = 1500,
    port: Annotated[
        list[int] | None,
        typer.Option(help="A port that it has; may be repeated. Without: any from 1 to 509."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add or change a switch."""
    from hectograph.api.models import SwitchSpec

    spec = build(
        SwitchSpec,
        address=address,
        device_id=device_id,
        profile=profile,
        host_ports=host_port,
        mtu=mtu,
        ports=port,
    )
    with connect(context) as client:
        switch = client.switches.put(name, spec)
    print_json(switch) if as_json else print_rows([switch], COLUMNS)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All switches."""
    with connect(context) as client:
        switches = client.switches.list()
    print_json(switches) if as_json else print_rows(switches, COLUMNS)


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Everything about one switch."""
    with connect(context) as client:
        switch = client.switches.get(name)
    print_json(switch) if as_json else print_fields(switch)


@app.command()
def rm(context: typer.Context, name: str) -> None:
    """Forget a switch; refused while groups or hosts are on it."""
    with connect(context) as client:
        client.switches.delete(name)
