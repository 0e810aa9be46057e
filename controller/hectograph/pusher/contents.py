# SPDX-License-Identifier: Apache-2.0
"""Contents of stateless TCP, as a pusher tells of them."""

from dataclasses import dataclass
from enum import StrEnum

from hectograph.pusher import pusher_pb2 as pb


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


_CONTENT_PHASES = {
    pb.Content.PREPARING: ContentPhase.PREPARING,
    pb.Content.READY: ContentPhase.READY,
    pb.Content.DRAINING: ContentPhase.DRAINING,
    pb.Content.WITHDRAWN: ContentPhase.WITHDRAWN,
}


def content_message(spec: ContentSpec) -> pb.ContentSpec:
    return pb.ContentSpec(
        id=spec.id, path=spec.path, type=spec.type, etag=spec.etag, modified=spec.modified
    )


def content_of(message: pb.Content) -> ContentState:
    spec = message.spec
    return ContentState(
        spec=ContentSpec(spec.id, spec.path, spec.etag, spec.type, spec.modified),
        phase=_CONTENT_PHASES[message.state],
        file_bytes=message.file_bytes,
        response_bytes=message.response_bytes,
        prepared_bytes=message.prepared_bytes,
        flows=message.flows,
        error=message.error,
    )
