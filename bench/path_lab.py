# SPDX-License-Identifier: Apache-2.0
"""The pusher and nginx behind the same relay: downloads over links with a rate and a queue.

The clients' namespaces are the same for all servers; the relay (host/tests/relay.c) passes
on to the embedded switch or to nginx, in turn or side by side. Frames are of 1,500 bytes,
without offloads, on either side. nginx has sendfile and tcp_nopush on, one worker, no access
log. Its congestion control is CUBIC, as ours; BBR, where the kernel has it, is a peer of its
own.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from shutil import which
from typing import Protocol
from urllib.parse import urlsplit

from hectograph.core.cohorts import CohortSettings
from hectograph.errors import Unavailable
from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.targets import TARGETS

sys.path.append(str(Path(__file__).parents[1] / "controller/tests/support"))

from relays import Direction, Link
from tcplab import Content, Lab, running_lab

import usage
from cohorts import Publisher

FAMILIES = (socket.AF_INET, socket.AF_INET6)
NUMBERS = {"cubic": 1, "bbr": 2}
"""Of nginx's congestion controls, in its addresses."""
COMPARE_BYTES = 1 << 20
DRAIN_SECONDS = 10.0
MEET_SECONDS = 10.0
PATIENCE_SECONDS = 120.0
"""That a whole download may take."""
CURL_TIMED_OUT = 28

COHORTS = CohortSettings(window_seconds=0.1, patience_seconds=0.5)

NGINX_SETTINGS = """
daemon off;
user root;
worker_processes 1;
error_log {directory}/error.log;
pid {directory}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{ listen 80; listen [::]:80; root {root}; }}
}}
"""

LINUX_COUNTERS = {
    "retransmits": "RetransSegs",
    "timeouts": "TCPTimeouts",
    "fast_recoveries": "TCPSackRecovery",
    "reno_recoveries": "TCPRenoRecovery",
    "tail_probes": "TCPLossProbes",
    "lost_retransmits": "TCPLostRetransmit",
    "spurious_timeouts": "TCPSpuriousRTOs",
}
"""By our names, of /proc/net/snmp and netstat."""
OUR_COUNTERS = (
    "retransmits",
    "timeouts",
    "fast_recoveries",
    "spurious_recoveries",
    "tail_probes",
    "cohorts_run",
    "cohort_repairs",
    "cohort_group_repairs",
    "cohort_left_behind",
    "cohort_left_silent",
)


def find_nginx() -> str | None:
    """Debian has it where an ordinary user's PATH does not look."""
    return which("nginx") or which("nginx", path="/usr/sbin")


def missing() -> str | None:
    """Why it cannot be measured here, and what to do about it."""
    return None if find_nginx() else "nginx is not installed (Debian: apt install nginx-light)"


def congestion_controls() -> list[str]:
    known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    return [name for name in NUMBERS if name in known]


class Server(Protocol):
    @property
    def name(self) -> str: ...

    def interface(self, client: int) -> str:
        """That the client's link goes on to."""
        ...

    def url(self, content: Content, version: int = 4) -> str: ...

    def counters(self) -> Mapping[str, int]:
        """Of its TCP, by the pusher's names."""
        ...

    def connections(self) -> int:
        """That it has open."""
        ...


@dataclass(slots=True)
class Ours:
    lab: Lab
    urls: dict[int, str] = field(default_factory=dict[int, str])
    """Addresses on IPv4 of contents that a controller has published."""
    name: str = "hectograph"

    def interface(self, client: int) -> str:
        return self.lab.switch_side(client)

    def url(self, content: Content, version: int = 4) -> str:
        if content.number in self.urls:
            return f"http://{self.urls[content.number]}/"
        return content.urls[0 if version == 4 else 1]

    def counters(self) -> Mapping[str, int]:
        counted = self.lab.counters()
        return {name: counted[name] for name in OUR_COUNTERS if name in counted}

    def connections(self) -> int:
        return len(self.lab.host.flows())


