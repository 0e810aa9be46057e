# SPDX-License-Identifier: Apache-2.0
"""Switch, controller and pusher, started as a user would, and started again when they die."""

import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rich.console import Console

from hectograph.api.client import Client as ApiClient
from hectograph.api.models import (
    AddressingSpec,
    GroupSpec,
    HostSpec,
    MemberSpec,
    Source,
    SwitchSpec,
)
from hectograph.demo import topology
from hectograph.demo.topology import Topology
from hectograph.errors import ToolFailure, Unavailable
from hectograph.testbed import Program, Testbed
from hectograph.testbed.targets import DEVICE_ID, Target

P4RUNTIME = "127.0.0.1:9559"
REST = "127.0.0.1:8080"
READY_SECONDS = 60
NAME = "demo"
"""Of the switch, the host, the group, the stream and the content."""


@dataclass(frozen=True, slots=True)
class Parts:
    switch: Program
    controller: Program
    pusher: Program
    client: ApiClient
    target: Target

    def all(self) -> tuple[Program, ...]:
        return self.switch, self.controller, self.pusher

    def keep_running(self) -> None:
        """What a service manager does."""
        for program in self.all():
            if not program.running():
                program.start()

    def kill(self, name: str, say: Console) -> None:
        program = {each.name: each for each in self.all()}[name]
        say.print(f"kill -9    {name} (process {program.pid})")
        program.kill()


def start(
    bed: Testbed,
    network: Topology,
    target: Target,
    addressing: AddressingSpec | None = None,
    settings: Sequence[str] = (),
    *,
    bundles: bool = False,
) -> Parts:
    """`addressing`: of contents; `settings`: more of the controller's options; `bundles`: from
    the pusher."""
    hectograph = [sys.executable, "-m", "hectograph"]
    control = bed.directory / "pusher.sock"
    database = bed.directory / "controller.db"
    command = target.command(network.ports, P4RUNTIME, [topology.HOST_PORT] if bundles else [])
    switch = bed.start("switch", command, network.switch)
    push = ["pusher", "--interface", topology.HOST_INTERFACE, "--control", str(control)]
    push += ["--bundles"] if bundles else []
    pusher = bed.start("pusher", [*hectograph, *push], network.host)
    controller = bed.start(
        "controller",
        [
            *hectograph,
            "controller",
            "--listen",
            REST,
            "--database",
            str(database),
            "--content-root",
            "/",
            *settings,
        ],
        network.switch,
    )
    switch.wait_until(lambda: _listens(P4RUNTIME), READY_SECONDS)
    pusher.wait_until(control.exists, READY_SECONDS)
    controller.wait_until(lambda: _listens(REST), READY_SECONDS)
    client = ApiClient(f"http://{REST}")
    client.switches.put(
        NAME,
        SwitchSpec(
            address=P4RUNTIME,
            device_id=DEVICE_ID,
            profile=target.name,
            host_ports=[topology.HOST_PORT],
            ports=sorted(network.ports),
            mtu=network.mtu,
            addressing=addressing,
        ),
    )
    client.hosts.put(NAME, HostSpec(control=str(control), switch=NAME, port=topology.HOST_PORT))
    parts = Parts(switch, controller, pusher, client, target)
    until(parts, "switch", lambda: client.switches.get(NAME).status.state == "ready")
    until(parts, "host", lambda: client.hosts.get(NAME).status.state == "ready")
    return parts


def join(parts: Parts, network: Topology) -> None:
    """Every client becomes a member; back when the switch has them all."""
    source = Source(
        mac=topology.SOURCE_MAC,
        ipv4=topology.SOURCE_IPV4,
        ipv6=topology.SOURCE_IPV6,
        udp_port=topology.UDP_PORT,
    )
    parts.client.groups.put(NAME, GroupSpec(switch=NAME, source=source))
    members = parts.client.members(NAME)
    for each in network.clients:
        spec = MemberSpec(
            port=each.port, mac=each.mac, address=each.address, udp_port=topology.UDP_PORT
        )
        members.put(each.name, spec)
    until(parts, "group", lambda: _has_all(parts.client, len(network.clients)))


def _has_all(client: ApiClient, count: int) -> bool:
    status = client.groups.get(NAME).status
    return status.state == "applied" and status.members.applied == count


def until(parts: Parts, what: str, condition: Callable[[], bool]) -> None:
    """A condition on what the API says; all three parts have to stay alive."""

    def holds() -> bool:
        for program in (parts.switch, parts.pusher):
            program.check()
        with suppress(Unavailable):
            return condition()
        return False

    try:
        parts.controller.wait_until(holds, READY_SECONDS)
    except ToolFailure as error:
        raise ToolFailure(f"{what} {NAME}: {error.message}", output=error.output) from error


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False
