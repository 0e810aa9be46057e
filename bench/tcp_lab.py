# SPDX-License-Identifier: Apache-2.0
"""Two servers of the same files, and the namespaces of their clients.

Each client's namespace has two links: `eth` to a port of the embedded switch, behind
which is the pusher, and `nginx` straight into nginx's namespace, with all offloads on.
"""

import math
import os
import resource
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import usage
from hectograph.testbed import End, Namespace, Program, Testbed
from hectograph.testbed.targets import TARGETS, Target

sys.path.append(str(Path(__file__).parents[1] / "controller/tests/support"))

import tcplab
from tcplab import HOST_PORT as HOST_PORT
from tcplab import SERVICE_MAC, Content

CLIENTS = 8
"""Namespaces; of more clients, several share one."""
MTU = 1500

OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
"""For one process; beyond, nginx needs more workers."""
SPARE_FILES = 100

BUFFERS = {"listen": "", "limits": ""}
SMALL_BUFFERS = {"listen": " sndbuf=4k", "limits": "sendfile_max_chunk 4k;"}
"""By itself nginx has the kernel account 100 KB to a connection whose client does not read:
of 24 GB of memory, net.ipv4.tcp_mem lets 23,000 such connections be."""

CONGESTION = "cubic"
"""What the pusher does, and what cost nginx least here (BBR: twice the CPU time)."""

NGINX_SETTINGS = """
daemon off;
user root;
pid {directory}/nginx.pid;
error_log stderr warn;
worker_processes {workers};
events {{ worker_connections {slots}; multi_accept on; }}
http {{
    access_log off;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    {limits}
    keepalive_timeout 0;
    send_timeout 1h;
    open_file_cache max=100 inactive=1h;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    server {{
        listen 80 backlog=4096{listen};
        root {directory};
    }}
}}
"""


def find(program: str) -> str | None:
    """Debian has nginx, ip and tc where an ordinary user's PATH does not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a client finds a content at one of the servers."""

    interface: str
    first_source: str
    """Of addresses that nobody has, on the same link."""
    destination: str
    mac: str
    path: str


@dataclass(slots=True)
class Server(ABC):
    name: str

    @abstractmethod
    def programs(self) -> dict[str, list[int]]:
        """Process ids by what they are."""

    @abstractmethod
    def address(self, client: int, content: Content) -> Address: ...

    @abstractmethod
    def connections(self) -> int:
        """That it has open."""

    @abstractmethod
    def sent_bytes(self) -> int:
        """By the host's interfaces, as the kernel counts."""

    def cpu(self) -> dict[str, float]:
        """Seconds by what the programs are."""
        programs = self.programs().items()
        return {name: sum(map(usage.process_cpu, pids)) for name, pids in programs}

    def memory(self, contents: list[Content]) -> int:
        """Bytes; the contents themselves are in the page cache, for both, and left out."""
        files = {str(content.path) for content in contents}
        pids = [pid for group in self.programs().values() for pid in group]
        return sum(usage.process_memory(pid, without=files) for pid in pids)


@dataclass(slots=True)
class Ours(Server):
    lab: tcplab.Lab
    urls: dict[int, str] = field(default_factory=dict[int, str])
    """Of contents that a controller has given addresses, on IPv4."""

    def programs(self) -> dict[str, list[int]]:
        return {"pusher": [self.lab.host.pusher.pid], "switch": [self.lab.switch.pid]}

    def address(self, client: int, content: Content) -> Address:
        source = f"10.0.{128 + 8 * client}.0"
        path = f"/{content.path.name}"
        where = self.urls.get(content.number, str(content.addresses[0]))
        return Address("eth", source, where, SERVICE_MAC, path)

    def connections(self) -> int:
        return sum(state.flows for state in self.lab.ask(lambda pusher: pusher.contents()))

    def sent_bytes(self) -> int:
        return self.lab.here.counters(f"{self.lab.prefix}host{self.lab.host.port}").tx_bytes


@dataclass(slots=True)
class Nginx(Server):
    program: Program

    def programs(self) -> dict[str, list[int]]:
        master = self.program.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return {"nginx": [master, *(int(pid) for pid in children)]}

    def address(self, client: int, content: Content) -> Address:
        source, destination = f"10.{1 + client}.128.0", f"10.{1 + client}.0.1"
        path = f"/{content.path.name}"
        return Address("nginx", source, destination, _nginx_mac(client), path)

    def connections(self) -> int:
        """Without the socket that listens."""
        return self.program.namespace.call(usage.sockets_in_use) - 1

    def sent_bytes(self) -> int:
        namespace = self.program.namespace
        return sum(namespace.counters(f"client{number}").tx_bytes for number in range(CLIENTS))


