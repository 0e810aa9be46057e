# SPDX-License-Identifier: Apache-2.0
"""Which version of a file this is, without reading it: its size, time and inode."""

import os
import stat
from dataclasses import dataclass
from typing import Self

from hectograph.core.records import FileVersion
from hectograph.errors import InvalidInput, LimitExceeded

MAX_BYTES = 2**31 - 1024
"""Positions in a response are 31 bits; the longest header section (HG_RESPONSE_HEAD_MAX in
host/tcp/response.h) comes before the content."""


@dataclass(frozen=True, slots=True)
class Identity:
    bytes: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)

    def version(self, path: str, sha256: str) -> FileVersion:
        return FileVersion(path, self.bytes, self.modified_ns, self.inode, sha256)


def check_regular(found: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput("not a regular file", where=where)
    check_size(found.st_size, where)


def check_size(size: int, where: str) -> None:
    if size > MAX_BYTES:
        raise LimitExceeded(f"{size} bytes; a content has at most {MAX_BYTES}", where=where)


def is_same(version: FileVersion) -> str | None:
    """None while the file is still that version; else what changed."""
    try:
        now = Identity.of(os.stat(version.path))  # noqa: PTH116  a str all the way
    except FileNotFoundError:
        return f"{version.path} is gone"
    except OSError as error:
        return f"{version.path}: {error.strerror}"
    if now.bytes != version.bytes:
        return f"{version.path} had {version.bytes} bytes and has {now.bytes} now"
    if now.modified_ns != version.modified_ns:
        return f"{version.path} was written to"
    if now.inode != version.inode:
        return f"{version.path} was replaced"
    return None
