# SPDX-License-Identifier: Apache-2.0
"""Contents on the command line, against a controller whose switches and hosts are not there."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[..., Any]

PREFIX = ["--content-prefix", "fd48:6563:746f::/64", "--content-ipv4", "198.51.100.1"]


def _json(ask: Ask, *words: str) -> Any:
    outcome = ask(*words, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


@pytest.fixture
def addressed(ask: Ask) -> None:
    """A switch with addresses for contents."""
    added = ["--host-port", "1", "--address", "127.0.0.1:1", *PREFIX]
    assert _json(ask, "switches", "add", "s1", *added)["addressing"] == {
        "mac": "02:48:47:00:00:01",
        "ipv6": "fd48:6563:746f::/64",
        "ipv4": "198.51.100.1",
        "ipv4_first_port": 8001,
    }


@pytest.mark.usefixtures("addressed")
def test_a_content_comes_and_goes(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "My Film (1).TXT"
    file.write_text("moving pictures")
    added = _json(ask, "content", "add", str(file), "--no-wait")
    assert added["name"] == "my-film-1-txt"
    assert added["source"] == {"kind": "file", "path": str(file)}
    assert added["type"] == "text/plain"
    assert added["status"]["urls"] == ["http://[fd48:6563:746f::1]/", "http://198.51.100.1:8001/"]
    url = "http://127.0.0.1:1/a/film.tar.gz?x"
    added = _json(ask, "content", "add", url, "--no-wait", "--sha256", "AB" * 32)
    assert (added["name"], added["type"]) == ("film-tar-gz", "application/octet-stream")
    assert (added["source"], added["sha256"]) == ({"kind": "url", "url": url}, "ab" * 32)
    assert [each["name"] for each in _json(ask, "content", "list")] == [
        "my-film-1-txt",
        "film-tar-gz",
    ]
    assert "http://198.51.100.1:8002/" in ask("status").out
    assert "status.urls" in ask("content", "show", "film-tar-gz").out
    assert ask("flows").out.startswith("host")
    assert _json(ask, "flows", "--content", "film-tar-gz") == {"items": [], "total": 0}
    assert "hectograph: switch s1: in use by content" in ask("switches", "rm", "s1").err
    for name in ("my-film-1-txt", "film-tar-gz"):
        assert ask("content", "rm", name).status == 0
    assert _json(ask, "content", "list") == []


@pytest.mark.usefixtures("addressed")
def test_a_content_that_cannot_be_had(ask: Ask, tmp_path: Path) -> None:
    """Waiting for it ends with the reason."""
    outcome = ask("content", "add", str(tmp_path / "nowhere"))
    assert (outcome.status, outcome.out) == (1, "")
    assert f"hectograph: content nowhere: {tmp_path}/nowhere: No such file" in outcome.err
    assert _json(ask, "content", "show", "nowhere")["status"]["state"] == "failed"


@pytest.fixture
def bare(ask: Ask) -> None:
    """A switch without."""
    assert ask("switches", "add", "s1", "--host-port", "1", "--address", "127.0.0.1:1").status == 0


@pytest.mark.usefixtures("bare")
def test_secrets_are_rotated(ask: Ask) -> None:
    before = _json(ask, "switches", "show", "s1")["status"]["secrets"]
    after = _json(ask, "switches", "rotate", "s1")
    assert after["number"] == before["number"] + 1
    assert _json(ask, "switches", "advance", "s1")["epoch"] == before["epoch"] + 1


ERRORS = [
    (["content", "show", "nothing"], "nothing"),
    (["content", "rm", "nothing"], "nothing"),
    (["content", "add", "/srv/f"], "s1 has no addresses for contents"),
    (["content", "add", "/"], "--name"),
    (["content", "add", "/srv/f", "--name", "No"], "name"),
    (["content", "add", "/srv/f", "--sha256", "12"], "sha256"),
    (["content", "add", "http://[::1", "--name", "n"], "http://[::1"),
    (["flows", "--host", "nothing"], "nothing"),
    (["switches", "rotate", "nothing"], "nothing"),
    (
        ["switches", "add", "s2", "--host-port", "1", "--content-prefix", "fd00::1/64"],
        "hectograph: ipv6: fd00::1/64 has host bits set",
    ),
    (
        ["switches", "add", "s2", "--host-port", "1", "--content-mac", "02:00:00:00:00:01"],
        "--content-mac",
    ),
]


@pytest.mark.usefixtures("bare")
def test_an_error_about_contents_is_one_line(ask: Ask, subtests: pytest.Subtests) -> None:
    for words, said in ERRORS:
        with subtests.test(" ".join(words)):
            outcome = ask(*words)
            assert (outcome.status, outcome.out) == (1, "")
            assert outcome.err.startswith("hectograph: ")
            assert outcome.err.count("\n") == 1
            assert said in outcome.err


@pytest.mark.usefixtures("addressed")
def test_ctrl_c_ends_the_waiting_alone(ask: Ask, server: str, tmp_path: Path) -> None:
    file = tmp_path / "film"
    file.write_text("moving pictures")
    command = [sys.executable, "-m", "hectograph", "--server", server, "content", "add", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as adding:
        assert adding.stderr is not None
        # Forever: there is no host to serve it.
        while not (line := adding.stderr.readline()).startswith(b"film: preparing"):
            assert line
        adding.send_signal(signal.SIGINT)
        out, err = adding.communicate(timeout=30)
    assert (adding.returncode, out) == (130, b"")
    assert b"it goes on; see `hectograph content show film`" in err
    assert _json(ask, "content", "show", "film")["status"]["state"] == "preparing"