@dataclass(slots=True)
class Lab:
    bed: Testbed
    clients: list[Namespace]
    ours: Ours
    nginx: Nginx

    @property
    def servers(self) -> tuple[Server, Server]:
        return self.ours, self.nginx

    def add_content(self, size: int) -> Content:
        return self.ours.lab.add_content(os.urandom(size))

    def make_room(self, connections: int) -> None:
        """For so many whose clients do not read. nginx is started anew, with what that takes."""
        nginx = self.nginx.program.namespace
        self.nginx.program.stop()
        _queue_to_clients(self.bed, nginx)
        workers = math.ceil(connections / (OPEN_FILES - SPARE_FILES))
        # More than a worker may open, by an eighth: at that limit it leaves clients to the
        # others; with less than a sixteenth of its slots free it would close them.
        slots = min(connections, OPEN_FILES) * 9 // 8
        self.nginx.program = _start_nginx(self.bed, nginx, workers, slots, SMALL_BUFFERS)


@contextmanager
def running(
    target: Target = TARGETS["embedded"],
    *,
    entries: bool = True,
    host_mtu: int | None = None,
    options: Sequence[str] = (),
) -> Generator[Lab]:
    """Without `entries` our switch is left to a controller; `host_mtu` and `options`: tcplab's."""
    mtus = [MTU] * CLIENTS
    with (
        Testbed() as bed,
        tcplab.running_lab(
            bed,
            target,
            mtus,
            entries=entries,
            relays=False,
            host_mtu=host_mtu,
            options=options,
        ) as ours,
    ):
        nginx = bed.namespace("nginx")
        clients = [client.namespace for client in ours.clients]
        for number, client in enumerate(clients):
            _set(client, "net/ipv4/ip_local_port_range", "1024 65535")
            _link_to_nginx(bed, nginx, client, number)
        peer = Nginx("nginx", _start_nginx(bed, nginx, workers=len(os.sched_getaffinity(0))))
        yield Lab(bed, clients, Ours("hectograph", ours), peer)


def _link_to_nginx(bed: Testbed, nginx: Namespace, client: Namespace, number: int) -> None:
    """Addresses that nobody has lead there too: to clients without sockets."""
    network = f"10.{1 + number}.0"
    near = End(
        nginx,
        f"client{number}",
        mac=_nginx_mac(number),
        addresses=(f"{network}.1/16",),
        checksum_offload=True,
    )
    bed.veth(near, End(client, "nginx", addresses=(f"{network}.2/16",), checksum_offload=True))
    for destination in (f"{network}.0/16", f"10.{1 + number}.128.0/17 via {network}.2"):
        command = (
            f"{find('ip')} route replace {destination} dev {near.interface} congctl {CONGESTION}"
        )
        bed.start(f"route{number}", command.split(), nginx).wait(10)


def _nginx_mac(client: int) -> str:
    return f"02:00:00:00:01:{client:02x}"


def _queue_to_clients(bed: Testbed, nginx: Namespace) -> None:
    """On the links that have none, for probes.

    Many leave at once. Those that the receiver's backlog does not hold are errors to their
    senders, who give up after 15; behind a queue they are losses like any other.
    """
    for number in range(CLIENTS):
        command = f"{find('tc')} qdisc replace dev client{number} root pfifo limit 10000"
        bed.start(f"queue{number}", command.split(), nginx).wait(10)


def _start_nginx(
    bed: Testbed,
    namespace: Namespace,
    workers: int,
    slots: int = 1024,
    buffers: Mapping[str, str] = BUFFERS,
) -> Program:
    settings = bed.directory / "nginx.conf"
    settings.write_text(
        NGINX_SETTINGS.format(directory=bed.directory, workers=workers, slots=slots, **buffers)
    )
    command = ["prlimit", f"--nofile={OPEN_FILES}", "--", str(find("nginx"))]
    command += ["-e", "stderr", "-c", str(settings)]
    program = bed.start("nginx", command, namespace)
    program.wait_until(lambda: namespace.listens_on_tcp(80))
    return program


def _set(namespace: Namespace, name: str, value: str) -> None:
    path = Path("/proc/sys") / name
    namespace.call(lambda: path.write_text(value))
