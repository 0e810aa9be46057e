# SPDX-License-Identifier: Apache-2.0
"""``hectograph hosts``: the machines that push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hectograph import paths
from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.remote import Json, Switch, build, connect, only

if TYPE_CHECKING:
    from hectograph.api.views import Host, HostLink

app = typer.Typer(no_args_is_help=True)


def _link_text(link: HostLink | None) -> str | None:
    """How much may be between pusher and switch."""
    if link is None:
        return None
    return f"at most {link.window} frames" if link.answers else "not bounded"


COLUMNS: Columns[Host] = {
    "host": lambda each: each.name,
    "control": lambda each: each.control,
    "switch": lambda each: each.switch,
    "port": lambda each: each.port,
    "interface": lambda each: each.status.interface,
    "mtu": lambda each: each.status.mtu,
    "on the way": lambda each: _link_text(each.status.link),
    "state": lambda each: each.status.state,
    "reason": lambda each: each.status.reason,
}


@app.command()
def add(
    context: typer.Context,
    name: str,
    port: Annotated[int, typer.Option(help="The switch port that its pushes arrive on.")],
    control: Annotated[
        Path | None, typer.Option(help="Its pusher's socket. Without: the pusher's default.")
    ] = None,
    switch: Switch = None,
    as_json: Json = False,
) -> None:
    """Add or change a host."""
    from hectograph.api.models import HostSpec

    with connect(context) as client:
        spec = build(
            HostSpec,
            control=str((control or paths.pusher_socket()).absolute()),
            switch=switch or only("switch", client.switches.list()),
            port=port,
        )
        host = client.hosts.put(name, spec)
    print_json(host) if as_json else print_rows([host], COLUMNS)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All hosts."""
    with connect(context) as client:
        hosts = client.hosts.list()
    print_json(hosts) if as_json else print_rows(hosts, COLUMNS)


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Everything about one host, its pusher's counters too."""
    with connect(context) as client:
        host = client.hosts.get(name)
    print_json(host) if as_json else print_fields(host)


@app.command()
def rm(context: typer.Context, name: str) -> None:
    """Forget a host; refused while it has streams."""
    with connect(context) as client:
        client.hosts.delete(name)
