# SPDX-License-Identifier: Apache-2.0
"""What a lookup costs as tables grow, against reading as much memory at random."""

import json
import subprocess
from pathlib import Path

from rows import Row


def missing() -> None:
    """Nothing."""


def measure(programs: Path, artifacts: Path) -> list[Row]:  # noqa: ARG001
    run = subprocess.run([programs / "tables"], check=True, stdout=subprocess.PIPE, text=True)
    return [Row(**json.loads(line)) for line in run.stdout.splitlines()]
