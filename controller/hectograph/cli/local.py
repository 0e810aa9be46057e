# SPDX-License-Identifier: Apache-2.0
"""Switch, controller and pusher on this machine, and what makes them know each other."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from hectograph.api.client import Client
from hectograph.api.models import AddressingSpec, HostSpec, SwitchSpec, TlsSpec
from hectograph.cli import cohort_options, content_roots
from hectograph.cli.addressing import addressing_text
from hectograph.cli.interfaces import PortInterface
from hectograph.cli.remote import build
from hectograph.cli.supervisor import Child, Supervisor
from hectograph.config import Settings
from hectograph.core.model import Tls
from hectograph.errors import Conflict, Unavailable

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
    switch_metrics: str
    device_id: int
    port_queue_ms: int
    control: Path
    settings: Settings
    tls: Tls | None = None
    """Of P4Runtime."""

    @property
    def links(self) -> list[str]:
        """Interfaces that everything hangs on."""
        clients = (each.interface for each in self.clients)
        return list(dict.fromkeys([self.host_interface, self.host.interface, *clients]))

    addressing: AddressingSpec | None = None
    """Of contents."""


async def run(plan: Plan) -> None:
    program = (sys.executable, "-m", "hectograph")
    interfaces = [word for each in (plan.host, *plan.clients) for word in ("-i", str(each))]
    children = [
        Child(
            "switch",
            [
                *(*program, "switch", *interfaces),
                *("--device-id", str(plan.device_id)),
                *("--grpc-server-addr", plan.grpc_addr),
                *("--metrics", plan.switch_metrics),
                *_tls_words(plan.tls),
                *("--bundle-port", str(plan.host.port)),
                *("--port-queue", str(plan.port_queue_ms)),
                "--no-p4",
            ],
        ),
        Child(
            "pusher",
            [
                *(*program, "pusher", "--interface", plan.host_interface),
                *("--control", str(plan.control)),
                "--bundles",
            ],
        ),
        Child(
            "controller",
            [
                *(*program, "controller", "--listen", str(plan.settings.listen)),
                *("--database", str(plan.settings.database)),
                *(word for name in plan.links for word in ("--link", name)),
                *content_roots.words(plan.settings),
                *cohort_options.words(plan.settings),
            ],
        ),
    ]

    await Supervisor(children).run(lambda: _register(plan))


async def _register(plan: Plan) -> None:
    """As soon as the controller answers; then wait for switch and pusher."""
    token = plan.settings.token
    server = f"http://{plan.settings.listen.reachable}"
    with Client(server, token.get_secret_value() if token else None) as client:
        try:
            async with asyncio.timeout(START_SECONDS):
                await _until(lambda: _put(client, plan))
                _announce(plan, server, client.switches.get(plan.name).addressing)
                await _until(lambda: _is_ready(client, plan.name))
        except TimeoutError as error:
            raise Unavailable(f"not ready after {START_SECONDS:.0f} s; see above why") from error
        # A cable may be plugged in at any time.
        links = _Links(client)
        await _until(links.are_up)
    typer.echo("ready")
    sys.stdout.flush()


class _Links:
    """Says which are down when that changes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._down: list[str] = []

    def are_up(self) -> bool:
        reasons = self._client.readiness().reasons
        down = [reason for reason in reasons if reason.startswith("link ")]
        if down and down != self._down:
            typer.echo(f"not ready   {', '.join(down)}")
            sys.stdout.flush()
        self._down = down
        return not down


async def _until(attempt: Callable[[], bool]) -> None:
    """In a thread, because the client blocks."""
    while True:
        with suppress(Unavailable):
            if await asyncio.to_thread(attempt):
                return
        await asyncio.sleep(POLL_SECONDS)


def _put(client: Client, plan: Plan) -> bool:
    ports = sorted({plan.host.port, *(each.port for each in plan.clients)})
    switch = build(
        SwitchSpec,
        address=plan.grpc_addr,
        device_id=plan.device_id,
        profile="embedded",
        host_ports=[plan.host.port],
        ports=ports,
        mtu=plan.mtu,
        addressing=plan.addressing,
        metrics=plan.switch_metrics,
        tls=None if plan.tls is None else TlsSpec.model_validate(plan.tls),
    )
    _put_switch(client, plan.name, switch)
    host = build(HostSpec, control=str(plan.control), switch=plan.name, port=plan.host.port)
    client.hosts.put(plan.name, host)
    return True


def _put_switch(client: Client, name: str, switch: SwitchSpec) -> None:
    """Contents keep their addresses: while there are some, others have to wait."""
    try:
        client.switches.put(name, switch)
    except Conflict as conflict:
        kept = client.switches.get(name).addressing
        if kept == switch.addressing:
            raise
        client.switches.put(name, switch.model_copy(update={"addressing": kept}))
        there = "none" if kept is None else addressing_text(kept)
        typer.echo(f"contents    keep their addresses, {there}: {conflict}", err=True)


def _tls_words(tls: Tls | None) -> list[str]:
    if tls is None:
        return []
    assert tls.certificate is not None
    assert tls.key is not None
    return ["--tls-cert", tls.certificate, "--tls-key", tls.key, "--tls-ca", tls.ca]


def _is_ready(client: Client, name: str) -> bool:
    switch, host = client.switches.get(name), client.hosts.get(name)
    return switch.status.state == "ready" and host.status.state == "ready"


def _announce(plan: Plan, server: str, addressing: AddressingSpec | None) -> None:
    clients = ", ".join(map(str, plan.clients))
    typer.echo(f"switch      {plan.name}: pushes {plan.host}, clients {clients}")
    typer.echo(f"P4Runtime   {plan.grpc_addr}, device {plan.device_id}")
    typer.echo(f"metrics     http://{plan.switch_metrics}/metrics (the switch's)")
    typer.echo(f"pusher      {plan.name}: {plan.host_interface}, {plan.control}")
    if addressing is not None:
        typer.echo(f"contents    {addressing_text(addressing)}")
    typer.echo(f"controller  {server}/api/v1, {plan.settings.database}")
