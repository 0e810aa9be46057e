# SPDX-License-Identifier: Apache-2.0
"""Which file is pushed: a real one that is on the machine already."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from hectograph.errors import InvalidInput, NotFound
from hectograph.testbed.isolation import PRIVATE_DIRECTORY

ENOUGH_BYTES = 64 << 20
PLACES = (
    "/usr/lib/gcc/*/*/*",  # cc1, lto1: whoever built this has them
    "/usr/lib/*/lib*.so*",
    "/usr/lib/llvm-*/lib/*.so*",
    "/usr/bin/*",
)


def check(path: Path) -> Path:
    """Absolute, a regular file, readable, not empty."""
    path = path.absolute()
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InvalidInput(error.strerror or str(error), where=str(path)) from error
    if not path.is_file():
        raise InvalidInput("not a regular file", where=str(path))
    if empty:
        raise InvalidInput("is empty", where=str(path))
    if path.resolve().is_relative_to(PRIVATE_DIRECTORY):
        raise InvalidInput(
            f"the demonstration has a {PRIVATE_DIRECTORY} of its own; put it elsewhere",
            where=str(path),
        )
    return path


def choose(directory: Path) -> tuple[Path, list[Path]]:
    """A file of at least 64 MiB, and what it is made of.

    The smallest one that is large enough; else as few as will do, one after another,
    in `directory`.
    """
    found = sorted({(path.stat().st_size, path) for path in _candidates()}, reverse=True)
    enough = [path for size, path in found if size >= ENOUGH_BYTES]
    if enough:
        return enough[-1], [enough[-1]]
    parts: list[Path] = []
    total = 0
    joined = directory / "content"
    with joined.open("wb") as out:
        for size, path in found:
            with path.open("rb") as source:
                shutil.copyfileobj(source, out)
            parts.append(path)
            total += size
            if total >= ENOUGH_BYTES:
                return joined, parts
    raise NotFound(f"no files of {ENOUGH_BYTES >> 20} MiB together here: name one with --file")


def _candidates() -> Iterator[Path]:
    places = [*PLACES, f"{sys.prefix}/lib/python3*/site-packages/*/*.so"]
    for pattern in places:
        for path in Path("/").glob(pattern.lstrip("/")):
            if path.is_file() and not path.is_symlink():
                yield path
