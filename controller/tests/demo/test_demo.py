# SPDX-License-Identifier: Apache-2.0
"""The whole path, as `hectograph demo` runs it, and what is left of it afterwards: nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CLIENTS = 4
DEMO = [sys.executable, "-m", "hectograph", "demo", "udp", "--clients", str(CLIENTS)]


def children(pid: int) -> Iterator[int]:
    """All descendants, as the machine numbers them."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            yield child
            yield from children(child)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_file_reaches_every_receiver(file: Path) -> None:
    result = subprocess.run([*DEMO, "--file", str(file), "--json"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    size = file.stat().st_size
    pushes = -(-size // 1452)  # what the IPv6 members' links carry of each
    assert values.pop("seconds") > 0
    marks, rest = divmod(values.pop("host_bytes") - size - 30 * pushes, 30)
    assert rest == 0
    assert 0 <= marks <= pushes // 4  # one behind a few frames: docs/host-link.md
    assert values == {
        "target": "embedded",
        "mode": "udp",
        "clients": CLIENTS,
        "identical": CLIENTS,
        "file_bytes": size,
        "delivered_bytes": CLIENTS * size + CLIENTS // 2 * pushes * ((14 + 28) + (14 + 48)),
    }


def test_delivery_resumes_after_kill_9_of_controller_and_switch(file: Path) -> None:
    command = [*DEMO, "--file", str(file), "--json", "--kill", "controller,switch"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert values["killed"] == ["controller", "switch"]
    # The controller is not in the path: only the switch leaves a gap, the same for all.
    assert {len(gaps) for gaps in values["gaps"]} == {1}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_it_is_ended(file: Path, number: signal.Signals) -> None:
    before = set(Path("/var/tmp").iterdir())
    command = [*DEMO, "--file", str(file), "--rate", "1M"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, process_group=0) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith(b"joined"):
            assert process.poll() is None
        started = list(children(process.pid))
        assert len(started) > CLIENTS + 3
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        assert process.wait(30) == (-number if number == signal.SIGKILL else 130)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
    assert set(Path("/var/tmp").iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "/nowhere"], "hectograph: /nowhere: No such file or directory"),
        (["--target", "tofino"], "no target is called 'tofino'; there are: embedded, bmv2"),
        (["--kill", "host"], "hectograph: --kill: 'host' is none of controller, switch"),
        (["--rate", "fast"], "hectograph: --rate: 'fast' is not a rate"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    result = subprocess.run([*DEMO, *arguments], capture_output=True, text=True)
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
