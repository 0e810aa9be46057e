# SPDX-License-Identifier: Apache-2.0
"""Contents (core/contents.py) in the host protocol's messages."""

from hectograph.core.contents import ContentPhase, ContentSpec, ContentState, FileIdentity
from hectograph.pusher import pusher_pb2 as pb

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


def identity_message(identity: FileIdentity | None) -> pb.FileIdentity | None:
    if identity is None:
        return None
    return pb.FileIdentity(
        device=identity.device, inode=identity.inode, changed_ns=identity.changed_ns
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
