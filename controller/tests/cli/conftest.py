# SPDX-License-Identifier: Apache-2.0
"""A controller process, and the command line inside this one."""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest
from uplab import Lab

from hectograph.cli.main import main
from hectograph.testbed import Namespace, Program, Testbed


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


@pytest.fixture(scope="session")
def run() -> Callable[..., Outcome]:
    """A command, and what came of it."""

    def call(*words: str) -> Outcome:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            status = main(words)
        return Outcome(status, out.getvalue(), err.getvalue())

    return call


SERVING = re.compile(r"serving (http://\S+)/api/v1")


@pytest.fixture
def controller(testbed: Testbed) -> Iterator[Program]:
    """With an empty database."""
    options = ["--listen", "127.0.0.1:0", "--content-root", tempfile.gettempdir()]
    command = [sys.executable, "-m", "hectograph", "controller", *options]
    program = testbed.start("controller", command, Namespace.current())
    program.wait_until(lambda: SERVING.search(program.output()) is not None, timeout=60)
    yield program
    assert program.stop() == 0, program.output()
    assert "Traceback" not in program.output()


@pytest.fixture
def server(controller: Program) -> str:
    """The controller's address."""
    return SERVING.findall(controller.output())[0]


@pytest.fixture
def ask(run: Callable[..., Outcome], server: str) -> Callable[..., Outcome]:
    """A command to that controller."""
    return lambda *words: run("--server", server, *words)


@pytest.fixture(scope="module")
def lab(run: Callable[..., Outcome]) -> Iterator[Lab]:
    """For tests that leave it as it was."""
    with Testbed() as testbed:
        yield Lab(testbed, run)