@dataclass(slots=True)
class Nginx:
    namespace: Namespace
    control: str
    prefix: str
    """Of its links' names on the switch's side."""

    @property
    def name(self) -> str:
        return "nginx" if self.control == "cubic" else f"nginx, {self.control.upper()}"

    @property
    def addresses(self) -> tuple[str, str]:
        number = NUMBERS[self.control]
        return f"10.0.2.{number}", f"2001:db8:1::2:{number}"

    def interface(self, client: int) -> str:
        return f"{self.prefix}{self.control}{client}"

    def url(self, content: Content, version: int = 4) -> str:
        host = self.addresses[0] if version == 4 else f"[{self.addresses[1]}]"
        return f"http://{host}/{content.path.name}"

    def counters(self) -> Mapping[str, int]:
        counted = self.namespace.call(_linux_counters)
        return {ours: counted[theirs] for ours, theirs in LINUX_COUNTERS.items()}

    def connections(self) -> int:
        """Without the two sockets that listen: /proc counts IPv4's here."""
        return self.namespace.call(usage.sockets_in_use) - 1


def _linux_counters() -> dict[str, int]:
    counted: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        lines = Path(f"/proc/thread-self/net/{name}").read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            counted.update(zip(names.split()[1:], map(int, values.split()[1:]), strict=True))
    return counted


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the clients' TCP lacks."""

    sack: bool = True
    window_scaling: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """Who downloads: a client from each of these servers, all at once."""

    servers: Sequence[Server]
    seconds: float | None = None
    """None: the whole content."""
    receiver: Receiver = Receiver()
    version: int = 4
    """Of IP."""

    @property
    def interfaces(self) -> dict[int, str]:
        """By client, that its link goes on to."""
        return {client: server.interface(client) for client, server in enumerate(self.servers)}


@dataclass(frozen=True, slots=True)
class Download:
    received: int
    seconds: float
    whole: bool

    @property
    def goodput(self) -> float:
        """Mbit/s"""
        return self.received * 8e-6 / self.seconds


@dataclass(frozen=True, slots=True)
class Measured:
    downloads: list[Download]
    """By client."""
    lines: list[Direction]
    """Towards the clients, as the relays counted."""
    counters: dict[str, dict[str, int]]
    """By server: what its TCP counted meanwhile."""

    @property
    def goodput(self) -> float:
        """Mbit/s of all, until the last has ended."""
        return sum(each.received for each in self.downloads) * 8e-6 / self.last_seconds

    @property
    def last_seconds(self) -> float:
        return max(each.seconds for each in self.downloads)

    @property
    def whole_seconds(self) -> float:
        """The same, of downloads that have to be whole."""
        if self.unfinished:
            raise Unavailable(f"{self.unfinished} not whole after {self.last_seconds:.0f} s")
        return self.last_seconds

    @property
    def unfinished(self) -> int:
        return sum(not each.whole for each in self.downloads)

    @property
    def timeouts(self) -> int:
        """Of all servers together."""
        return sum(counted["timeouts"] for counted in self.counters.values())

    @property
    def dropped(self) -> float:
        """By the queue, of all frames that came to it."""
        dropped = sum(line["dropped"]["queue"]["frames"] for line in self.lines)
        return dropped / max(1, sum(line["in"]["frames"] for line in self.lines))

    def dropped_of(self, client: int) -> float:
        """The same of one client's frames, where all share a line."""
        pair = self.lines[0]["pairs"][client]
        return pair["queue_dropped_frames"] / max(1, pair["in"]["frames"])

    @property
    def mean_queueing_ms(self) -> float:
        return max(line["queueing_ms"]["mean"] for line in self.lines)

    @property
    def p95_queueing_ms(self) -> float:
        return max(line["queueing_ms"]["p95"] for line in self.lines)

    @property
    def late_ms(self) -> float:
        """Mean of a relay that the machine had no time for: bursts that nobody sent."""
        return max(line["late_ms"]["mean"] for line in self.lines)

    def check(self) -> None:
        """The links were as they were asked for."""
        for line in self.lines:
            if line["unread_frames"] or line["dropped"]["memory"]["frames"]:
                raise Unavailable("frames came faster than the relay passed them on", where="relay")


