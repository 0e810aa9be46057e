# SPDX-License-Identifier: Apache-2.0
"""What nobody else on the machine may read, and what nobody is told."""

import json
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from webserver import Server

from hectograph.testbed import Program

Ask = Callable[..., Any]

PASSWORD = "hunter2"
SECRET_BYTES = 8


@pytest.fixture
def origin() -> Iterator[Server]:
    with Server() as origin:
        origin.body = b"film" * 1000
        thread = threading.Thread(target=origin.serve_forever, args=(0.01,))
        thread.start()
        yield origin
        origin.shutdown()
        thread.join()


def _folder(controller: Program) -> Path:
    return Path(controller.environment["XDG_STATE_HOME"]) / "hectograph"


def _modes(folder: Path) -> dict[str, str]:
    return {
        path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.iterdir())
    }


def _database(controller: Program) -> sqlite3.Connection:
    return sqlite3.connect(_folder(controller) / "controller.db")


PRIVATE = {
    "hectograph": "0o700",
    "controller.db": "0o600",
    "controller.db-wal": "0o600",
    "controller.db-shm": "0o600",
    "controller.db.lock": "0o600",
}


def test_nobody_else_can_read_the_database(controller: Program) -> None:
    assert _modes(_folder(controller)) == PRIVATE


def test_one_that_everybody_could_read_is_closed_at_start(controller: Program) -> None:
    controller.kill()
    folder = _folder(controller)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    (folder / "controller.db.lock").chmod(0o600)
    before = len(controller.output())
    controller.start()
    controller.wait_until(lambda: "serving" in controller.output()[before:], timeout=60)
    assert _modes(folder) == PRIVATE


def test_an_origins_password_is_kept_no_longer_than_needed_and_never_shown(
    controller: Program, server: str, ask: Ask, origin: Server
) -> None:
    url = origin.url.replace("://", f"://operator:{PASSWORD}@")
    addressing = ("--content-prefix", "2001:db8::/64")
    ask("switches", "add", "s1", "--host-port", "1", "--address", "127.0.0.1:1", *addressing)
    added = ask("content", "add", url, "--name", "film", "--no-wait")
    assert added.status == 0, added.err
    controller.wait_until(
        lambda: _content(server, "film")["status"]["state"] == "preparing", timeout=30
    )
    nowhere = url.replace(f":{origin.server_port}", ":1")
    missing = ask("content", "add", nowhere, "--name", "none")
    assert "attempts failed" in missing.err
    assert ask("content", "add", url, "--name", "film", "--no-wait").status == 0, "no change"
    told = [
        controller.output(),
        added.out + added.err + missing.out + missing.err,
        ask("content", "show", "film").out,
        ask("content", "list", "--json").out,
        httpx.get(f"{server}/metrics").text,
    ]
    for text in told:
        assert PASSWORD not in text
    assert "***@" in _content(server, "film")["source"]["url"]
    with closing(_database(controller)) as database:
        (record,) = database.execute("SELECT document FROM content WHERE name = 'film'").fetchone()
    assert PASSWORD not in record


def _content(server: str, name: str) -> dict[str, Any]:
    return httpx.get(f"{server}/api/v1/contents/{name}").json()


def test_the_secrets_of_cookies_are_never_told(controller: Program) -> None:
    """Neither by the API, nor by a log that tells everything."""
    controller.stop()
    before = len(controller.output())
    controller.command = [*controller.command, "--log-level", "debug"]
    controller.start()
    controller.wait_until(lambda: "serving" in controller.output()[before:], timeout=60)
    url = controller.output()[before:].split("serving ")[1].split()[0]
    spec = {
        "address": "127.0.0.1:1",
        "host_ports": [1],
        "addressing": {"mac": "02:00:00:00:00:aa", "ipv6": "2001:db8::/64"},
    }
    assert httpx.put(f"{url}/switches/s1", json=spec).status_code == 201
    controller.wait_until(
        lambda: httpx.get(f"{url}/switches/s1").json()["status"]["secrets"] is not None, timeout=30
    )
    assert httpx.post(f"{url}/switches/s1/rotate-secrets", json={}).status_code == 200
    with closing(_database(controller)) as database:
        (document,) = database.execute("SELECT document FROM secrets").fetchone()
    record = json.loads(document)
    told = [
        controller.output(),
        *(httpx.get(f"{url}/{path}").text for path in ("switches", "switches/s1", "flows")),
        httpx.get(f"{url.removesuffix('/api/v1')}/metrics").text,
    ]
    for secret in (record["current"], record["previous"]):
        assert secret > 1 << 32
        for form in (str(secret), f"{secret:x}", repr(secret.to_bytes(SECRET_BYTES, "big"))):
            assert not [text for text in told if form in text]


def test_a_file_that_is_not_for_clients_is_not_served(
    controller: Program, server: str, ask: Ask, tmp_path: Path
) -> None:
    """Neither by its name nor by a link that is where files are served from."""
    addressing = ("--content-prefix", "2001:db8::/64")
    ask("switches", "add", "s1", "--host-port", "1", "--address", "127.0.0.1:1", *addressing)
    (tmp_path / "link").symlink_to("/etc/shadow")
    for name, path in (("shadow", Path("/etc/shadow")), ("link", tmp_path / "link")):
        outcome = ask("content", "add", str(path), "--name", name)
        assert outcome.status == 1
        assert "may not be served" in outcome.err
        assert _content(server, name)["status"]["sha256"] is None
    controller.check()
