# SPDX-License-Identifier: Apache-2.0
"""Programs in namespaces, and what is left of everything after a kill -9: nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hectograph.errors import ToolFailure
from hectograph.testbed import Testbed

SERVER = """
import socket, sys
print("starting")
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
listener.accept()
"""

ISOLATED = """
import subprocess, sys, time
from pathlib import Path
from hectograph.testbed import run_isolated, Testbed, End

def main():
    with Testbed() as bed:
        a, b = bed.namespace("a"), bed.namespace("b")
        bed.veth(End(a, "x"), End(b, "y"))
        # It ignores SIGTERM and starts one that is no child of ours.
        bed.start("stubborn", ["sh", "-c", "trap '' TERM; setsid sleep 4242 & sleep 4243"], b)
        print("ready", flush=True)
        time.sleep(60)
    return 0

sys.exit(run_isolated(main))
"""


def sleepers() -> set[int]:
    """Processes `sleep 4242` and `sleep 4243`, anywhere on the machine."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:1] == [b"sleep"] and words[1] in (b"4242", b"4243"):
            found.add(int(path.parent.name))
    return found


def test_a_program_runs_inside_its_namespace(testbed: Testbed) -> None:
    inside, outside = testbed.namespace("inside"), testbed.namespace("outside")
    program = testbed.start("server", [sys.executable, "-c", SERVER, "4000"], inside)
    program.wait_until(lambda: inside.listens_on_tcp(4000))
    assert not outside.listens_on_tcp(4000)
    assert program.stop() == -signal.SIGTERM
    assert not inside.listens_on_tcp(4000)


def test_a_program_that_ends_early_is_shown_with_its_output(testbed: Testbed) -> None:
    space = testbed.namespace("one")
    program = testbed.start("failing", ["sh", "-c", "echo no such thing; exit 3"], space)
    with pytest.raises(ToolFailure, match="failing: ended with status 3") as raised:
        program.wait_until(lambda: False)
    assert raised.value.output == "no such thing"


def test_a_program_that_is_never_ready_is_named(testbed: Testbed) -> None:
    program = testbed.start("slow", ["sleep", "100"], testbed.namespace("one"))
    with pytest.raises(ToolFailure, match=r"slow: not ready after 0\.1 s"):
        program.wait_until(lambda: False, timeout=0.1)


def test_a_program_can_be_started_again(testbed: Testbed) -> None:
    space = testbed.namespace("one")
    program = testbed.start("server", [sys.executable, "-c", SERVER, "4000"], space)
    program.wait_until(lambda: space.listens_on_tcp(4000))
    program.kill()
    program.start()
    program.wait_until(lambda: space.listens_on_tcp(4000))
    assert program.output().count("starting") == 2


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130)],
)
def test_nothing_survives_the_process(number: signal.Signals, status: int) -> None:
    before = sleepers()
    with subprocess.Popen([sys.executable, "-c", ISOLATED], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        wait_for(lambda: len(sleepers() - before) == 2)
        os.kill(process.pid, number)
        assert process.wait(20) == status
    wait_for(lambda: not sleepers() - before)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


RAISING = """
import sys
from hectograph.errors import NotFound
from hectograph.testbed import run_isolated

def main():
    raise NotFound("it is not there", where="somewhere")

try:
    run_isolated(main)
except NotFound as error:
    sys.exit(f"caught {error}")
"""


def test_an_error_comes_out_of_the_isolation_as_it_was() -> None:
    result = subprocess.run([sys.executable, "-c", RAISING], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (1, "caught somewhere: it is not there\n")