def spread(link: Link, last_rtt: float, clients: int) -> list[Link]:
    """A link for each client, whose round trips grow evenly to the last one's (ms)."""
    step = (last_rtt - link.rtt) / max(1, clients - 1)
    return [replace(link, rtt=link.rtt + number * step) for number in range(clients)]


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1 where all have the same."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


@dataclass(slots=True)
class PathLab:
    lab: Lab
    ours: Ours
    nginx: list[Nginx]
    published: Callable[[int], AbstractContextManager[Content]]
    """A content of so many bytes, at all servers."""

    @property
    def servers(self) -> list[Server]:
        return [self.ours, *self.nginx]

    def run(self, links: Sequence[Link], load: Load, content: Content, seed: int = 0) -> Measured:
        """Behind a link for each client, or one for all. Every byte that was received is
        compared."""
        for client in range(len(load.servers)):
            _set_receiver(self.lab.clients[client].namespace, load.receiver)
        self._meet(load, content)
        before = {server.name: server.counters() for server in load.servers}
        with ExitStack() as stack:
            relays = [
                stack.enter_context(self.lab.linked(each, *link.options, "--seed", str(seed)))
                for link, each in zip(links, _behind(links, load), strict=True)
            ]
            downloads = self._download(load, content)
            counters = {
                server.name: _difference(server.counters(), before[server.name])
                for server in load.servers
            }
            _drain(load.servers)
            lines = [relay.stop()["there"] for relay in relays]
        measured = Measured(downloads, lines, counters)
        if all(link.rate for link in links):  # else the relay itself is the bottleneck
            measured.check()
        return measured

    def _meet(self, load: Load, content: Content) -> None:
        """Neighbours resolve each other's address, which would take a round trip each way."""
        with self.lab.linked(load.interfaces):
            for client, server in enumerate(load.servers):
                url = urlsplit(server.url(content, load.version))
                where = str(url.hostname), url.port or 80
                meet = partial(socket.create_connection, where, timeout=MEET_SECONDS)
                self.lab.clients[client].namespace.call(meet).close()
            _drain(load.servers)

    def _download(self, load: Load, content: Content) -> list[Download]:
        running: list[subprocess.Popen[bytes]] = []
        limit = load.seconds or PATIENCE_SECONDS
        for number, server in enumerate(load.servers):
            command = ["curl", "-sS", "--noproxy", "*", "--max-time", f"{limit:g}"]
            command += ["-o", str(self._received(number)), "-w", "%{size_download} %{time_total}"]
            with self.lab.clients[number].namespace.entered():
                url = server.url(content, load.version)
                running.append(subprocess.Popen([*command, url], stdout=-1, stderr=-1))
        return [self._ended(number, curl, load, content) for number, curl in enumerate(running)]

    def _received(self, client: int) -> Path:
        return self.lab.testbed.directory / f"received{client}"

    def _ended(
        self, number: int, curl: "subprocess.Popen[bytes]", load: Load, content: Content
    ) -> Download:
        output, errors = curl.communicate(timeout=PATIENCE_SECONDS + 10)
        where = f"client {number} of {load.servers[number].name}"
        if curl.returncode not in (0, CURL_TIMED_OUT):
            raise Unavailable(errors.decode(errors="replace").strip(), where=where)
        received, seconds = output.split()
        path = self._received(number)
        if int(received) and not _begins_with(content.path, path):
            raise Unavailable("corrupt", where=where)
        path.unlink(missing_ok=True)
        return Download(int(received), float(seconds), whole=curl.returncode == 0)


def _behind(links: Sequence[Link], load: Load) -> list[dict[int, str]]:
    """The clients of each link, with the interfaces that they go on to."""
    if len(links) == 1:
        return [load.interfaces]
    return [{client: interface} for client, interface in load.interfaces.items()]


def _difference(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: value - before[name] for name, value in now.items()}


