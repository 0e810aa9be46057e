# SPDX-License-Identifier: Apache-2.0
"""A switch, a pusher and real TCP clients: each client in a namespace behind a link of its own."""

import asyncio
import hashlib
import socket
import subprocess
from collections.abc import Awaitable, Callable, Generator, Iterable
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
from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.process import Program
from hectograph.testbed.targets import Target

T = TypeVar("T")

ROOT = Path(__file__).parents[3]
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
class Client:
    """A namespace with one interface, `eth`, behind a relay when the link has faults."""

    namespace: Namespace
    port: int
    directory: Path

    def run(self, *command: str, timeout: float = 100) -> "subprocess.CompletedProcess[bytes]":
        with self.namespace.entered():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def start_curl(self, url: str) -> "subprocess.Popen[bytes]":
        """Its standard output is the content."""
        command = ["curl", "-sS", "--noproxy", "*", "--max-time", "100", url]
        with self.namespace.entered():
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def connect(
        self, address: IPv4Address | IPv6Address, options: Iterable[tuple[int, int, int]] = ()
    ) -> socket.socket:
        """A connection to the content there, with these socket options."""

        def inside() -> socket.socket:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(60)
            for level, name, value in options:
                sock.setsockopt(level, name, value)
            sock.connect((str(address), 80))
            return sock

        return self.namespace.call(inside)


def exchange(sock: socket.socket, *parts: bytes) -> bytes:
    """Send the parts, each in a segment of its own; all that comes back until the end."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for part in parts:
        sock.sendall(part)
    received = bytearray()
    while chunk := sock.recv(65536):
        received += chunk
    sock.close()
    return bytes(received)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Lab:
    testbed: Testbed
    here: Namespace
    address: str
    """Of P4Runtime."""
    control: Path
    """Of the pusher."""
    relay: Path
    prefix: str
    """Of its interfaces' names: two labs, one after the other, share the namespace."""
    pusher: Program
    switch: Program
    clients: list[Client]
    contents: list[Content] = field(default_factory=list[Content])
    ready: dict[int, ContentState] = field(default_factory=dict[int, ContentState])
    numbers: int = 0
    """Of contents; none is used twice."""
    secrets: int = 1
    """The number of the current secret."""

    def add_content(self, data: bytes) -> Content:
        """On the pusher, and when it is ready in the switch's tables."""
        self.numbers += 1
        number = self.numbers
        path = self.testbed.directory / f"content{number}"
        path.write_bytes(data)
        content = Content(number, path, sha256(data))
        self.contents.append(content)
        state = self.prepare(content)
        assert state.phase is ContentPhase.READY, state.error
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
        async def written() -> None:
            async with fy.Switch("lab", self.address, _options()) as switch:
                await switch.modify([_secrets_entry(self.secrets)])

        asyncio.run(written())

    def insert(self, entries: list[fy.P4TableEntry]) -> None:
        async def written() -> None:
            async with fy.Switch("lab", self.address, _options()) as switch:
                await switch.insert(entries)

        asyncio.run(written())

    @contextmanager
    def faulty(self, client: int, *faults: str) -> Generator[Client]:
        """The client, behind a link with these faults."""
        one, other = (f"{self.prefix}relay{client}{end}" for end in "ab")
        command = [str(self.relay), one, other, *faults]
        program = self.testbed.start(f"relay{client}", command, self.here)
        program.wait_until(lambda: "ready" in program.output())
        try:
            yield self.clients[client]
        finally:
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
            fy.P4TableEntry("service_host", match=_key(host_set=1, bucket=n), action=to_host)
            for n in range(16)
        ),
    ]


def _client(
    testbed: Testbed, here: Namespace, prefix: str, number: int, mtu: int, relays: bool
) -> Client:
    namespace = testbed.namespace(f"client{number}")
    address = number + 1
    far = End(
        namespace, "eth", addresses=(f"10.0.0.{address}/16", f"2001:db8:1::ffff:{address}/64")
    )
    switch = End(here, f"{prefix}switch{FIRST_CLIENT_PORT + number}", ipv6=False)
    if relays:
        testbed.veth(End(here, f"{prefix}relay{number}b", ipv6=False), far, mtu=mtu)
        far = End(here, f"{prefix}relay{number}a", ipv6=False)
    testbed.veth(switch, far, mtu=mtu)
    return Client(namespace, FIRST_CLIENT_PORT + number, testbed.directory)


def _build_relay(directory: Path) -> Path:
    program = directory / "relay"
    source = ROOT / "host/tests/relay.c"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-o", program, source], check=True)
    return program


@contextmanager
def running_lab(
    testbed: Testbed, target: Target, mtus: Iterable[int], *, relays: bool = True
) -> Generator[Lab]:
    """Clients with links of these MTUs; nothing is relayed before `faulty()`. Without
    `relays` each is linked to its port of the switch itself."""
    here = Namespace.current()
    prefix = target.name[0]
    host, switch = (End(here, f"{prefix}{end}", ipv6=False) for end in ("host", "switch1"))
    testbed.veth(host, switch, mtu=HOST_MTU)
    clients = [
        _client(testbed, here, prefix, number, mtu, relays) for number, mtu in enumerate(mtus)
    ]
    numbers = (HOST_PORT, *(client.port for client in clients))
    ports = {port: f"{prefix}switch{port}" for port in numbers}
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = testbed.start(target.name, target.command(ports, address), here)
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    control = testbed.directory / "pusher.sock"
    command = [
        str(program_path()),
        "serve",
        "--interface",
        host.interface,
        "--control",
        str(control),
    ]
    pusher = testbed.start("pusher", command, here)
    pusher.wait_until(control.exists)
    relay = _build_relay(testbed.directory)
    lab = Lab(testbed, here, address, control, relay, prefix, pusher, program, clients)
    lab.insert(_host_entries())
    lab.set_secrets()
    try:
        yield lab
    finally:
        pusher.stop()
        program.stop()
        here.close()
