# SPDX-License-Identifier: Apache-2.0
"""What a pusher is told of contents, and what it tells of them."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ContentSpec:
    """What a pusher answers with; the same on every host that serves it."""

    id: int
    """The service table's `content`; not 0."""
    path: str
    etag: str
    """What identifies the bytes: their SHA-256, say; without quotes."""
    type: str = ""
    """Media type; empty: application/octet-stream."""
    modified: int = 0
    """Unix time of Last-Modified; 0: the file's."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file a path has to name when it is opened."""

    device: int
    inode: int
    changed_ns: int


class ContentPhase(StrEnum):
    PREPARING = "preparing"
    READY = "ready"
    DRAINING = "draining"
    """Removed; its last downloads finish."""
    WITHDRAWN = "withdrawn"
    """Its file changed, vanished or could not be read; `error` says which."""


@dataclass(frozen=True, slots=True)
class ContentState:
    spec: ContentSpec
    phase: ContentPhase
    file_bytes: int
    response_bytes: int
    """The service table's `response_length`."""
    prepared_bytes: int
    """Of the response."""
    flows: int
    error: str
