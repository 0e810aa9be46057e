# SPDX-License-Identifier: Apache-2.0
"""``hectograph member``: the client flows in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.remote import Json, build, connect
from hectograph.errors import InvalidInput

if TYPE_CHECKING:
    from hectograph.api.views import Member

app = typer.Typer(no_args_is_help=True)

COLUMNS: Columns[Member] = {
    "member": lambda each: each.name,
    "port": lambda each: each.port,
    "address": lambda each: each.address,
    "udp port": lambda each: each.udp_port,
    "mac": lambda each: each.mac,
    "vlan": lambda each: each.vlan,
    "state": lambda each: each.status.state,
    "reason": lambda each: each.status.reason,
}


@app.command()
def add(
    context: typer.Context,
    group: str,
    name: str,
    port: Annotated[int, typer.Option(help="The switch port that its link is on.")],
    mac: Annotated[str, typer.Option(help="Of the client, or of the router before it.")],
    address: Annotated[str, typer.Option(help="IPv4 or IPv6.")],
    udp_port: Annotated[int, typer.Option(help="That the client listens on.")],
    vlan: Annotated[int | None, typer.Option(help="802.1Q VLAN id. Without: no tag.")] = None,
    priority: Annotated[int, typer.Option(help="802.1Q priority; needs --vlan.")] = 0,
    hop_limit: int = 64,
    as_json: Json = False,
) -> None:
    """Add a member to a group, or change it."""
    from hectograph.api.models import MemberSpec

    spec = build(
        MemberSpec,
        port=port,
        mac=mac,
        address=address,
        udp_port=udp_port,
        vlan=vlan,
        priority=priority,
        hop_limit=hop_limit,
    )
    with connect(context) as client:
        member = client.members(group).put(name, spec)
    print_json(member) if as_json else print_rows([member], COLUMNS)


@app.command()
def replace(
    context: typer.Context,
    group: str,
    file: Annotated[
        typer.FileText, typer.Argument(help="JSON as `member list --json` prints it; - for stdin.")
    ],
    as_json: Json = False,
) -> None:
    """Make a file's members the group's whole set, in one step."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    from hectograph.api.models import MemberSet, NamedMember

    class Listed(NamedMember):
        """With a status, as listed, that says nothing about what is wanted."""

        model_config = ConfigDict(extra="ignore")

    try:
        items = TypeAdapter(list[Listed]).validate_json(file.read())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([file.name, *map(str, first["loc"])])
        raise InvalidInput(first["msg"], where=where) from error
    with connect(context) as client:
        change = client.put_members(group, MemberSet(items=[*items]))
    if as_json:
        print_json(change)
    else:
        typer.echo(f"{change.added} added, {change.changed} changed, {change.removed} removed")


@app.command("list")
def list_(context: typer.Context, group: str, as_json: Json = False) -> None:
    """All members of a group."""
    with connect(context) as client:
        members = client.members(group).list()
    print_json(members) if as_json else print_rows(members, COLUMNS)


@app.command()
def show(context: typer.Context, group: str, name: str, as_json: Json = False) -> None:
    """Everything about one member."""
    with connect(context) as client:
        member = client.members(group).get(name)
    print_json(member) if as_json else print_fields(member)


@app.command()
def rm(context: typer.Context, group: str, name: str) -> None:
    """Take a member out of its group."""
    with connect(context) as client:
        client.members(group).delete(name)
