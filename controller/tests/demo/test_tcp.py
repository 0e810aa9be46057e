# SPDX-License-Identifier: Apache-2.0
"""The whole product, as `hectograph demo tcp` runs it: real clients, real downloads."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLIENTS = 4
DEMO = [sys.executable, "-m", "hectograph", "demo", "tcp", "--clients", str(CLIENTS)]


def demonstrate(file: Path, *words: str, **environment: str) -> tuple[dict[str, Any], str]:
    """Its JSON, and what it said."""
    command = [*DEMO, "--file", str(file), "--json", *words]
    result = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, timeout=110
    )
    assert result.returncode == 0, result.stderr + result.stdout
    return json.loads(result.stdout), result.stderr


def check(values: dict[str, Any], file: Path) -> None:
    size = file.stat().st_size
    assert values.pop("seconds") > 0
    # Each client's every byte passes both, with headers; how many are sent again is TCP's.
    assert values.pop("host_bytes") > CLIENTS * size
    assert values.pop("delivered_bytes") > CLIENTS * size
    values.pop("killed", None)
    assert values == {
        "target": "embedded",
        "mode": "tcp",
        "clients": CLIENTS,
        "identical": CLIENTS,
        "file_bytes": size,
    }


def test_every_client_downloads_the_file(file: Path) -> None:
    values, said = demonstrate(file)
    check(values, file)
    assert "http://[fd00::c:0:0:1]/ and http://10.0.0.80:8001/" in said
    assert "4 downloads with " + ("curl" if shutil.which("curl") else "Python") in said


def test_a_campus_has_slow_ports(file: Path) -> None:
    """The same, but no client has the file before a port of 100 Mbit/s can have carried it."""
    values, said = demonstrate(file, "--like", "campus")
    assert "ports of 100.0 Mbit/s" in said
    assert "MTU 9,000" in said
    assert values["seconds"] > 8 * file.stat().st_size / 100e6
    check(values, file)


@pytest.mark.parametrize("words", [["--kill-pusher"], ["--kill", "controller,switch"]])
def test_downloads_go_on_after_kill_9(file: Path, words: list[str]) -> None:
    values, said = demonstrate(file, *words)
    assert values["killed"] == (words[-1].split(",") if len(words) > 1 else ["pusher"])
    assert said.count("kill -9") == len(values["killed"])
    check(values, file)


def test_without_curl_it_says_so(file: Path, tmp_path: Path) -> None:
    """With a PATH that has nothing but what starts programs."""
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "setpriv").symlink_to(setpriv)
    values, said = demonstrate(file, PATH=str(tmp_path / "bin"))
    check(values, file)
    assert "4 downloads with Python's http.client, for want of curl" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "/nowhere"], "hectograph: /nowhere: No such file or directory"),
        (["--kill", "host"], "--kill: 'host' is none of controller, switch, pusher"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    result = subprocess.run([*DEMO, *arguments], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
