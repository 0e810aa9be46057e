# SPDX-License-Identifier: Apache-2.0
"""The environment that p4runtime-shell lives in, made on first use."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from hectograph.errors import ToolFailure
from hectograph.paths import data_dir

REQUIREMENTS = ("p4runtime-shell==0.0.6",)
"""The dependency group `shell` of pyproject.toml, which is not part of what is installed."""


def python() -> Path:
    """Its interpreter."""
    place = directory()
    if not place.exists():
        _make(place)
    return place / "bin" / "python"


def directory() -> Path:
    """Where it is: another one for other requirements, or when our own interpreter changes."""
    identity = "\n".join([*REQUIREMENTS, sys.version, sys.base_prefix])
    return data_dir() / f"shell-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _make(place: Path) -> None:
    """Beside its place and moved there when complete: whoever finds it can use it."""
    sys.stderr.write(f"hectograph: making the shell's environment in {place}, once ...\n")
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        _install(draft)
        try:
            draft.rename(place)
        except OSError:
            if not place.exists():
                raise
            # Someone else was quicker, and made the same.
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _install(place: Path) -> None:
    try:
        venv.create(place, symlinks=True, with_pip=True)
        command = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input"]
        subprocess.run(
            [*command, "--disable-pip-version-check", *REQUIREMENTS],
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except subprocess.CalledProcessError as error:
        output = f"{error.stdout or ''}{error.stderr or ''}".strip()
        raise ToolFailure(
            f"cannot install {' '.join(REQUIREMENTS)}", where=str(place), output=output
        ) from error
    except OSError as error:
        raise ToolFailure(f"cannot make it: {error}", where=str(place)) from error
