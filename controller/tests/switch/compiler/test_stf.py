# SPDX-License-Identifier: Apache-2.0
"""Test programs with what they expect beside them: X.p4 and X.stf, as p4c has hundreds.

Each is set and written over P4Runtime, with the P4Info that p4c makes of it.
None of them are here. HECTOGRAPH_STF_PROGRAMS names a directory of them.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from finsy.proto import p4i, p4r
from google.protobuf import text_format
from injection import programmed
from stfrunner import Runner

VARIABLE, COMPILER = "HECTOGRAPH_STF_PROGRAMS", "p4c-bm2-ss"


def programs() -> Iterator[Path]:
    folder = Path(os.environ[VARIABLE])
    for expected in sorted(folder.glob("*.stf")):
        source = expected.with_suffix(".p4")
        if source.exists() and "v1model.p4" in source.read_text():
            yield source


def compile_p4(source: Path, directory: Path) -> p4r.ForwardingPipelineConfig:
    """What p4c does not compile for v1model is skipped, and says why."""
    output, described = directory / "program.json", directory / "program.p4info.txtpb"
    command = [COMPILER, "--arch", "v1model", "-o", output, "--p4runtime-files", described, source]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{COMPILER}: {done.stderr.strip().splitlines()[0]}")
    return p4r.ForwardingPipelineConfig(
        p4info=text_format.Parse(described.read_text(), p4i.P4Info()),
        p4_device_config=output.read_bytes(),
    )


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no directory of programs")
@pytest.mark.skipif(which(COMPILER) is None, reason=f"{COMPILER} is not on PATH")
@pytest.mark.parametrize(
    "source",
    list(programs()) if VARIABLE in os.environ else ["none"],
    ids=lambda path: Path(path).stem,
)
async def test_a_program(source: Path, tmp_path: Path) -> None:
    config = compile_p4(source, tmp_path)
    async with programmed() as world:
        await world.primary.set_config(config)
        program = json.loads(config.p4_device_config, strict=False)
        await Runner(config.p4info, program, world).run(source.with_suffix(".stf"))
