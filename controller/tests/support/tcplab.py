# SPDX-License-Identifier: Apache-2.0
"""A switch, a pusher and real TCP clients: each client in a namespace behind a link of its own."""

import asyncio
import hashlib
import itertools
import socket
import subprocess
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar

import finsy as fy
from finsy.proto import p4r
from relays import Relay

from hectograph.core.contents import ContentPhase, ContentSpec, ContentState
from hectograph.core.flows import FlowState
from hectograph.errors import Unavailable
from hectograph.pusher import PusherClient, program_path
from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.process import Program
from hectograph.testbed.targets import Target

T = TypeVar("T")

ROOT = Path(__file__).parents[3]
HOST_PORT = 1
FIRST_CLIENT_PORT = 2
SERVICE_MAC = "02:00:00:00:00:aa"
OTHER_HOST_PORT = 20
HOST_PORTS = (HOST_PORT, OTHER_HOST_PORT)
HOST_SET = 1
BUCKETS = 16
HOST_MTU = 9000
BUNDLE_MTU = 65535
MAPPED = 0xFFFF << 32
PREPARE_POLL_SECONDS = 0.005


_labs = itertools.count()


@dataclass(frozen=True, slots=True)
class Content:
    """A file with its addresses."""

    number: int
    path: Path
    sha256: str
    type: str

    @property
    def spec(self) -> ContentSpec:
        return ContentSpec(self.number, str(self.path), self.sha256, self.type)

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

    def start_curl(self, url: str, *options: str) -> "subprocess.Popen[bytes]":
        """Its standard output is the content."""
        command = ["curl", "-sS", "--noproxy", "*", "--max-time", "100", *options, url]
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
class Host:
    """A pusher, and where it is plugged in."""

    port: int
    control: Path
    pusher: Program

    @property
    def mac(self) -> str:
        return f"02:00:00:00:01:{self.port:02x}"

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

    def prepare(self, contents: Sequence[Content]) -> Sequence[ContentState]:
        """All at once, as a controller does."""

        async def prepared(pusher: PusherClient) -> Sequence[ContentState]:
            for content in contents:
                await pusher.add_content(content.spec)
            while True:
                states = await pusher.contents()
                if all(state.phase is not ContentPhase.PREPARING for state in states):
                    return states
                await asyncio.sleep(PREPARE_POLL_SECONDS)

        return self.ask(prepared) if contents else ()

    def counters(self) -> dict[str, int]:
        return self.ask(lambda pusher: pusher.flow_counters()).by_name

    def flows(self) -> Sequence[FlowState]:
        return self.ask(lambda pusher: pusher.flows(1000))

    def restart(self, contents: Sequence[Content]) -> None:
        """After it was killed."""
        self.pusher.start()
        self.pusher.wait_until(self.answers)
        self.prepare(contents)


