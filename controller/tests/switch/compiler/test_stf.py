# SPDX-License-Identifier: Apache-2.0
"""Test programs with what they expect beside them: X.p4 and X.stf, as p4c has hundreds.

None of them are here. HECTOGRAPH_STF_PROGRAMS names a directory of them; what p4c does
not compile for v1model and what the switch refuses by name is skipped, and says why.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from compiled import compiled
from stfrunner import Runner

from hectograph.errors import UnsupportedFeature

VARIABLE, COMPILER = "HECTOGRAPH_STF_PROGRAMS", "p4c-bm2-ss"


def programs() -> Iterator[Path]:
    folder = Path(os.environ[VARIABLE])
    for expected in sorted(folder.glob("*.stf")):
        source = expected.with_suffix(".p4")
        if source.exists() and "v1model.p4" in source.read_text():
            yield source


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no directory of programs")
@pytest.mark.skipif(which(COMPILER) is None, reason=f"{COMPILER} is not on PATH")
@pytest.mark.parametrize(
    "source",
    list(programs()) if VARIABLE in os.environ else ["none"],
    ids=lambda path: Path(path).stem,
)
def test_a_program(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "program.json"
    done = subprocess.run(
        [COMPILER, "--arch", "v1model", "-o", output, source], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"{COMPILER}: {done.stderr.strip().splitlines()[0]}")
    program = json.loads(output.read_text())
    try:
        with compiled(program) as switch:
            Runner(program, switch).run(source.with_suffix(".stf"))
    except UnsupportedFeature as refused:
        pytest.skip(str(refused))
