# SPDX-License-Identifier: Apache-2.0
"""``hectograph controller``: desired state, reconciler and API in one process."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hectograph.cli import cohort_options, content_roots


def controller(
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to serve the API; anything but loopback needs a token.",
            show_default="127.0.0.1:8080",
        ),
    ] = None,
    database: Annotated[Path | None, typer.Option(help="What the operator wants.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Holds the bearer token; so does HECTOGRAPH_TOKEN.")
    ] = None,
    content_root: content_roots.Roots = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INTERFACE", help="Not ready while it is down or has no carrier; repeat it."
        ),
    ] = None,
    cohort_window: cohort_options.Window = None,
    cohort_patience: cohort_options.Patience = None,
    cohort_members: cohort_options.Members = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.", show_default="info")
    ] = None,
) -> None:
    """Run the controller until it gets SIGINT or SIGTERM.

    Every option is a variable of the environment too, HECTOGRAPH_LISTEN and so on.
    """
    # gRPC's own lines on standard error say less than a switch's status does.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from hectograph.api.server import run
    from hectograph.config import load_settings

    run(
        load_settings(
            listen=listen,
            database=database,
            token_file=token_file,
            content_root=content_root or None,
            link=link or None,
            cohort_window_ms=cohort_window,
            cohort_patience_ms=cohort_patience,
            cohort_members=cohort_members,
            log_level=log_level,
        )
    )
