# SPDX-License-Identifier: Apache-2.0
"""`hectograph up` between an IPv4 and an IPv6 client."""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE
from typing import Any

from hectograph.testbed import End, Testbed

HECTOGRAPH = [sys.executable, "-m", "hectograph"]
ADDRESSES = ("192.0.2.2", "2001:db8::2")
PORT = 6000
QUEUE_MS = 2000
"""How long a frame may wait for a client's port: longer than this machine may be busy."""
SO_RCVBUFFORCE = 33
"""asm-generic/socket.h; Python does not name it."""

Run = Callable[..., Any]


class Lab:
    """An IPv4 and an IPv6 client, on a switch that `up` runs with everything else."""

    def __init__(self, testbed: Testbed, run: Run) -> None:
        self._run = run
        self.home = testbed.namespace("home")
        testbed.veth(End(self.home, "push0", ipv6=False), End(self.home, "port1", ipv6=False))
        self.clients = [testbed.namespace(f"client{index}") for index in range(2)]
        for index, (client, address) in enumerate(zip(self.clients, ADDRESSES, strict=True)):
            addresses = (f"{address}/{64 if ':' in address else 24}",)
            end = End(client, "eth0", f"02:00:00:00:01:0{index}", addresses)
            testbed.veth(end, End(self.home, f"port{2 + index}", ipv6=False))
        ports = ["--host-port", "1@port1", "--port", "2@port2", "--port", "3@port3"]
        # In the clients' own networks: they need no route there.
        contents = ["--content-prefix", "2001:db8::c:0:0:0/80", "--content-ipv4", "192.0.2.80"]
        contents += ["--content-root", tempfile.gettempdir()]
        queue = ["--port-queue", str(QUEUE_MS)]
        self.up = testbed.start("up", [*HECTOGRAPH, "up", *ports, *contents, *queue], self.home)
        self.up.wait_until(lambda: "\nready\n" in self.up.output(), timeout=60)
        self._join()

    def _join(self) -> None:
        source = ["--source-ipv4", "192.0.2.1", "--source-ipv6", "2001:db8::1"]
        assert self.run("group", "add", "news", *source).status == 0
        for index, address in enumerate(ADDRESSES):
            place = ["--port", str(2 + index), "--mac", f"02:00:00:00:01:0{index}"]
            where = ["--address", address, "--udp-port", str(PORT)]
            assert self.run("member", "add", "news", f"m{index}", *place, *where).status == 0
        self.wait_until_applied()

    def run(self, *words: str) -> Any:
        with self.home.entered():
            return self._run(*words)

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        with self.home.entered():
            return subprocess.Popen([*HECTOGRAPH, *words], stdin=PIPE, stdout=PIPE, stderr=PIPE)

    def json(self, *words: str) -> Any:
        outcome = self.run(*words, "--json")
        assert outcome.status == 0, outcome.err
        return json.loads(outcome.out)

    def wait_until_applied(self) -> None:
        def applied() -> bool:
            shown = self.run("group", "show", "news", "--json")
            return shown.status == 0 and json.loads(shown.out)["status"]["state"] == "applied"

        self.up.wait_until(applied, timeout=60)

    def received_while(self, push: Callable[[], None], size: int) -> list[bytes]:
        """What each client got, up to `size` bytes."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(self._socket(index)) for index in range(2)]
            pool = stack.enter_context(ThreadPoolExecutor())
            received = [pool.submit(_receive, each, size) for each in sockets]
            push()
            return [each.result() for each in received]

    def _socket(self, index: int) -> socket.socket:
        with self.clients[index].entered():
            receiver = socket.socket(
                socket.AF_INET6 if index else socket.AF_INET, socket.SOCK_DGRAM
            )
        try:
            receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        except PermissionError:  # an ordinary user's namespace: as much as the system allows
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        receiver.bind((ADDRESSES[index], PORT))
        receiver.settimeout(5)
        return receiver

    def children(self) -> dict[str, int]:
        """What `up` keeps running; without those that are dead or not yet themselves."""
        found: dict[str, int] = {}
        task = Path(f"/proc/{self.up.pid}/task/{self.up.pid}/children")
        for pid in map(int, task.read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            for word, name in (
                ("serve", "pusher"),
                ("switch", "switch"),
                ("--listen", "controller"),
            ):
                if word in words:
                    found[name] = pid
        return found


def _receive(receiver: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        received += receiver.recv(65535)
    return bytes(received)
