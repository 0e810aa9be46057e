# SPDX-License-Identifier: Apache-2.0
"""Replicas per second and core, in memory, against the memcpys that any copying must do."""

import json
import subprocess
from pathlib import Path

from hectograph.switch.compiler import find_or_build
from rows import Row


def missing() -> None:
    """Nothing: peers that are not here are left out."""


def measure(programs: Path, artifacts: Path) -> list[Row]:
    pipeline = find_or_build(artifacts / "hectograph.json")
    command = [programs / "replicas", pipeline]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Row(**json.loads(line)) for line in run.stdout.splitlines()]
