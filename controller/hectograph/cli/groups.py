# SPDX-License-Identifier: Apache-2.0
"""``hectograph group``: who gets the copies of one push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.output import Columns, print_fields, print_json, print_rows
from hectograph.cli.remote import Json, Switch, build, connect, only

if TYPE_CHECKING:
    from hectograph.api.views import Group

app = typer.Typer(no_args_is_help=True)

COLUMNS: Columns[Group] = {
    "group": lambda each: each.name,
    "switch": lambda each: each.switch,
    "members": lambda each: each.status.members.total,
    "applied": lambda each: each.status.members.applied,
    "pending": lambda each: each.status.members.pending,
    "refused": lambda each: each.status.members.refused,
    "pushes": lambda each: each.status.pushes.packets,
    "state": lambda each: each.status.state,
    "reason": lambda each: each.status.reason,
}


@app.command()
def add(
    context: typer.Context,
    name: str,
    source_ipv4: Annotated[
        str | None, typer.Option(help="Source address of the copies to IPv4 members.")
    ] = None,
    source_ipv6: Annotated[
        str | None, typer.Option(help="Source address of the copies to IPv6 members.")
    ] = None,
    source_udp_port: int = 5000,
    source_mac: str = "02:00:00:00:00:01",
    switch: Switch = None,
    split: Annotated[
        bool,
        typer.Option(
            help="Push several times where the switch would lose copies of one large group."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Add or change a group."""
    from hectograph.api.models import GroupSpec, Source

    source = build(
        Source, mac=source_mac, ipv4=source_ipv4, ipv6=source_ipv6, udp_port=source_udp_port
    )
    with connect(context) as client:
        spec = build(
            GroupSpec,
            switch=switch or only("switch", client.switches.list()),
            source=source,
            split=split,
        )
        group = client.groups.put(name, spec)
    print_json(group) if as_json else print_rows([group], COLUMNS)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All groups."""
    with connect(context) as client:
        groups = client.groups.list()
    print_json(groups) if as_json else print_rows(groups, COLUMNS)


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Everything about one group; its members are `member list`'s."""
    with connect(context) as client:
        group = client.groups.get(name)
    print_json(group) if as_json else print_fields(group)


@app.command()
def counters(context: typer.Context, name: str, as_json: Json = False) -> None:
    """What the switch counted for a group: pushes taken, copies made per member."""
    with connect(context) as client:
        found = client.group_counters(name)
    if as_json:
        print_json(found)
        return
    print_rows(
        found.trees,
        {
            "tree": lambda each: each.tree,
            "pushes": lambda each: each.value.packets,
            "bytes": lambda each: each.value.bytes,
        },
    )
    print_rows(
        found.members,
        {
            "member": lambda each: each.member,
            "copies": lambda each: each.value.packets,
            "bytes": lambda each: each.value.bytes,
        },
    )


@app.command()
def rm(context: typer.Context, name: str) -> None:
    """Remove a group with its members; refused while streams push to it."""
    with connect(context) as client:
        client.groups.delete(name)
