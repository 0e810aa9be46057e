# SPDX-License-Identifier: Apache-2.0
"""``hectograph up``: switch, controller and pusher on given interfaces, kept running."""

from pathlib import Path
from typing import Annotated

import typer

from hectograph.cli import addressing as contents
from hectograph.cli import cohort_options, content_roots, port_options
from hectograph.core.model import Tls
from hectograph.errors import InvalidInput
from hectograph.paths import make_private, pusher_socket, switch_socket

P4RUNTIME_PORT = 9559
"""IANA's."""


def _next_port(address: str | None) -> str:
    from hectograph.config import ListenAddress

    if address is None or address.startswith("unix:"):
        return f"127.0.0.1:{P4RUNTIME_PORT + 1}"
    try:
        return f"127.0.0.1:{ListenAddress.parse(address).port + 1}"
    except ValueError as error:
        raise InvalidInput(str(error), where=f"--grpc-addr {address}") from None


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
        str | None,
        typer.Option(
            metavar="HOST:PORT|unix:PATH",
            help="Where the switch serves P4Runtime; at HOST:PORT whoever reaches it may command.",
            show_default="switch.sock in the runtime folder, for this user alone",
        ),
    ] = None,
    switch_metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the switch serves its metrics, which the controller reads.",
            show_default="127.0.0.1, the port after P4Runtime's, or 9560",
        ),
    ] = None,
    grpc_cert: Annotated[
        Path | None,
        typer.Option(
            help="Over TLS with this certificate (PEM): the switch's and the controller's."
        ),
    ] = None,
    grpc_key: Annotated[Path | None, typer.Option(help="The certificate's key.")] = None,
    grpc_ca: Annotated[
        Path | None,
        typer.Option(help="The CA that signed it: only whom it signed is let in."),
    ] = None,
    device_id: int = 1,
    control: Annotated[
        Path | None, typer.Option(help="The pusher's socket.", show_default="the pusher's default")
    ] = None,
    content_root: content_roots.Roots = None,
    content_prefix: contents.Prefix = None,
    content_ipv4: contents.Ipv4 = None,
    content_first_port: contents.FirstPort = contents.FIRST_PORT,
    content_mac: contents.Mac = contents.MAC,
    port_queue: port_options.Queue = port_options.QUEUE_MS,
    cohort_window: cohort_options.Window = None,
    cohort_patience: cohort_options.Patience = None,
    cohort_members: cohort_options.Members = None,
    name: Annotated[str, typer.Option(help="What the switch and the host are called.")] = "local",
) -> None:
    """Run embedded switch, controller and pusher on these interfaces until SIGINT or SIGTERM.

    What dies is started again. The controller knows the switch and the host already.
    """
    import asyncio

    from hectograph.api.listener import listen as listen_at
    from hectograph.cli.interfaces import PortInterface, link
    from hectograph.cli.local import Plan, run
    from hectograph.config import load_settings

    settings = load_settings(
        listen=listen,
        database=database,
        content_root=content_root or None,
        cohort_window_ms=cohort_window,
        cohort_patience_ms=cohort_patience,
        cohort_members=cohort_members,
    )
    if settings.listen.port == 0:
        raise InvalidInput("needs a port that is known beforehand", where="--listen")
    # Whoever has the port would be taken for our own controller.
    listen_at(settings.listen).close()
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
        grpc_addr=grpc_addr or f"unix:{_private_socket()}",
        switch_metrics=switch_metrics or _next_port(grpc_addr),
        tls=_tls(grpc_addr, grpc_ca, grpc_cert, grpc_key),
        device_id=device_id,
        port_queue_ms=port_queue,
        control=(control or pusher_socket()).absolute(),
        settings=settings,
        addressing=contents.addressing(
            content_prefix, content_ipv4, content_first_port, content_mac
        ),
    )
    asyncio.run(run(plan))


def _private_socket() -> Path:
    path = switch_socket()
    make_private(path.parent)
    return path


def _tls(
    address: str | None, ca: Path | None, certificate: Path | None, key: Path | None
) -> Tls | None:
    """Of both ends: they are on this machine."""
    given = [each.absolute() for each in (ca, certificate, key) if each is not None]
    if not given:
        return None
    if len(given) < 3:
        raise InvalidInput("a CA, a certificate and its key: all or none", where="--grpc-cert")
    if address is None or address.startswith("unix:"):
        raise InvalidInput("is for --grpc-addr HOST:PORT", where="--grpc-cert")
    return Tls(*map(str, given))
