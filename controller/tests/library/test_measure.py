# SPDX-License-Identifier: Apache-2.0
"""A file's digest, and whether the file is still the one that it is of."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.waiting import until

from hectograph.core.records import FileVersion
from hectograph.errors import InvalidInput, LimitExceeded
from hectograph.library import MAX_BYTES, Roots, is_another, is_same, measure, reading
from hectograph.library.reading import CHUNK_BYTES

Steps = list[tuple[int, int | None]]


@pytest.fixture
def steps() -> Steps:
    return []


@pytest.fixture
def progress(steps: Steps) -> Callable[[int, int | None], None]:
    return lambda done, total: steps.append((done, total))


ROOTS = Roots.everything()
SIZE = 2 * CHUNK_BYTES + 7


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "film.ts"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.mark.parametrize("size", [0, 1, 127, 2 * CHUNK_BYTES])
async def test_a_version_is_what_the_file_is(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    version = await measure(path, lambda _done, _total: None, ROOTS)
    found = path.stat()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert version == FileVersion(
        str(path),
        size,
        found.st_mtime_ns,
        found.st_ino,
        digest,
        device=found.st_dev,
        changed_ns=found.st_ctime_ns,
    )
    assert is_same(version) is None


async def test_progress_reaches_the_end(
    file: Path, steps: Steps, progress: Callable[[int, int | None], None]
) -> None:
    await measure(file, progress, ROOTS)
    assert steps == [(done, SIZE) for done in (0, CHUNK_BYTES, 2 * CHUNK_BYTES, SIZE)]


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, said in (
        (tmp_path, "not a regular file"),
        (tmp_path / "fifo", "not a regular file"),
        (tmp_path / "nothing", "No such file"),
        (Path("/proc/self/mem\0"), "null"),
    ):
        with pytest.raises(InvalidInput, match=said):
            await measure(path, lambda _done, _total: None, ROOTS)


async def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(LimitExceeded, match=f"{MAX_BYTES + 1} bytes; .* at most {MAX_BYTES}"):
        await measure(path, lambda _done, _total: None, ROOTS)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _rewrite(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _replace(path: Path) -> None:
    copy = path.with_suffix(".new")
    copy.write_bytes(path.read_bytes())
    status = path.stat()
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.rename(path)


def _rewrite_and_hide_it(path: Path) -> None:
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = [
    (_append, "bytes and has"),
    (_rewrite, "was written to"),
    (_replace, "was replaced"),
    (_rewrite_and_hide_it, "set back"),
    (Path.unlink, "is gone"),
]


@pytest.mark.parametrize("change", [change for change, _ in CHANGES])
async def test_a_file_that_changes_while_it_is_read(
    file: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reading._read  # pyright: ignore[reportPrivateUsage]

    def meddle(descriptor: int, offset: int, where: str) -> bytes:
        if offset == CHUNK_BYTES:
            change(file)
        return read(descriptor, offset, where)

    monkeypatch.setattr(reading, "_read", meddle)
    with pytest.raises(InvalidInput, match="changed while it was read"):
        await measure(file, lambda _done, _total: None, ROOTS)


@pytest.mark.parametrize(("change", "said"), CHANGES)
async def test_a_file_that_changes_afterwards(
    file: Path, change: Callable[[Path], None], said: str
) -> None:
    version = await measure(file, lambda _done, _total: None, ROOTS)
    change(file)
    assert said in (is_same(version) or "")
    assert is_another(version) == (change in (_replace, Path.unlink))


async def test_cancelling_ends_the_reading(
    file: Path, monkeypatch: pytest.MonkeyPatch, steps: Steps
) -> None:
    read, go_on = reading._read, threading.Event()  # pyright: ignore[reportPrivateUsage]
    offsets: list[int] = []

    def slow(descriptor: int, offset: int, where: str) -> bytes:
        offsets.append(offset)
        go_on.wait(10)
        return read(descriptor, offset, where)

    monkeypatch.setattr(reading, "_read", slow)
    task = asyncio.ensure_future(
        measure(file, lambda done, total: steps.append((done, total)), ROOTS)
    )
    await until(lambda: bool(offsets))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()  # waits for the thread
    assert offsets == [0]
    assert steps in ([], [(0, SIZE)])
