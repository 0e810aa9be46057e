# SPDX-License-Identifier: Apache-2.0
"""A switch, a pusher and real TCP clients: each client in a namespace behind a link of its own."""

import hashlib
import socket
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, fields
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.serving import FIRST_CLIENT_PORT, Content, Serving, serving
from hectograph.testbed.targets import Target

__all__ = ["Client", "Content", "Lab", "exchange", "running_lab", "sha256"]

ROOT = Path(__file__).parents[3]


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


@dataclass(slots=True, kw_only=True)
class Lab(Serving):
    relay: Path
    prefix: str
    """Of its interfaces' names: two labs, one after the other, share the namespace."""
    clients: list[Client]

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


def _client(testbed: Testbed, here: Namespace, prefix: str, number: int, mtu: int) -> Client:
    namespace = testbed.namespace(f"client{number}")
    address = number + 1
    near = End(here, f"{prefix}relay{number}b", ipv6=False)
    far = End(
        namespace, "eth", addresses=(f"10.0.0.{address}/16", f"2001:db8:1::ffff:{address}/64")
    )
    testbed.veth(near, far, mtu=mtu)
    switch = End(here, f"{prefix}switch{FIRST_CLIENT_PORT + number}", ipv6=False)
    testbed.veth(switch, End(here, f"{prefix}relay{number}a", ipv6=False), mtu=mtu)
    return Client(namespace, FIRST_CLIENT_PORT + number, testbed.directory)


def _build_relay(directory: Path) -> Path:
    program = directory / "relay"
    source = ROOT / "host/tests/relay.c"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-o", program, source], check=True)
    return program


@contextmanager
def running_lab(testbed: Testbed, target: Target, mtus: Iterable[int]) -> Generator[Lab]:
    """Clients with links of these MTUs; nothing is relayed before `faulty()`."""
    here = Namespace.current()
    prefix = target.name[0]
    clients = [_client(testbed, here, prefix, number, mtu) for number, mtu in enumerate(mtus)]
    ports = {client.port: f"{prefix}switch{client.port}" for client in clients}
    relay = _build_relay(testbed.directory)
    with serving(testbed, here, target, prefix, ports) as served:
        known = {each.name: getattr(served, each.name) for each in fields(served)}
        yield Lab(**known, relay=relay, prefix=prefix, clients=clients)
    here.close()
