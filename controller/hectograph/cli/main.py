# SPDX-License-Identifier: Apache-2.0
"""``hectograph``: every command, and how errors look to a person."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hectograph import __version__
from hectograph.cli import (
    bmv2,
    cohorts,
    contents,
    controller,
    demo,
    flows,
    groups,
    hosts,
    members,
    push,
    pusher,
    shell,
    status,
    streams,
    switch,
    switches,
    up,
)
from hectograph.cli.remote import Remote
from hectograph.errors import HectographError, ToolFailure

PROCESSES = "Processes"
RESOURCES = "What is wanted, and what is"

app = typer.Typer(
    help="Push once, deliver to many: a P4 switch copies a host's packets for every member.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(rich_help_panel=PROCESSES)(up.up)
app.command(rich_help_panel=PROCESSES)(controller.controller)
app.command(rich_help_panel=PROCESSES, cls=bmv2.SwitchCommand)(switch.switch)
app.command(rich_help_panel=PROCESSES)(pusher.pusher)
app.command(rich_help_panel=PROCESSES)(shell.shell)
app.add_typer(
    demo.app,
    name="demo",
    help="Watch a file reach many receivers, in a network made for it on this machine.",
    rich_help_panel=PROCESSES,
)
app.command(rich_help_panel=RESOURCES)(status.status)
app.command(rich_help_panel=RESOURCES)(push.push)
app.command(rich_help_panel=RESOURCES)(flows.flows)
app.command(rich_help_panel=RESOURCES)(cohorts.cohorts)
for name, group, about in (
    ("content", contents, "What clients download over TCP."),
    ("switches", switches, "P4 switches that the controller programs."),
    ("hosts", hosts, "Machines that push."),
    ("group", groups, "Who gets the copies of one push."),
    ("member", members, "The client flows in a group."),
    ("streams", streams, "What is being pushed where."),
):
    app.add_typer(group.app, name=name, help=about, rich_help_panel=RESOURCES)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hectograph {__version__}")
        raise typer.Exit


@app.callback()
def hectograph(
    context: typer.Context,
    server: Annotated[
        str, typer.Option(envvar="HECTOGRAPH_SERVER", help="The controller's address.")
    ] = "http://127.0.0.1:8080",
    token: Annotated[
        str | None, typer.Option(envvar="HECTOGRAPH_TOKEN", help="The controller's bearer token.")
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Which one this is."
        ),
    ] = False,
) -> None:
    context.obj = Remote(server, token)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 after an error, 2 after a usage error, 130 after Ctrl-C."""
    if arguments is None and Path(sys.argv[0]).name == bmv2.PROGRAM:
        arguments = ["switch", *bmv2.DEFAULTS, *sys.argv[1:]]
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except HectographError as error:
        sys.stderr.write(f"hectograph: {error}\n")
        if isinstance(error, ToolFailure) and error.output:
            sys.stderr.write(f"{error.output.rstrip()}\n")
        return 1
    return 0
