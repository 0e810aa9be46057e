# SPDX-License-Identifier: Apache-2.0
"""One controller per database: a lock file that the kernel lets go when its holder dies."""

import fcntl
import os
from pathlib import Path

from hectograph.errors import Conflict


class FileLock:
    """flock(2) on a file that names its holder; the file itself stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise Conflict(
                f"another controller has this database open: process {holder}",
                where=str(self._path.with_suffix("")),
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