@dataclass(slots=True)
class Lab:
    testbed: Testbed
    here: Namespace
    address: str
    """Of P4Runtime."""
    host: Host
    """That serves everything."""
    relay: Path
    target: Target
    prefix: str
    """Of its interfaces' names: labs share the namespace, and their links outlive them there."""
    switch: Program
    clients: list[Client]
    contents: list[Content] = field(default_factory=list[Content])
    ready: dict[int, ContentState] = field(default_factory=dict[int, ContentState])
    """When they were added."""
    numbers: int = 0
    """Of contents; none is used twice."""
    relays: int = 0
    """That were started."""
    secrets: int = 1
    """The number of the current secret."""

    def add_content(self, data: bytes, media_type: str = "") -> Content:
        """On the pusher, and when it is ready in the switch's tables."""
        self.numbers += 1
        number = self.numbers
        path = self.testbed.directory / f"content{number}"
        path.write_bytes(data)
        content = Content(number, path, sha256(data), media_type)
        self.contents.append(content)
        (state,) = (s for s in self.host.prepare([content]) if s.spec.id == number)
        assert state.phase is ContentPhase.READY, state.error
        self.ready[number] = state
        self.insert(_content_entries(content, state.response_bytes))
        return content

    def remove_content(self, content: Content) -> None:
        """From the pusher, and from what a restart brings back."""
        self.ask(lambda pusher: pusher.remove_content(content.number, reset=True))
        self.contents.remove(content)

    def ask(self, question: Callable[[PusherClient], Awaitable[T]]) -> T:
        return self.host.ask(question)

    def counters(self) -> dict[str, int]:
        return self.host.counters()

    def kill_pusher(self) -> None:
        """With SIGKILL; a new one takes up where it was, once it has its contents."""
        self.host.pusher.kill()
        self.host.restart(self.contents)

    @contextmanager
    def another_host(self, *, entries: bool = True) -> Generator[Host]:
        """With all contents, but no buckets; in the end the first has them all again.
        Without `entries` the buckets are left to a controller."""
        host = _start_host(self.testbed, self.here, self.target, self.prefix, OTHER_HOST_PORT)
        try:
            host.prepare(self.contents)
            yield host
        finally:
            if entries:
                self.give_buckets(self.host)
            host.pusher.stop()

    def give_buckets(self, host: Host, buckets: Iterable[int] = range(BUCKETS)) -> None:
        self.modify([_bucket_entry(host, bucket) for bucket in buckets])

    def kill_switch(self) -> None:
        """With SIGKILL; a new one knows nothing, and is told the tables and the same secrets."""
        self.switch.kill()
        self.switch.start()
        grpc_port = int(self.address.rpartition(":")[2])
        self.switch.wait_until(lambda: self.here.listens_on_tcp(grpc_port))
        # In a controller's order: nothing is refused that will not be.
        self.set_secrets()
        entries = _host_entries(self.host)
        for content in self.contents:
            entries += _content_entries(content, self.ready[content.number].response_bytes)
        self.insert(entries)
        # As a controller does: they are asked again who have waited for the switch for long.
        flows = self.host.flows()
        self.ask(lambda pusher: pusher.adopt_flows(flows))

    def rotate_secrets(self) -> None:
        self.secrets += 1
        self.set_secrets()

    def set_secrets(self) -> None:
        self.modify([_secrets_entry(self.secrets)])

    def modify(self, entries: list[fy.P4TableEntry]) -> None:
        async def written() -> None:
            async with fy.Switch("lab", self.address, _options()) as switch:
                await switch.modify(entries)

        asyncio.run(written())

    def insert(self, entries: list[fy.P4TableEntry]) -> None:
        async def written() -> None:
            async with fy.Switch("lab", self.address, _options()) as switch:
                await switch.insert(entries)

        asyncio.run(written())

    def write(self, updates: Sequence[p4r.Update]) -> None:
        async def written() -> None:
            async with fy.Switch("lab", self.address, _options()) as switch:
                await switch.write(updates)

        asyncio.run(written())

    @contextmanager
    def faulty(self, client: int, *faults: str) -> Generator[Client]:
        """The client, behind a link with these faults."""
        with self.relayed(client, self.switch_side(client), *faults):
            yield self.clients[client]

    def port_interface(self, client: int) -> str:
        """The switch's own, to the client."""
        return f"{self.prefix}switch{self.clients[client].port}"

    def switch_side(self, client: int) -> str:
        """The interface that a relay of the client's passes on to, for the switch."""
        return f"{self.prefix}relay{client}a"

    @contextmanager
    def relayed(self, client: int, interface: str, *faults: str) -> Generator[None]:
        """The client's link goes on to this interface."""
        with self.linked({client: interface}, *faults):
            yield

    @contextmanager
    def linked(self, interfaces: Mapping[int, str], *options: str) -> Generator[Relay]:
        """Clients' links go on to these interfaces; through one queue, where it has a rate."""
        pairs = [
            end
            for client, interface in interfaces.items()
            for end in (interface, f"{self.prefix}relay{client}b")
        ]
        self.relays += 1
        command = [str(self.relay), *options, *pairs]
        program = self.testbed.start(f"relay{self.relays}", command, self.here)
        program.wait_until(lambda: "ready" in program.output())
        try:
            yield Relay(program)
        finally:
            program.stop()


def artifacts() -> tuple[Path, Path]:
    """P4Info and the pipeline."""
    directory = Path(str(resources.files("hectograph"))) / "artifacts" / "v1model"
    return directory / "hectograph.p4info.txtpb", directory / "hectograph.json"


def _options() -> fy.SwitchOptions:
    p4info, p4blob = artifacts()
    return fy.SwitchOptions(p4info=p4info, p4blob=p4blob)


def _key(**fields: int) -> fy.P4TableMatch:
    return fy.P4TableMatch(fields)


def secret_of(number: int) -> int:
    return int.from_bytes(hashlib.sha256(b"%d" % number).digest()[:8], "big")


