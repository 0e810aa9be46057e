# SPDX-License-Identifier: Apache-2.0
"""Programs that run inside a namespace and end with whoever started them."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hectograph.errors import ToolFailure
from hectograph.testbed.network import Namespace

POLL_SECONDS = 0.02
TAIL_LINES = 20


@dataclass(slots=True)
class Program:
    """A running program; what it prints is in the file `log`."""

    name: str
    command: Sequence[str]
    namespace: Namespace
    log: Path
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    """Of the caller's, that the program inherits under the same numbers."""
    popen: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Again, after it ended. The signal of the parent's death is that of this thread."""
        with self.namespace.entered(), self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                pass_fds=self.descriptors,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def running(self) -> bool:
        return self.popen.poll() is None

    def check(self) -> None:
        """Fails when it has ended."""
        if not self.running():
            raise self._failure(f"ended with status {self.popen.returncode}")

    def command_line(self) -> str:
        """As a person would type it."""
        words = list(self.command)
        if words[:3] == [sys.executable, "-m", "hectograph"]:
            words[:3] = ["hectograph"]
        return shlex.join(words)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until(self, condition: Callable[[], bool], timeout: float = 20) -> None:
        """Until the condition holds; fails when the program ends or the time (s) is over."""
        deadline = time.monotonic() + timeout
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise self._failure(f"not ready after {timeout:g} s")
            time.sleep(POLL_SECONDS)

    def wait(self, timeout: float) -> None:
        """Until it ends by itself, with status 0."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise self._failure(f"still running after {timeout:g} s") from error
        if status != 0:
            raise self._failure(f"ended with status {status}")

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def stop(self, timeout: float = 5) -> int:
        """SIGTERM, and SIGKILL to one that does not listen; returns the exit status."""
        self.popen.terminate()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.popen.kill()
        return self.popen.wait()

    def _failure(self, what: str) -> ToolFailure:
        tail = "\n".join(self.output().splitlines()[-TAIL_LINES:])
        error = ToolFailure(what, where=self.name, output=tail)
        error.add_note(tail)  # what a traceback, and so pytest, shows
        return error


def private_environment(directory: Path) -> dict[str, str]:
    """The caller's environment, with Hectograph's files under `directory`."""
    return {
        **os.environ,
        "XDG_RUNTIME_DIR": str(directory),
        "XDG_STATE_HOME": str(directory / "state"),
        "PYTHONUNBUFFERED": "1",
    }
