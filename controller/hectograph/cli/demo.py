# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo``: the whole path on this machine, in namespaces that vanish afterwards."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

MOST_CLIENTS = 500
PARTS = ("controller", "switch")


@app.command()
def udp(
    clients: Annotated[
        int, typer.Option(min=1, max=MOST_CLIENTS, help="Receivers; half IPv4, half IPv6.")
    ] = 16,
    file: Annotated[
        Path | None,
        typer.Option(help="What is pushed.", show_default="one of 64 MiB or more that is here"),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="BIT/S",
            help="Of the push: 100M, 1.5Gbit/s.",
            show_default="what the target is known for",
        ),
    ] = None,
    target: Annotated[
        str, typer.Option(help="embedded, or bmv2: simple_switch_grpc from PATH.")
    ] = "embedded",
    kill: Annotated[
        str,
        typer.Option(
            metavar="PARTS",
            help="Kill -9 these during the push, one after another: controller,switch.",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Push a file once to a UDP group: every receiver has to have it, identical, in the end."""
    from hectograph.cli.units import parse_rate
    from hectograph.demo.run import Options, run
    from hectograph.errors import InvalidInput
    from hectograph.testbed import run_isolated, targets

    victims = tuple(filter(None, kill.split(",")))
    for name in victims:
        if name not in PARTS:
            raise InvalidInput(f"{name!r} is none of {', '.join(PARTS)}", where="--kill")
    options = Options(
        target=targets.target(target),
        clients=clients,
        file=file,
        bits_per_second=parse_rate(rate) if rate else None,
        kill=victims,
        as_json=as_json,
    )
    raise typer.Exit(run_isolated(lambda: run(options)))
