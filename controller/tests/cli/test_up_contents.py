# SPDX-License-Identifier: Apache-2.0
"""Contents from end to end, as the command line sets them up and takes them away."""

import hashlib
import json
import os
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from uplab import ADDRESSES, Lab
from webserver import Server

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BUFFER_BYTES = 16 << 10
"""Of a client that is in no hurry: its download runs until it reads on."""
REQUEST = b"GET / HTTP/1.1\r\nHost: film\r\n\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "film.bin"
    path.write_bytes(os.urandom(3_000_001))
    return path


@pytest.fixture
def film(lab: Lab, file: Path) -> Iterator[list[str]]:
    """Its URLs, for each client the one of its family."""
    outcome = lab.run("content", "add", str(file), "--name", "film")
    assert outcome.status == 0, outcome.err
    first, *urls = outcome.out.splitlines()
    assert first == f"film  {hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert "film: serving" in outcome.err
    yield sorted(urls)  # IPv4 first, as the clients
    lab.run("content", "rm", "film", "--reset")


def get(lab: Lab, index: int, url: str) -> bytes:
    def download() -> bytes:
        with NO_PROXY.open(url, timeout=60) as response:
            return response.read()

    return lab.clients[index].call(download)


def test_every_client_gets_it_at_an_address_of_its_own(
    lab: Lab, file: Path, film: list[str]
) -> None:
    for index, url in enumerate(film):
        assert get(lab, index, url) == file.read_bytes()
    shown = lab.json("content", "show", "film")["status"]
    assert (shown["state"], shown["bytes"]) == ("serving", 3_000_001)
    assert [each["phase"] for each in shown["hosts"]] == ["ready"]
    lab.up.wait_until(lambda: lab.json("flows") == {"items": [], "total": 0})


def test_it_comes_from_a_url(lab: Lab, file: Path) -> None:
    with lab.home.entered():
        server = Server()  # on the controller's loopback
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.body = file.read_bytes()
        sha256 = hashlib.sha256(server.body).hexdigest()
        added = lab.run("content", "add", server.url, "--sha256", sha256, "--json")
        wrong = lab.run("content", "add", server.url, "--sha256", "0" * 64, "--name", "wrong")
        server.shutdown()
        thread.join()
    assert added.status == 0, added.err
    content = json.loads(added.out)
    (url,) = (each for each in content["status"]["urls"] if "192.0.2.80" in each)
    assert get(lab, 0, url) == file.read_bytes()
    assert (wrong.status, wrong.out) == (1, "")
    assert f"its SHA-256 is {sha256}, not {'0' * 64}" in wrong.err.splitlines()[-1]
    for name in (content["name"], "wrong"):
        assert lab.run("content", "rm", name).status == 0


def slow_client(lab: Lab, url: str) -> socket.socket:
    """It has asked, and reads nothing of the answer yet."""

    def connect() -> socket.socket:
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        with ExitStack() as stack:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            sock.settimeout(60)
            sock.connect((host, int(port)))
            sock.sendall(REQUEST)
            stack.pop_all()
            return sock

    return lab.clients[0].call(connect)


def flows(lab: Lab) -> int:
    return lab.json("flows", "--content", "film")["total"]


def test_a_download_that_runs_may_finish(lab: Lab, file: Path, film: list[str]) -> None:
    with closing(slow_client(lab, film[0])) as client:
        lab.up.wait_until(lambda: flows(lab) == 1)
        (flow,) = lab.json("flows", "--content", "film")["items"]
        assert flow["client"] == ADDRESSES[0]
        assert lab.run("content", "rm", "film", "--no-wait").status == 0
        assert lab.json("content", "show", "film")["status"]["state"] == "draining"
        received = bytearray()
        while chunk := client.recv(1 << 16):
            received += chunk
    assert received.endswith(b"\r\n\r\n" + file.read_bytes())
    lab.up.wait_until(lambda: lab.run("content", "show", "film").status == 1)


def test_a_download_may_be_reset(lab: Lab, film: list[str]) -> None:
    def read_on(client: socket.socket) -> None:
        while client.recv(1 << 16):
            pass

    with closing(slow_client(lab, film[0])) as client:
        lab.up.wait_until(lambda: flows(lab) == 1)
        assert lab.run("content", "rm", "film", "--reset").status == 0
        with pytest.raises(ConnectionResetError):
            read_on(client)
    assert lab.run("content", "show", "film").status == 1


def test_what_is_gone_is_refused(lab: Lab, file: Path, film: list[str]) -> None:
    """While another has a port of the same address; with the last one, the address goes."""
    assert lab.run("content", "add", str(file), "--name", "other").status == 0
    assert lab.run("content", "rm", "film").status == 0
    with pytest.raises(ConnectionRefusedError):
        slow_client(lab, film[0]).close()
    assert lab.run("content", "rm", "other").status == 0


def _shorten(path: Path) -> None:
    os.truncate(path, 1000)


def _overwrite(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("change", [_shorten, _overwrite, Path.unlink])
def test_a_file_that_changes_is_never_served_torn(
    lab: Lab, file: Path, film: list[str], change: Callable[[Path], None]
) -> None:
    original = file.read_bytes()
    change(file)
    with suppress(OSError):  # 404, or refused by now
        assert get(lab, 0, film[0]) == original

    def has_failed() -> bool:
        return lab.json("content", "show", "film")["status"]["state"] == "failed"

    lab.up.wait_until(has_failed)
    assert str(file) in lab.json("content", "show", "film")["status"]["reason"]


def test_secrets_rotate_while_a_download_runs(lab: Lab, file: Path, film: list[str]) -> None:
    before = lab.json("switches", "show", "local")["status"]["secrets"]
    with closing(slow_client(lab, film[0])) as client:
        lab.up.wait_until(lambda: flows(lab) == 1)
        assert lab.json("switches", "rotate", "local")["number"] == (before["number"] + 1) % 256
        assert lab.json("switches", "advance", "local")["epoch"] == before["epoch"] % 255 + 1
        received = bytearray()
        while chunk := client.recv(1 << 16):
            received += chunk
    assert received.endswith(b"\r\n\r\n" + file.read_bytes())
