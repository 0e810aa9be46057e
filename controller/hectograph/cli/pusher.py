# SPDX-License-Identifier: Apache-2.0
"""``hectograph pusher``: becomes the C program."""

import os
from pathlib import Path
from typing import Annotated

import typer


def pusher(
    interface: Annotated[str, typer.Option(help="The interface that pushes leave by.")],
    control: Annotated[
        Path | None,
        typer.Option(help="Its control socket.", show_default="pusher.sock in the runtime folder"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What it calls itself.", show_default="the host's name")
    ] = None,
    bundles: Annotated[
        bool,
        typer.Option(
            "--bundles", help="Many pushes in one frame: for an embedded switch that takes them."
        ),
    ] = False,
) -> None:
    """Run the pusher on an interface until it gets SIGINT or SIGTERM; needs CAP_NET_RAW."""
    from hectograph.paths import PRIVATE_UMASK, make_private, pusher_socket
    from hectograph.pusher.program import program_path

    socket = (control or pusher_socket()).absolute()
    make_private(socket.parent)
    os.umask(PRIVATE_UMASK)
    command = [str(program_path()), "serve", "--interface", interface, "--control", str(socket)]
    if name is not None:
        command += ["--name", name]
    if bundles:
        command.append("--bundles")
    os.execv(command[0], command)  # noqa: S606
