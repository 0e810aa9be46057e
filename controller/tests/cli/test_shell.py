# SPDX-License-Identifier: Apache-2.0
"""p4runtime-shell on the embedded switch, and the environment that it lives in."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from authorities import authority

from hectograph.cli import shell_environment
from hectograph.errors import ToolFailure
from hectograph.testbed import End, Testbed

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
HECTOGRAPH = [sys.executable, "-m", "hectograph"]

WRITE = """
entry = table_entry["host_port"](action="is_host")
entry.match["ingress_port"] = "1"
entry.insert()
"""
SHOW = """
for entry in table_entry["host_port"].read():
    print("found", entry.match["ingress_port"].exact.value, entry.action.action_name)
"""
DELETE = """
entry = table_entry["host_port"]()
entry.match["ingress_port"] = "1"
entry.delete()
"""


Execute = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def start(testbed: Testbed) -> Callable[..., Execute]:
    """Starts a switch with the shipped pipeline: what runs code in the shell, there."""
    if not shell_environment.directory().exists():
        pytest.fail("no network in here: run `hectograph shell --prepare` before the tests")

    def started(*options: str | Path) -> Execute:
        home = testbed.namespace("home")
        testbed.veth(End(home, "host", ipv6=False), End(home, "port1", ipv6=False))
        pipeline = Path(str(files("hectograph"))) / "artifacts" / "v1model" / "hectograph.json"
        command = [*HECTOGRAPH, "switch", "-i", "1@port1", *map(str, options), str(pipeline)]
        switch = testbed.start("switch", command, home)
        switch.wait_until(lambda: home.listens_on_tcp(9559), timeout=60)

        def call(code: str, *options: str | Path) -> "subprocess.CompletedProcess[str]":
            shell = [*HECTOGRAPH, "shell", *map(str, options), "--execute", "-"]
            with home.entered():
                return subprocess.run(shell, input=code, capture_output=True, text=True, timeout=60)

        return call

    return started


@pytest.fixture
def execute(start: Callable[..., Execute]) -> Execute:
    return start()


def test_it_inserts_reads_and_deletes_an_entry(execute: Execute) -> None:
    for code, shown in ((WRITE, False), (SHOW, True), (DELETE, False), (SHOW, False)):
        outcome = execute(code)
        assert outcome.returncode == 0, outcome.stderr
        assert (r"found b'\x01' is_host" in outcome.stdout) is shown, outcome.stdout


def test_what_the_switch_refuses_ends_with_1(execute: Execute) -> None:
    outcome = execute(DELETE)
    assert outcome.returncode == 1
    assert "NOT_FOUND" in outcome.stderr


def test_over_tls(start: Callable[..., Execute], tmp_path: Path) -> None:
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    certificate, key = ours.issue("127.0.0.1")
    execute = start("--tls-cert", certificate, "--tls-key", key, "--tls-ca", theirs.file)
    client, client_key = theirs.issue("client")
    identity = ["--tls-cert", client, "--tls-key", client_key]
    outcome = execute(WRITE + SHOW, "--tls-ca", ours.file, *identity)
    assert outcome.returncode == 0, outcome.stderr
    assert r"found b'\x01' is_host" in outcome.stdout

    for options, reason in (
        (["--tls-ca", ours.file], "it wants a client's certificate, and none is given"),
        (["--tls-ca", theirs.file, *identity], f"does not pass with {theirs.file}"),
    ):
        refused = execute(SHOW, *options)
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert reason in refused.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "127.0.0.1:99999"])
def test_no_switch_is_one_line(run: Callable[..., Any], address: str) -> None:
    outcome = run("shell", "--grpc-addr", address)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert address in outcome.err


def test_its_requirements_are_the_dependency_group() -> None:
    groups = tomllib.loads(PYPROJECT.read_text())["dependency-groups"]
    assert list(shell_environment.REQUIREMENTS) == groups["shell"]


@pytest.fixture
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "hectograph"


def _pretend(monkeypatch: pytest.MonkeyPatch, install: Callable[[Path], None]) -> None:
    monkeypatch.setattr(shell_environment, "_install", install)


def test_it_is_made_once(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def install(directory: Path) -> None:
        made.append(directory)
        (directory / "bin").mkdir()
        (directory / "bin" / "python").touch()

    _pretend(monkeypatch, install)
    first, second = shell_environment.python(), shell_environment.python()
    assert first == second
    assert first.exists()
    assert len(made) == 1
    assert list(data_home.iterdir()) == [first.parents[1]]


def test_one_that_failed_leaves_nothing(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(directory: Path) -> None:
        (directory / "half").touch()
        raise ToolFailure("cannot install it", output="no network")

    _pretend(monkeypatch, install)
    with pytest.raises(ToolFailure):
        shell_environment.python()
    assert list(data_home.iterdir()) == []


def test_two_that_are_made_at_once_are_one(
    data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(directory: Path) -> None:
        """Meanwhile the other one got there."""
        (directory / "ours").touch()
        (shell_environment.directory() / "theirs").mkdir(parents=True)

    _pretend(monkeypatch, install)
    shell_environment.python()
    (only,) = data_home.iterdir()
    assert [each.name for each in only.iterdir()] == ["theirs"]
