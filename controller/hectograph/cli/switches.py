# SPDX-License-Identifier: Apache-2.0
"""``hectograph switches``: the P4 switches that the controller programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli import addressing as contents
from hectograph.cli import tls_files
from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.remote import Json, build, connect

if TYPE_CHECKING:
    from hectograph.api.models import TlsSpec
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


def losses(switches: Sequence[Switch]) -> list[str]:
    """What their ports lost, a line for each switch that lost something."""
    return [
        f"switch {each.name}: lost at ports: "
        + ", ".join(
            f"{drops.packets} {drops.reason} at {drops.port}@{drops.interface}"
            for drops in each.status.port_drops
        )
        for each in switches
        if each.status.port_drops
    ]


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
    content_prefix: contents.Prefix = None,
    content_ipv4: contents.Ipv4 = None,
    content_first_port: contents.FirstPort = contents.FIRST_PORT,
    content_mac: contents.Mac = contents.MAC,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="An embedded switch's --metrics: what its ports lose is shown, too.",
        ),
    ] = None,
    tls_ca: tls_files.Ca = None,
    tls_cert: tls_files.Certificate = None,
    tls_key: tls_files.Key = None,
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
        addressing=contents.addressing(
            content_prefix, content_ipv4, content_first_port, content_mac
        ),
        tls=_tls(tls_ca, tls_cert, tls_key),
        metrics=metrics,
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
def rotate(context: typer.Context, name: str, as_json: Json = False) -> None:
    """A new secret for the cookies of TCP; downloads from two rotations ago are reset."""
    with connect(context) as client:
        secrets = client.rotate_secrets(name)
    print_json(secrets) if as_json else print_fields(secrets)


@app.command()
def advance(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Begin a new epoch of the filter that knows the flows of TCP; the oldest is forgotten."""
    with connect(context) as client:
        secrets = client.advance_epoch(name)
    print_json(secrets) if as_json else print_fields(secrets)


@app.command()
def rm(context: typer.Context, name: str) -> None:
    """Forget a switch; refused while groups, hosts or contents are on it."""
    with connect(context) as client:
        client.switches.delete(name)


def _tls(ca: Path | None, certificate: Path | None, key: Path | None) -> TlsSpec | None:
    from hectograph.api.models import TlsSpec

    tls = tls_files.given(ca, certificate, key)
    return tls and build(TlsSpec, ca=tls.ca, certificate=tls.certificate, key=tls.key)
