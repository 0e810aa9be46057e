# SPDX-License-Identifier: Apache-2.0
"""A switch and a pusher that serve contents over TCP, set up by hand, without a controller."""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar

import finsy as fy

from hectograph.errors import Unavailable
from hectograph.pusher import PusherClient, program_path
from hectograph.pusher.contents import ContentPhase, ContentSpec, ContentState
from hectograph.testbed.network import End, Namespace
from hectograph.testbed.process import Program
from hectograph.testbed.targets import Target
from hectograph.testbed.testbed import Testbed

T = TypeVar("T")

HOST_PORT = 1
FIRST_CLIENT_PORT = 2
SERVICE_MAC = "02:00:00:00:00:aa"
HOST_MAC = "02:00:00:00:00:01"
HOST_SET = 1
HOST_MTU = 9000
MAPPED = 0xFFFF << 32


@dataclass(frozen=True, slots=True)
class Content:
    """A file with its addresses."""

    number: int
    path: Path
    sha256: str

    @property
    def addresses(self) -> tuple[IPv4Address, IPv6Address]:
        return IPv4Address("10.0.1.0") + self.number, IPv6Address("2001:db8:1::") + self.number

    @property
    def urls(self) -> tuple[str, str]:
        ipv4, ipv6 = self.addresses
        return f"http://{ipv4}/", f"http://[{ipv6}]/"


@dataclass(slots=True)
class Serving:
    """Both run, and the switch knows the pusher's port and its secrets."""

    testbed: Testbed
    here: Namespace
    address: str
    """Of P4Runtime."""
    control: Path
    """Of the pusher."""
    switch: Program
    pusher: Program
    contents: list[Content] = field(default_factory=list[Content])
    numbers: int = 0
    """Of contents; none is used twice."""
    secrets: int = 1
    """The number of the current secret."""

    @property
    def flows(self) -> Path:
        """The pusher's shared memory: a record for each connection."""
        return self.control.with_name(f"{self.control.name}.flows")

    def add_content(self, data: bytes) -> Content:
        """On the pusher, and when it is ready in the switch's tables."""
        self.numbers += 1
        number = self.numbers
        path = self.testbed.directory / f"content{number}"
        path.write_bytes(data)
        content = Content(number, path, hashlib.sha256(data).hexdigest())
        self.contents.append(content)
        state = self.prepare(content)
        if state.phase is not ContentPhase.READY:
            raise Unavailable(state.error, where=str(path))
        self.insert(_content_entries(content, state.response_bytes))
        return content

    def prepare(self, content: Content) -> ContentState:
        spec = ContentSpec(content.number, str(content.path), content.sha256)
        return self.ask(lambda pusher: pusher.prepare_content(spec))

    def ask(self, question: Callable[[PusherClient], Awaitable[T]]) -> T:
        async def asked() -> T:
            async with PusherClient(self.control) as pusher:
                return await question(pusher)

        return asyncio.run(asked())

    def answers(self) -> bool:
        try:
            self.ask(lambda pusher: pusher.hello())
        except Unavailable:
            return False
        return True

    def counters(self) -> dict[str, int]:
        return self.ask(lambda pusher: pusher.flow_counters()).by_name

    def kill_pusher(self) -> None:
        """With SIGKILL; a new one takes up where it was, once it has its contents."""
        self.pusher.kill()
        self.pusher.start()
        self.pusher.wait_until(self.answers)
        for content in self.contents:
            self.prepare(content)

    def rotate_secrets(self) -> None:
        self.secrets += 1
        self.set_secrets()

    def set_secrets(self) -> None:
        self._write(lambda switch: switch.modify([_secrets_entry(self.secrets)]))

    def insert(self, entries: Iterable[fy.P4TableEntry]) -> None:
        self._write(lambda switch: switch.insert(entries))

    def _write(self, write: Callable[[fy.Switch], Awaitable[None]]) -> None:
        async def written() -> None:
            async with fy.Switch("serving", self.address, _options()) as switch:
                await write(switch)

        self.here.call(lambda: asyncio.run(written()))


@contextmanager
def serving(
    testbed: Testbed, here: Namespace, target: Target, prefix: str, clients: Mapping[int, str]
) -> Generator[Serving]:
    """With these ports to clients; interfaces are called `prefix`host and `prefix`switch1."""
    host, switch = (End(here, f"{prefix}{end}", ipv6=False) for end in ("host", "switch1"))
    testbed.veth(host, switch, mtu=HOST_MTU)
    with here.entered(), socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ports = {HOST_PORT: switch.interface, **clients}
    program = testbed.start(target.name, target.command(ports, address), here)
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    control = testbed.directory / "pusher.sock"
    command = [str(program_path()), "serve", "--interface", host.interface]
    command += ["--control", str(control)]
    pusher = testbed.start("pusher", command, here)
    pusher.wait_until(control.exists)
    served = Serving(testbed, here, address, control, program, pusher)
    served.insert(_host_entries())
    served.set_secrets()
    try:
        yield served
    finally:
        pusher.stop()
        program.stop()


def _options() -> fy.SwitchOptions:
    artifacts = Path(str(resources.files("hectograph"))) / "artifacts" / "v1model"
    return fy.SwitchOptions(
        p4info=artifacts / "hectograph.p4info.txtpb", p4blob=artifacts / "hectograph.json"
    )


def _key(**fields: int) -> fy.P4TableMatch:
    return fy.P4TableMatch(fields)


def _secret(number: int) -> int:
    return int.from_bytes(hashlib.sha256(b"%d" % number).digest()[:8], "big")


def _secrets_entry(number: int) -> fy.P4TableEntry:
    """The filter's epoch goes along: both are never 0."""
    action = fy.P4TableAction(
        "set_secrets",
        current=_secret(number),
        previous=_secret(number - 1),
        number=number,
        epoch=number % 255 + 1,
        previous_epoch=(number - 1) % 255 + 1,
        mss=1440,
    )
    return fy.P4TableEntry("flow_secrets", action=action, is_default_action=True)


def _content_entries(content: Content, response_bytes: int) -> list[fy.P4TableEntry]:
    serve = fy.P4TableAction(
        "serve", content=content.number, response_length=response_bytes, host_set=HOST_SET
    )
    own = fy.P4TableAction("own_address", mac=SERVICE_MAC, host_set=HOST_SET)
    entries: list[fy.P4TableEntry] = []
    for address in content.addresses:
        number = int(address) | (MAPPED if address.version == 4 else 0)
        match = _key(address=number)
        entries.append(fy.P4TableEntry("content_address", match=match, action=own))
        match = _key(address=number, port=80)
        entries.append(fy.P4TableEntry("service", match=match, action=serve))
    return entries


def _host_entries() -> list[fy.P4TableEntry]:
    is_host = fy.P4TableAction("is_host")
    to_host = fy.P4TableAction("to_host", port=HOST_PORT, host_mac=HOST_MAC)
    return [
        fy.P4TableEntry("host_port", match=_key(ingress_port=HOST_PORT), action=is_host),
        *(
            fy.P4TableEntry("service_host", match=_key(host_set=HOST_SET, bucket=n), action=to_host)
            for n in range(16)
        ),
    ]
