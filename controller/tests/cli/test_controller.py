# SPDX-License-Identifier: Apache-2.0
"""The controller as a process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from hectograph.testbed import Program

Ask = Callable[..., Any]

CONTROLLER = [sys.executable, "-m", "hectograph", "controller"]
TOKEN = "correct-horse-battery"


def _refused(*options: str, **environment: str) -> str:
    """The one line that it ends with."""
    outcome = subprocess.run(
        [*CONTROLLER, *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("hectograph: ")
    assert outcome.stderr.count("\n") == 1
    return outcome.stderr


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        line = _refused("--listen", address, "--database", str(tmp_path / "db"))
    assert line == f"hectograph: {address}: cannot listen: Address already in use\n"


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    line = _refused(
        "--listen", "192.0.2.1:80", "--database", str(tmp_path / "db"), HECTOGRAPH_TOKEN=TOKEN
    )
    assert "192.0.2.1:80: cannot listen: Cannot assign requested address" in line


def test_no_token(tmp_path: Path) -> None:
    line = _refused("--listen", "0.0.0.0:0", "--database", str(tmp_path / "db"))
    assert "set HECTOGRAPH_TOKEN or --token-file" in line
    assert not (tmp_path / "db").exists()


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("nonsense" * 1000)
    assert str(tmp_path / "db") in _refused(
        "--listen", "127.0.0.1:0", "--database", str(tmp_path / "db")
    )


def test_a_database_that_another_controller_has(
    controller: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", controller.environment["XDG_STATE_HOME"])
    assert str(controller.pid) in _refused("--listen", "127.0.0.1:0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(controller: Program, number: signal.Signals) -> None:
    controller.signal(number)
    controller.wait(timeout=20)


def test_what_was_asked_for_outlives_a_kill(controller: Program, ask: Ask) -> None:
    added = ask("switches", "add", "s1", "--host-port", "1", "--address", "127.0.0.1:1")
    assert added.status == 0
    controller.kill()
    assert "no controller" in ask("status").err
    before = len(controller.output())
    controller.start()
    controller.wait_until(lambda: "serving" in controller.output()[before:], timeout=60)
    url = controller.output()[before:].split("serving ")[1].split()[0]
    assert httpx.get(f"{url}/switches/s1").json()["host_ports"] == [1]


GARBAGE = [
    b"\0" * 4096,
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"PUT /" + b"a" * 99999,
    b"PUT /api/v1/groups/g HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
]


def test_garbage_on_its_socket(server: str, ask: Ask, subtests: pytest.Subtests) -> None:
    host, port = server.removeprefix("http://").split(":")
    for garbage in GARBAGE:
        with (
            subtests.test(repr(garbage[:20])),
            socket.create_connection((host, int(port))) as connection,
        ):
            connection.settimeout(20)
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while connection.recv(4096):
                    pass
            assert ask("status").status == 0
