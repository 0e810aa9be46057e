# SPDX-License-Identifier: Apache-2.0
"""``hectograph up``: switch, controller and pusher on given interfaces, kept running."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.errors import InvalidInput, Unavailable
from hectograph.paths import pusher_socket

if TYPE_CHECKING:
    from hectograph.api.client import Client
    from hectograph.cli.interfaces import PortInterface
    from hectograph.config import Settings

START_SECONDS = 60.0
"""A first start may compile the pipeline."""
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs where."""

    name: str
    host: PortInterface
    host_interface: str
    clients: Sequence[PortInterface]
    mtu: int
    grpc_addr: str
    device_id: int
    control: Path
    settings: Settings


def up(
    port: Annotated[
        list[str], typer.Option(metavar="PORT@INTERFACE", help="Clients are there; repeat it.")
    ],
    host_port: Annotated[
        str, typer.Option(metavar="PORT@INTERFACE", help="The switch's end of the host's link.")
    ],
    host_interface: Annotated[
        str | None,
        typer.Option(help="The pusher's end of it.", show_default="the veth's other end"),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Where to serve the API.", show_default="127.0.0.1:8080"
        ),
    ] = None,
    database: Annotated[Path | None, typer.Option(help="What the operator wants.")] = None,
    grpc_addr: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the switch serves P4Runtime.")
    ] = "127.0.0.1:9559",
    device_id: int = 1,
    control: Annotated[
        Path | None, typer.Option(help="The pusher's socket.", show_default="the pusher's default")
    ] = None,
    name: Annotated[str, typer.Option(help="What the switch and the host are called.")] = "local",
) -> None:
    """Run embedded switch, controller and pusher on these interfaces until SIGINT or SIGTERM.

    What dies is started again. The controller knows the switch and the host already.
    """
    from hectograph.cli.interfaces import PortInterface, link
    from hectograph.config import load_settings

    settings = load_settings(listen=listen, database=database)
    if settings.listen.port == 0:
        raise InvalidInput("needs a port that is known beforehand", where="--listen")
    clients = [PortInterface.parse(text, "--port") for text in port]
    host = PortInterface.parse(host_port, "--host-port")
    pusher_end = host_interface or link(host.interface).peer
    if pusher_end is None:
        raise InvalidInput(
            f"{host.interface} is no veth with both ends here: name the pusher's end",
            where="--host-interface",
        )
    link(pusher_end)
    plan = Plan(
        name=name,
        host=host,
        host_interface=pusher_end,
        clients=clients,
        mtu=min(link(client.interface).mtu for client in clients),
        grpc_addr=grpc_addr,
        device_id=device_id,
        control=(control or pusher_socket()).absolute(),
        settings=settings,
    )
    asyncio.run(_run(plan))


async def _run(plan: Plan) -> None:
    from hectograph.cli.supervisor import Child, Supervisor

    program = (sys.executable, "-m", "hectograph")
    interfaces = [word for each in (plan.host, *plan.clients) for word in ("-i", str(each))]
    children = [
        Child(
            "switch",
            [
                *(*program, "switch", *interfaces),
                *("--device-id", str(plan.device_id)),
                *("--grpc-server-addr", plan.grpc_addr),
                "--no-p4",
            ],
        ),
        Child(
            "pusher",
            [
                *(*program, "pusher", "--interface", plan.host_interface),
                *("--control", str(plan.control)),
            ],
        ),
        Child(
            "controller",
            [
                *(*program, "controller", "--listen", str(plan.settings.listen)),
                *("--database", str(plan.settings.database)),
            ],
        ),
    ]

    await Supervisor(children).run(lambda: _register(plan))


async def _register(plan: Plan) -> None:
    """As soon as the controller answers; then wait for switch and pusher."""
    from hectograph.api.client import Client

    token = plan.settings.token
    server = f"http://{plan.settings.listen.reachable}"
    try:
        async with asyncio.timeout(START_SECONDS):
            with Client(server, token.get_secret_value() if token else None) as client:
                await _until(lambda: _put(client, plan))
                _announce(plan, server)
                await _until(lambda: _is_ready(client, plan.name))
    except TimeoutError as error:
        raise Unavailable(f"not ready after {START_SECONDS:.0f} s; see above why") from error
    typer.echo("ready")
    sys.stdout.flush()


async def _until(attempt: Callable[[], bool]) -> None:
    """In a thread, because the client blocks."""
    while True:
        with suppress(Unavailable):
            if await asyncio.to_thread(attempt):
                return
        await asyncio.sleep(POLL_SECONDS)


def _put(client: Client, plan: Plan) -> bool:
    from hectograph.api.models import HostSpec, SwitchSpec
    from hectograph.cli.remote import build

    ports = sorted({plan.host.port, *(each.port for each in plan.clients)})
    switch = build(
        SwitchSpec,
        address=plan.grpc_addr,
        device_id=plan.device_id,
        profile="embedded",
        host_ports=[plan.host.port],
        ports=ports,
        mtu=plan.mtu,
    )
    client.switches.put(plan.name, switch)
    host = build(HostSpec, control=str(plan.control), switch=plan.name, port=plan.host.port)
    client.hosts.put(plan.name, host)
    return True


def _is_ready(client: Client, name: str) -> bool:
    switch, host = client.switches.get(name), client.hosts.get(name)
    return switch.status.state == "ready" and host.status.state == "ready"


def _announce(plan: Plan, server: str) -> None:
    clients = ", ".join(map(str, plan.clients))
    typer.echo(f"switch      {plan.name}: pushes {plan.host}, clients {clients}")
    typer.echo(f"P4Runtime   {plan.grpc_addr}, device {plan.device_id}")
    typer.echo(f"pusher      {plan.name}: {plan.host_interface}, {plan.control}")
    typer.echo(f"controller  {server}/api/v1, {plan.settings.database}")
