# SPDX-License-Identifier: Apache-2.0
"""Where clients put what they receive: files without a name, gone with whoever has them open."""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hectograph.errors import Unavailable

DISK = "/var/tmp"  # noqa: S108  /tmp may be memory
MEMORY_SHARE = 0.5
"""Of what is available; more goes to the disk."""


@dataclass(frozen=True, slots=True)
class Files:
    """Memory is the better place: who writes faster than a disk takes it is stopped by the
    kernel, for a tenth of a second at a time, and nobody would know whose time was measured."""

    in_memory: bool

    def make(self, stack: ExitStack, name: str) -> IO[bytes]:
        """Until the stack ends."""
        if self.in_memory:
            return stack.enter_context(os.fdopen(os.memfd_create(name), "w+b"))
        return stack.enter_context(tempfile.TemporaryFile(dir=DISK))

    def __str__(self) -> str:
        return "memory" if self.in_memory else DISK


def choose(needed: int) -> Files:
    """For so many bytes in all. Unavailable: there is no room for them anywhere."""
    if needed <= MEMORY_SHARE * _available():
        return Files(in_memory=True)
    disk = os.statvfs(DISK)
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        raise Unavailable(
            f"the receivers need {needed >> 20} MiB there, {free >> 20} MiB are free;"
            " take fewer clients or a smaller file",
            where=DISK,
        )
    return Files(in_memory=False)


def _available() -> int:
    """Bytes of memory (proc_meminfo(5))."""
    fields = dict(
        line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines()
    )
    return int(fields["MemAvailable"].split()[0]) << 10
