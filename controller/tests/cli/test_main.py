# SPDX-License-Identifier: Apache-2.0
"""The command itself: help, usage errors, what it says of a controller that is not there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hectograph import __version__

Run = Callable[..., Any]

HECTOGRAPH = [sys.executable, "-m", "hectograph"]


def _process(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*HECTOGRAPH, *words], env=os.environ | environment, capture_output=True, text=True
    )


def test_version(run: Run) -> None:
    assert run("--version").out == f"hectograph {__version__}\n"


def test_help_names_every_command() -> None:
    outcome = _process("--help")
    assert outcome.returncode == 0
    words = outcome.stdout.split()
    for command in (
        *("up", "controller", "switch", "pusher", "shell", "demo", "status", "push", "flows"),
        *("cohorts", "content", "switches", "hosts", "group", "member", "streams"),
    ):
        assert command in words


def test_help_loads_nothing_heavy() -> None:
    heavy = ("fastapi", "pydantic", "httpx", "grpc", "finsy", "asyncio", "rich.live", "uvicorn")
    program = (
        "import sys; from hectograph.cli.main import main; main(['--help']);"
        f"sys.exit(str([name for name in {heavy!r} if name in sys.modules]))"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert outcome.stderr == "[]\n"


@pytest.mark.parametrize(
    "words",
    [["nothing"], ["group", "nothing"], ["push"], ["status", "--nothing"], ["member", "add"]],
)
def test_usage_errors_exit_with_2(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert (outcome.status, outcome.out) == (2, "")
    assert "Usage: " in outcome.err


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("127.0.0.1:8080", "is not http://HOST[:PORT]"),
        ("ftp://127.0.0.1", "is not http://HOST[:PORT]"),
    ],
)
def test_no_controller_is_one_line(server: str, said: str) -> None:
    outcome = _process("--server", server, "status")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith(f"hectograph: {server}: ")
    assert outcome.stderr.count("\n") == 1
    assert said in outcome.stderr


@pytest.mark.parametrize("words", [["pusher", "--interface", "lo"], ["push", "-", "--group", "g"]])
def test_a_runtime_folder_that_cannot_be_made_is_one_line(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = _process(*words, XDG_RUNTIME_DIR=str(tmp_path / "file"))
    place = tmp_path / "file" / "hectograph"
    assert outcome.returncode == 1
    assert outcome.stderr == f"hectograph: {place}: cannot be made: Not a directory\n"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    outcome = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m hectograph --help | true"],
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in outcome.stderr
