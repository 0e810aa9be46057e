# SPDX-License-Identifier: Apache-2.0
"""The folder of what was fetched: files named by their SHA-256, and temporary ones."""

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from hectograph.core.records import FileVersion
from hectograph.library.version import Identity
from hectograph.paths import make_private

TEMPORARY = ".fetch-"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def sweep(directory: Path, keep: set[str]) -> None:
    """Remove what fetches left behind that were killed, and files that are not in `keep`
    (SHA-256s). What is not the store's own stays."""
    with suppress(FileNotFoundError):
        for path in list(directory.iterdir()):
            ours = path.name.startswith(TEMPORARY) or _DIGEST.fullmatch(path.name)
            if ours and path.name not in keep:
                path.unlink(missing_ok=True)


class Part:
    """A file under way, and the digest of what is in it. Every call blocks."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor = -1
        self._path = directory
        self._digest = hashlib.sha256()
        self.bytes = 0

    def open(self) -> None:
        make_private(self._directory)
        self._descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=self._directory)
        self._path = Path(name)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._digest.update(data)
        self.bytes += len(data)

    def start_over(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._digest = hashlib.sha256()
        self.bytes = 0

    def free_bytes(self) -> int:
        """What the disk has left."""
        disk = os.fstatvfs(self._descriptor)
        return disk.f_bavail * disk.f_frsize

    def publish(self) -> FileVersion:
        """Under its digest's name, whole and on the disk, or not at all. One that has the
        name already is not replaced: it may be in use."""
        os.fchmod(self._descriptor, 0o444)
        os.fsync(self._descriptor)
        final = self._directory / self.sha256
        try:
            os.link(self._path, final)
        except FileExistsError:
            if _digest_of(final) != self.sha256:  # damaged: whoever uses it has to know
                self._path.replace(final)
        self._path.unlink(missing_ok=True)
        _sync(self._directory)
        return Identity.of(final.stat()).version(str(final), self.sha256)

    def close(self) -> None:
        """What was not published is gone."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._path.unlink(missing_ok=True)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
