# SPDX-License-Identifier: Apache-2.0
"""The committed artifacts are what the sources compile to, and the installed ones are those."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packetlab.lab import artifacts

ROOT = Path(__file__).resolve().parent.parent
COMPILE = ROOT / "p4" / "compile.py"


def test_artifacts_are_up_to_date() -> None:
    assert runpy.run_path(str(COMPILE))["stale"]() == []


@pytest.mark.parametrize(
    "name", ["p4/shared/member.p4", "p4/wire.h", "p4/build/v1model/hectograph.json"]
)
def test_a_change_is_noticed(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "p4", tmp_path / "p4")
    changed = tmp_path / name
    changed.write_text(changed.read_text() + "\n")
    (problem,) = runpy.run_path(str(tmp_path / "p4" / "compile.py"))["stale"]()
    assert name in problem


def test_a_new_source_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "p4", tmp_path / "p4")
    (tmp_path / "p4/shared/new.p4").touch()
    (problem,) = runpy.run_path(str(tmp_path / "p4" / "compile.py"))["stale"]()
    assert "p4/shared/new.p4" in problem


@pytest.mark.skipif(shutil.which("p4c-bm2-ss") is None, reason="p4c-bm2-ss is not on PATH")
def test_p4c_makes_the_committed_artifacts(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "p4", tmp_path / "p4")
    subprocess.run([sys.executable, tmp_path / "p4/compile.py"], check=True)
    made, committed = (
        json.loads((root / "p4/build/v1model/manifest.json").read_text())
        for root in (tmp_path, ROOT)
    )
    if made["compiler"] != committed["compiler"]:
        pytest.skip(f"{made['compiler']} is on PATH, {committed['compiler']} made the artifacts")
    assert made == committed


@pytest.mark.parametrize("name", ["hectograph.json", "hectograph.p4info.txtpb", "manifest.json"])
def test_the_installed_artifacts_are_the_committed_ones(name: str) -> None:
    assert (artifacts() / name).read_bytes() == (ROOT / "p4/build/v1model" / name).read_bytes()


def test_the_program_names_itself() -> None:
    info = (ROOT / "p4/build/v1model/hectograph.p4info.txtpb").read_text()
    assert 'name: "hectograph"' in info
    manifest = json.loads((ROOT / "p4/build/v1model/manifest.json").read_text())
    assert manifest["compiler"].startswith("p4c-bm2-ss ")
