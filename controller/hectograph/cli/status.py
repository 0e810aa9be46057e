# SPDX-License-Identifier: Apache-2.0
"""``hectograph status``: everything at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli import cohorts, contents, groups, hosts, streams, switches
from hectograph.cli.output import console, print_json, show, table
from hectograph.cli.remote import Json, connect
from hectograph.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from rich.console import Group

    from hectograph.api.client import Client

REFRESH_SECONDS = 1.0


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again each second.")] = False,
    as_json: Json = False,
) -> None:
    """Switches, hosts, contents, groups and streams at a glance."""
    if watch and as_json:
        raise InvalidInput("cannot go with --json", where="--watch")
    with connect(context) as client:
        if as_json:
            print_json(_everything(client))
        elif watch:
            _watch(client)
        else:
            show(_tables(client))


def _everything(client: Client) -> dict[str, object]:
    return {
        "switches": client.switches.list(),
        "hosts": client.hosts.list(),
        "contents": client.contents.list(),
        "cohorts": client.cohorts(members=0).totals,
        "groups": client.groups.list(),
        "streams": client.streams.list(),
    }


def _tables(client: Client) -> Group:
    """Of what there is: no headings over nothing."""
    from rich.console import Group

    found = client.contents.list()
    known = client.switches.list()
    tables = (
        table(known, switches.COLUMNS),
        table(client.hosts.list(), hosts.COLUMNS),
        table(found, contents.COLUMNS),
        table(client.groups.list(), groups.COLUMNS),
        table(client.streams.list(), streams.COLUMNS),
    )
    shown = [part for each in tables if each.row_count for part in (each, "")]
    if lost := switches.losses(known):
        shown += [*lost, ""]
    if found:
        shown += [*cohorts.summary(client.cohorts(members=0)), ""]
    return Group(*(shown[:-1] or ("nothing yet: begin with `hectograph switches add`",)))


def _watch(client: Client) -> None:
    """Through a restart of the controller, too."""
    import time

    from rich.live import Live

    with Live(_tables(client), console=console(), auto_refresh=False) as live:
        while True:
            time.sleep(REFRESH_SECONDS)
            try:
                live.update(_tables(client), refresh=True)
            except Unavailable as error:
                live.update(str(error), refresh=True)
