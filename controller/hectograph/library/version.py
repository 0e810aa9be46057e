# SPDX-License-Identifier: Apache-2.0
"""Which version of a file this is, without reading it: its size, times and inode."""

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
    device: int
    inode: int
    changed_ns: int
    """Nobody can set it, as everybody can set the time of modification."""

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino, found.st_ctime_ns)

    def version(self, path: str, sha256: str) -> FileVersion:
        return FileVersion(
            path,
            self.bytes,
            self.modified_ns,
            self.inode,
            sha256,
            device=self.device,
            changed_ns=self.changed_ns,
        )


def check_regular(found: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput("not a regular file", where=where)
    check_size(found.st_size, where)


def check_size(size: int, where: str) -> None:
    if size > MAX_BYTES:
        raise LimitExceeded(f"{size} bytes; a content has at most {MAX_BYTES}", where=where)


def is_another(version: FileVersion) -> bool:
    """Does the path name another file, or none: is the one that it named intact?"""
    try:
        now = Identity.of(os.stat(version.path))  # noqa: PTH116
    except OSError:
        return True
    return (now.device, now.inode) != (version.device, version.inode)


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
    if (now.device, now.inode) != (version.device, version.inode):
        return f"{version.path} was replaced"
    if now.changed_ns != version.changed_ns:
        return f"{version.path} was changed, and its time of modification set back"
    return None
