#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile the pipeline and record what it was compiled from.

    python3 p4/compile.py            compile with p4c on PATH, else with p4c's public image
    python3 p4/compile.py --check    do the committed artifacts match the sources?

Needs the standard library alone. The manifest beside the artifacts holds every
source's SHA-256, so that a test can tell stale artifacts without a compiler.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path("p4/v1model/hectograph.p4")
OUTPUT = Path("p4/build/v1model")
ARTIFACTS = ("hectograph.json", "hectograph.p4info.txtpb")
COMPILER = "p4c-bm2-ss"
IMAGE = "docker.io/p4lang/p4c:latest"
ARGUMENTS = [
    "--Werror",
    "--arch=v1model",
    f"--p4runtime-files={OUTPUT / ARTIFACTS[1]}",
    "-o",
    str(OUTPUT / ARTIFACTS[0]),
    str(PROGRAM),
]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def source_digests() -> dict[str, str]:
    """Path and SHA-256 of everything that the program may include."""
    paths = [ROOT / "p4/wire.h", *ROOT.glob("p4/shared/*.p4"), *ROOT.glob("p4/v1model/*.p4")]
    return {path.relative_to(ROOT).as_posix(): digest(path.read_bytes()) for path in sorted(paths)}


def sources_digest(sources: dict[str, str]) -> str:
    """One number for all sources: SHA-256 of `<digest>  <path>` lines, as sha256sum prints them."""
    return digest("".join(f"{value}  {path}\n" for path, value in sources.items()).encode())


def stale() -> list[str]:
    """What does not match, one line each; empty when the artifacts are up to date."""
    path = ROOT / OUTPUT / "manifest.json"
    if not path.exists():
        return [f"{path}: missing"]
    manifest = json.loads(path.read_text())
    sources, recorded = source_digests(), manifest["sources"]
    problems = [
        f"{name}: changed since the artifacts were compiled"
        for name in sorted(sources.keys() | recorded.keys())
        if sources.get(name) != recorded.get(name)
    ]
    if sources_digest(recorded) != manifest["sources_sha256"]:
        problems.append(f"{path}: sources_sha256 is not that of its sources")
    for name in ARTIFACTS:
        artifact = ROOT / OUTPUT / name
        if not artifact.exists() or digest(artifact.read_bytes()) != manifest["artifacts"][name]:
            problems.append(f"{artifact}: not what the compiler wrote")
    return problems


def compiler_command() -> list[str]:
    """The compiler on PATH, else in its public image; both run in the repository's root."""
    if shutil.which(COMPILER):
        return [COMPILER]
    if shutil.which("docker"):
        user = f"--user={os.getuid()}:{os.getgid()}"  # whose the artifacts will be
        volume = f"--volume={ROOT}:/src"
        return ["docker", "run", "--rm", user, volume, "--workdir=/src", IMAGE, COMPILER]
    raise SystemExit(
        f"p4/compile.py: neither {COMPILER} nor docker is on PATH; "
        f"install p4c (https://github.com/p4lang/p4c) or docker, which runs {IMAGE}"
    )


def compiler_version(command: list[str]) -> str:
    """`1.2.5.16`, from the line `Version 1.2.5.16 (SHA: ... BUILD: ...)`."""
    result = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True)
    for line in (result.stdout + result.stderr).splitlines():
        if line.startswith("Version "):
            return line.split()[1]
    raise SystemExit(f"p4/compile.py: no version in what {COMPILER} --version prints")


def compact(path: Path) -> None:
    """The same JSON without blanks: a third of the bytes."""
    path.write_text(json.dumps(json.loads(path.read_text()), separators=(",", ":")) + "\n")


def compile_program() -> None:
    command = compiler_command()
    version = compiler_version(command)
    (ROOT / OUTPUT).mkdir(parents=True, exist_ok=True)
    result = subprocess.run([*command, *ARGUMENTS], cwd=ROOT, check=False)
    if result.returncode:
        raise SystemExit(f"p4/compile.py: {COMPILER} failed with exit status {result.returncode}")
    compact(ROOT / OUTPUT / ARTIFACTS[0])
    sources = source_digests()
    manifest = {
        "compiler": f"{COMPILER} {version}",
        "command": " ".join([COMPILER, *ARGUMENTS]),
        "sources": sources,
        "sources_sha256": sources_digest(sources),
        "artifacts": {name: digest((ROOT / OUTPUT / name).read_bytes()) for name in ARTIFACTS},
    }
    (ROOT / OUTPUT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only compare the manifest")
    if not parser.parse_args().check:
        compile_program()
    problems = stale()
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("p4/build is stale: run `make p4`", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