def _drain(servers: Sequence[Server]) -> None:
    """Until they know that nobody is there any more: the next run begins with nothing else."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while any(server.connections() for server in servers) and time.monotonic() < deadline:
        time.sleep(0.02)


def _begins_with(whole: Path, part: Path) -> bool:
    with whole.open("rb") as expected, part.open("rb") as received:
        while chunk := received.read(COMPARE_BYTES):
            if expected.read(len(chunk)) != chunk:
                return False
    return True


def _set_receiver(client: Namespace, receiver: Receiver) -> None:
    _set(client, "tcp_sack", int(receiver.sack))
    _set(client, "tcp_window_scaling", int(receiver.window_scaling))


def _set(namespace: Namespace, name: str, value: int) -> None:
    namespace.call(lambda: Path(f"/proc/sys/net/ipv4/{name}").write_text(str(value)))


@contextmanager
def running(clients: int, controls: Sequence[str], *, cohorts: bool = False) -> Generator[PathLab]:
    """With `cohorts` a controller publishes; else each download is a flow of its own."""
    program = find_nginx()
    assert program is not None, "missing() says so"
    with ExitStack() as stack:
        testbed = stack.enter_context(Testbed())
        lab = stack.enter_context(
            running_lab(testbed, TARGETS["embedded"], [1500] * clients, entries=not cohorts)
        )
        ours = Ours(lab)
        nginx = [_start_nginx(lab, program, control) for control in controls]
        if not cohorts:
            yield PathLab(lab, ours, nginx, lambda size: _added(lab, size))
            return
        publisher = stack.enter_context(Publisher(lab, COHORTS, ours.urls))
        yield PathLab(lab, ours, nginx, publisher.published)


@contextmanager
def _added(lab: Lab, size: int) -> Generator[Content]:
    content = lab.add_content(Random(size).randbytes(size))  # noqa: S311
    try:
        yield content
    finally:
        lab.remove_content(content)
        content.path.unlink()


def _start_nginx(lab: Lab, program: str, control: str) -> Nginx:
    nginx = Nginx(lab.testbed.namespace(control), control, lab.prefix)
    for client in range(len(lab.clients)):
        _link_to_client(lab, nginx, client)
    # Else a connection begins with what the kernel remembers of those before it (slow start's
    # threshold, round trip): runs would not be independent, and only the first be a new client's.
    _set(nginx.namespace, "tcp_no_metrics_save", 1)
    directory = lab.testbed.directory / control
    directory.mkdir()
    settings = directory / "nginx.conf"
    settings.write_text(NGINX_SETTINGS.format(directory=directory, root=lab.testbed.directory))
    command = [program, "-c", str(settings), "-e", str(directory / "error.log")]
    listening = [
        nginx.namespace.call(lambda family=family: _listen(family, control)) for family in FAMILIES
    ]
    # As one nginx hands its sockets to the next. A namespace cannot choose its own algorithm.
    numbers = tuple(sock.fileno() for sock in listening)
    environment = {"NGINX": "".join(f"{number};" for number in numbers)}
    lab.testbed.start(
        f"nginx-{control}", command, nginx.namespace, environment=environment, descriptors=numbers
    )
    for sock in listening:
        sock.close()
    return nginx


def _link_to_client(lab: Lab, nginx: Nginx, client: int) -> None:
    """All of nginx's links have its addresses, and lead to one client each."""
    ipv4, ipv6 = nginx.addresses
    far = End(nginx.namespace, f"client{client}", addresses=(f"{ipv4}/32", f"{ipv6}/128"))
    lab.testbed.veth(End(lab.here, nginx.interface(client), ipv6=False), far)
    for address in (f"10.0.0.{client + 1}", f"2001:db8:1::ffff:{client + 1}"):
        command = ["ip", "route", "add", address, "dev", far.interface]
        lab.testbed.start(f"route{client}", command, nginx.namespace).wait(10)


def _listen(family: socket.AddressFamily, control: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
    sock.bind(("", 80))
    sock.listen(511)
    return sock
