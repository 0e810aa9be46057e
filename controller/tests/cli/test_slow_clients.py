# SPDX-License-Identifier: Apache-2.0
"""Clients that open connections and then say nothing, or little: the API answers the others."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from hectograph.api.patience import BACKLOG, MAX_CONNECTIONS
from hectograph.testbed import Program

CROWD = 1500
"""More than a process may usually have descriptors (1,024)."""
LONGEST_LOG_BYTES = 50_000


@pytest.fixture
def _descriptors() -> Iterator[None]:
    """This process's own are not what is short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * CROWD, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def connect(server: str) -> Iterator[Callable[[bytes], socket.socket]]:
    """A connection on which so much was sent."""
    host, port = server.removeprefix("http://").split(":")
    with ExitStack() as stack:

        def connect(data: bytes) -> socket.socket:
            connection = stack.enter_context(socket.create_connection((host, int(port)), 30))
            connection.sendall(data)
            return connection

        yield connect


HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow:"


@pytest.mark.usefixtures("_descriptors")
@pytest.mark.parametrize("said", [b"", HALF_A_HEAD], ids=["nothing", "half a head"])
def test_a_crowd_that_says_little_keeps_nobody_out(
    controller: Program, server: str, connect: Callable[[bytes], socket.socket], said: bytes
) -> None:
    for _ in range(CROWD):
        connect(said)
    assert httpx.get(f"{server}/healthz", timeout=20).status_code == 200
    descriptors = len(list(Path(f"/proc/{controller.pid}/fd").iterdir()))
    assert descriptors <= MAX_CONNECTIONS + BACKLOG + 64
    before = _cpu_seconds(controller)
    time.sleep(2)
    assert _cpu_seconds(controller) - before < 0.5, "it turns round and round"
    assert len(controller.output()) < LONGEST_LOG_BYTES


def _cpu_seconds(program: Program) -> float:
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / 100
