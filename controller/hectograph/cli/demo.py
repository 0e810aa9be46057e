# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo``: the whole path on this machine, in namespaces that vanish afterwards."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hectograph.demo.likeness import Like
from hectograph.errors import InvalidInput

app = typer.Typer(no_args_is_help=True)

MOST_CLIENTS = 500
PARTS = ("controller", "switch", "pusher")
UDP_PARTS = PARTS[:2]
"""Without the pusher: nobody sends again what it had not pushed."""


Clients = Annotated[
    int, typer.Option(min=1, max=MOST_CLIENTS, help="Receivers; half IPv4, half IPv6.")
]
Target = Annotated[str, typer.Option(help="embedded, or bmv2: simple_switch_grpc from PATH.")]
LikeOption = Annotated[
    Like,
    typer.Option(
        "--like",
        help="What the links are like: as fast as this machine is, or a campus's, with ports of"
        " 100 Mbit/s, the host at 1 Gbit/s with an MTU of 9,000, and short queues.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def tcp(
    clients: Clients = 16,
    file: Annotated[
        Path | None,
        typer.Option(help="What is served.", show_default="one of 64 MiB or more that is here"),
    ] = None,
    target: Target = "embedded",
    like: LikeOption = Like.IDEAL,
    kill_pusher: Annotated[
        bool, typer.Option("--kill-pusher", help="The same as --kill pusher.")
    ] = False,
    kill: Annotated[
        str,
        typer.Option(
            metavar="PARTS",
            help="Kill -9 these during the downloads, one after another: controller,switch,pusher.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Serve a file to real curls over TCP: each has to have it, identical, in the end."""
    from hectograph.demo.stage import Options
    from hectograph.demo.tcp import run
    from hectograph.testbed import run_isolated, targets

    victims = _victims(kill, PARTS)
    if kill_pusher and "pusher" not in victims:
        victims = (*victims, "pusher")
    options = Options(
        target=targets.target(target),
        clients=clients,
        file=file,
        kill=victims,
        as_json=as_json,
        settings=("--cohort-window", "0"),  # each by itself
        like=like,
    )
    raise typer.Exit(run_isolated(lambda: run(options)))


@app.command()
def cohort(
    clients: Clients = 64,
    file: Annotated[
        Path | None,
        typer.Option(help="What is served.", show_default="one of 64 MiB or more that is here"),
    ] = None,
    target: Target = "embedded",
    like: LikeOption = Like.IDEAL,
    window: Annotated[
        int, typer.Option(min=0, metavar="MS", help="How long a request waits for others.")
    ] = 500,
    kill: Annotated[
        str,
        typer.Option(
            metavar="PARTS",
            help="Kill -9 these during the downloads, one after another: controller,switch,pusher.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Serve a file to many real curls that ask at once: the host sends it once."""
    from hectograph.demo.cohort import run
    from hectograph.demo.stage import Options
    from hectograph.testbed import run_isolated, targets

    options = Options(
        target=targets.target(target),
        clients=clients,
        file=file,
        kill=_victims(kill, PARTS),
        as_json=as_json,
        settings=("--cohort-window", str(window)),
        like=like,
    )
    raise typer.Exit(run_isolated(lambda: run(options)))


@app.command()
def udp(
    clients: Clients = 16,
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
    target: Target = "embedded",
    kill: Annotated[
        str,
        typer.Option(
            metavar="PARTS",
            help="Kill -9 these during the push, one after another: controller,switch.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Push a file once to a UDP group: every receiver has to have it, identical, in the end."""
    from hectograph.cli.units import parse_rate
    from hectograph.demo.udp import UdpOptions, run
    from hectograph.testbed import run_isolated, targets

    options = UdpOptions(
        target=targets.target(target),
        clients=clients,
        file=file,
        bits_per_second=parse_rate(rate) if rate else None,
        kill=_victims(kill, UDP_PARTS),
        as_json=as_json,
        bundles=False,  # each push by itself, as its bytes are told
    )
    raise typer.Exit(run_isolated(lambda: run(options)))


def _victims(kill: str, parts: Sequence[str]) -> tuple[str, ...]:
    victims = tuple(filter(None, kill.split(",")))
    for name in victims:
        if name not in parts:
            raise InvalidInput(f"{name!r} is none of {', '.join(parts)}", where="--kill")
    return victims
