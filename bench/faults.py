# SPDX-License-Identifier: Apache-2.0
"""Goodput of one TCP client over bad links, beside nginx's.

The same client in the same namespace, behind the same relay (host/tests/relay.c) with the
same seed; the relay's other side is the embedded switch or nginx, in turn. Every download
is checked. nginx has sendfile and tcp_nopush on, one worker, no access log; its kernel
segments to the link's MTU, as everything here does. Its congestion control is CUBIC, as
ours; BBR, where the kernel has it, is a peer of its own.
"""

import hashlib
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from shutil import which

from hectograph.errors import Unavailable
from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.targets import TARGETS
from rows import Row, row

sys.path.append(str(Path(__file__).parents[1] / "controller/tests/support"))

from tcplab import Lab, running_lab

FAMILIES = (socket.AF_INET, socket.AF_INET6)
ROUNDS = 3
SECONDS_MAX = 60

MIB = 1 << 20
FAULTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "none": (64 * MIB, ()),
    "loss 0.1 %": (32 * MIB, ("--loss", "0.001")),
    "loss 1 %": (16 * MIB, ("--loss", "0.01")),
    "loss 5 %": (4 * MIB, ("--loss", "0.05")),
    "reordering 5 %, by 3 ms": (16 * MIB, ("--reorder", "0.05")),
    "duplication 5 %": (32 * MIB, ("--duplicate", "0.05")),
    "50 ms added": (32 * MIB, ("--delay", "25")),
    "50 ms added, loss 0.1 %": (8 * MIB, ("--delay", "25", "--loss", "0.001")),
    "50 ms added, loss 1 %": (2 * MIB, ("--delay", "25", "--loss", "0.01")),
    "50 ms added, loss 5 %": (MIB // 2, ("--delay", "25", "--loss", "0.05")),
    "50 ms added, reordering 5 %": (8 * MIB, ("--delay", "25", "--reorder", "0.05")),
}
"""Bytes, and what both directions suffer: few enough that a download takes seconds."""

CONFIG = """
daemon off;
{user}
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
    server {{ listen 80; listen [::]:80; root {directory}/files; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the client finds its contents, and the interface that its link goes on to."""

    name: str
    interface: str
    urls: dict[int, tuple[str, str]]
    """By their size; over IPv4 and over IPv6."""


def missing() -> str | None:
    """Why it cannot be measured here, and what to do about it."""
    return None if _find_nginx() else "nginx is not installed (Debian: apt install nginx-light)"


def _find_nginx() -> str | None:
    return which("nginx") or which("nginx", path="/usr/sbin")


def measure(programs: Path, artifacts: Path) -> list[Row]:
    del programs, artifacts  # running_lab() finds its own
    nginx = _find_nginx()
    assert nginx is not None, "missing() says so"
    with Testbed() as testbed, running_lab(testbed, TARGETS["embedded"], [1500]) as lab:
        files = _files(testbed.directory)
        ours = Server("hectograph", lab.switch_side(0), _add(lab, files))
        peers = [_nginx(testbed, lab, nginx, files, control) for control in _congestion_controls()]
        rows: list[Row] = []
        for fault in FAULTS:
            rows += _compare(lab, fault, ours, peers)
        return rows


def _files(directory: Path) -> dict[int, Path]:
    sizes = {size for size, _ in FAULTS.values()}
    (directory / "files").mkdir()
    for size in sizes:
        (directory / "files" / str(size)).write_bytes(Random(size).randbytes(size))  # noqa: S311
    return {size: directory / "files" / str(size) for size in sizes}


def _add(lab: Lab, files: dict[int, Path]) -> dict[int, tuple[str, str]]:
    return {size: lab.add_content(path.read_bytes()).urls for size, path in files.items()}


def _congestion_controls() -> list[str]:
    known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    return [name for name in ("cubic", "bbr") if name in known]


def _nginx(
    testbed: Testbed, lab: Lab, program: str, files: dict[int, Path], control: str
) -> Server:
    namespace = testbed.namespace(control)
    number = {"cubic": 1, "bbr": 2}[control]
    addresses = f"10.0.2.{number}", f"2001:db8:1::2:{number}"
    near = End(lab.here, f"nginx{number}", ipv6=False)
    far = End(namespace, "eth", addresses=(f"{addresses[0]}/16", f"{addresses[1]}/64"))
    testbed.veth(near, far)
    _start_nginx(testbed, namespace, program, control)
    name = "nginx" if control == "cubic" else f"nginx, {control.upper()}"
    urls = {
        size: (f"http://{addresses[0]}/{size}", f"http://[{addresses[1]}]/{size}") for size in files
    }
    return Server(name, near.interface, urls)


def _start_nginx(testbed: Testbed, namespace: Namespace, program: str, control: str) -> None:
    directory = testbed.directory / control
    directory.mkdir()
    (directory / "files").symlink_to(testbed.directory / "files")
    config = directory / "nginx.conf"
    config.write_text(CONFIG.format(directory=directory, user="user root;"))
    command = [program, "-c", str(config), "-e", str(directory / "error.log")]
    listening = [
        namespace.call(lambda family=family: _listen(family, control)) for family in FAMILIES
    ]
    # As one nginx hands its sockets to the next. A namespace cannot choose its own algorithm.
    numbers = tuple(sock.fileno() for sock in listening)
    environment = {"NGINX": "".join(f"{number};" for number in numbers)}
    testbed.start(
        f"nginx-{control}", command, namespace, environment=environment, descriptors=numbers
    )
    for sock in listening:
        sock.close()


def _listen(family: socket.AddressFamily, control: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
    sock.bind(("", 80))
    sock.listen(511)
    return sock


def _compare(lab: Lab, fault: str, ours: Server, peers: list[Server]) -> list[Row]:
    """Each round downloads once from each; the time is that of all its downloads."""
    size, arguments = FAULTS[fault]
    seconds = dict.fromkeys([ours.name, *(peer.name for peer in peers)], 0.0)
    for number in range(ROUNDS):
        for server in (ours, *peers):
            url = server.urls[size][number % 2]
            with _client(lab, server, arguments, number):
                seconds[server.name] += _download(lab, url, size)
    goodput = {name: ROUNDS * size * 8e-6 / spent for name, spent in seconds.items()}
    return [
        row(fault, goodput[ours.name], "Mbit/s", peer.name, goodput[peer.name]) for peer in peers
    ]


@contextmanager
def _client(lab: Lab, server: Server, faults: tuple[str, ...], seed: int) -> Generator[None]:
    with lab.relayed(0, server.interface, *faults, "--seed", str(seed)):
        yield


def _download(lab: Lab, url: str, size: int) -> float:
    """Its seconds."""
    output = lab.testbed.directory / "downloaded"
    command = ["curl", "-sS", "--noproxy", "*", "--max-time", str(SECONDS_MAX), "-o", str(output)]
    done = lab.clients[0].run(*command, "-w", "%{time_total}", url, timeout=SECONDS_MAX + 10)
    if done.returncode != 0:
        raise Unavailable(done.stderr.decode(errors="replace").strip(), where=url)
    expected = (lab.testbed.directory / "files" / str(size)).read_bytes()
    if hashlib.sha256(output.read_bytes()).digest() != hashlib.sha256(expected).digest():
        raise Unavailable("corrupt", where=url)
    return float(done.stdout)