def _secrets_entry(number: int) -> fy.P4TableEntry:
    """The filter's epoch goes along: both are never 0."""
    action = fy.P4TableAction(
        "set_secrets",
        current=secret_of(number),
        previous=secret_of(number - 1),
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
        match = _key(address=number, port=80)
        entries.append(fy.P4TableEntry("service", match=match, action=serve))
        match = _key(address=number)
        entries.append(fy.P4TableEntry("content_address", match=match, action=own))
    return entries


def _host_port_entry(port: int) -> fy.P4TableEntry:
    action = fy.P4TableAction("is_host")
    return fy.P4TableEntry("host_port", match=_key(ingress_port=port), action=action)


def _bucket_entry(host: Host, bucket: int) -> fy.P4TableEntry:
    action = fy.P4TableAction("to_host", port=host.port, host_mac=host.mac)
    match = _key(host_set=HOST_SET, bucket=bucket)
    return fy.P4TableEntry("service_host", match=match, action=action)


def _host_entries(host: Host) -> list[fy.P4TableEntry]:
    """Pushes from every host's port, and all buckets to this host."""
    ports = [_host_port_entry(port) for port in HOST_PORTS]
    return ports + [_bucket_entry(host, bucket) for bucket in range(BUCKETS)]


def _start_host(testbed: Testbed, here: Namespace, target: Target, prefix: str, port: int) -> Host:
    control = testbed.directory / f"pusher{port}.sock"
    interface = f"{prefix}host{port}"
    command = [str(program_path()), "serve", "--interface", interface, "--control", str(control)]
    if target.bundles:
        command.append("--bundles")
    pusher = testbed.start(f"pusher{port}", command, here)
    pusher.wait_until(control.exists)
    return Host(port, control, pusher)


def _client(
    testbed: Testbed, here: Namespace, prefix: str, number: int, mtu: int, relays: bool
) -> Client:
    namespace = testbed.namespace(f"client{number}")
    address = number + 1
    # A relay is a raw socket, which would pass checksums on that nobody has filled in.
    far = End(
        namespace,
        "eth",
        addresses=(f"10.0.0.{address}/16", f"2001:db8:1::ffff:{address}/64"),
        checksum_offload=not relays,
    )
    interface = f"{prefix}switch{FIRST_CLIENT_PORT + number}"
    switch = End(here, interface, ipv6=False, checksum_offload=not relays)
    if relays:
        testbed.veth(End(here, f"{prefix}relay{number}b", ipv6=False), far, mtu=mtu)
        far = End(here, f"{prefix}relay{number}a", ipv6=False)
    testbed.veth(switch, far, mtu=mtu)
    return Client(namespace, FIRST_CLIENT_PORT + number, testbed.directory)


def build_program(directory: Path, name: str) -> Path:
    """One of host/tests that stands alone."""
    program = directory / name
    source = ROOT / f"host/tests/{name}.c"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-o", program, source], check=True)
    return program


@contextmanager
def running_lab(
    testbed: Testbed,
    target: Target,
    mtus: Iterable[int],
    *,
    entries: bool = True,
    relays: bool = True,
    host_mtu: int | None = None,
    options: Sequence[str] = (),
) -> Generator[Lab]:
    """Clients with links of these MTUs; nothing is relayed before `faulty()`. Without
    `entries` the switch is left to a controller; without `relays` each client is linked
    to its port of the switch itself, with offloads on. `host_mtu`: of the hosts' links, if
    not what suits the target best; `options`: the switch's."""
    here = Namespace.current()
    prefix = f"lab{next(_labs)}"
    for port in HOST_PORTS:
        ends = (f"{prefix}host{port}", f"{prefix}switch{port}")
        testbed.veth(
            *(End(here, end, ipv6=False) for end in ends),
            mtu=host_mtu or (BUNDLE_MTU if target.bundles else HOST_MTU),
        )
    clients = [
        _client(testbed, here, prefix, number, mtu, relays) for number, mtu in enumerate(mtus)
    ]
    numbers = (*HOST_PORTS, *(client.port for client in clients))
    ports = {port: f"{prefix}switch{port}" for port in numbers}
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [*target.command(ports, address, HOST_PORTS), *options]
    program = testbed.start(target.name, command, here)
    grpc_port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(grpc_port))
    host = _start_host(testbed, here, target, prefix, HOST_PORT)
    relay = build_program(testbed.directory, "relay")
    lab = Lab(testbed, here, address, host, relay, target, prefix, program, clients)
    if entries:
        lab.insert(_host_entries(host))
        lab.set_secrets()
    try:
        yield lab
    finally:
        host.pusher.stop()
        program.stop()
        here.close()
