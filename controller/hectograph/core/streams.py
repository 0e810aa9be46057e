# SPDX-License-Identifier: Apache-2.0
"""What a pusher shall do for a stream, seen from what it does: pure decisions."""

from dataclasses import dataclass, replace
from enum import Enum

from hectograph.core.model import FileSource, Rate, Stream, UdpSource
from hectograph.core.profiles import Profile
from hectograph.core.records import Progress, StreamRecord

_NAME_CHARACTERS = 50


@dataclass(frozen=True, slots=True)
class PushSpec:
    """What a pusher is told to do."""

    source: FileSource | UdpSource
    groups: tuple[int, ...]
    """Pipeline groups; each segment goes to each of them."""
    content: int
    segment_bytes: int
    rate: Rate
    loop: bool
    start_offset: int = 0


class PushPhase(Enum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PushState:
    """What a pusher says of one stream."""

    name: str
    phase: PushPhase
    spec: PushSpec
    total_bytes: int
    """0: not known."""
    offset: int
    pushes: int
    payload_bytes: int
    rounds: int
    elapsed_seconds: float
    late_seconds: float
    error: str
    """Why it failed; while it runs, what it waits for."""


def pusher_name(record: StreamRecord) -> str:
    """The stream's name at the pusher: one that is deleted or changed is another one there."""
    return f"{record.stream.name[:_NAME_CHARACTERS]}-{record.run}"


def push_spec(stream: Stream, trees: tuple[int, ...], segment_bytes: int) -> PushSpec:
    """From the start."""
    return PushSpec(stream.source, trees, stream.content, segment_bytes, stream.rate, stream.loop)


def resumed(spec: PushSpec, progress: Progress) -> PushSpec:
    """Where the last run was, in whole segments; a loop, a pipe or a socket from the start."""
    if spec.loop or not isinstance(spec.source, FileSource) or not progress.total_bytes:
        return spec
    offset = progress.offset - progress.offset % spec.segment_bytes
    return replace(spec, start_offset=offset)


def is_same_push(running: PushSpec, wanted: PushSpec) -> bool:
    """Wherever it began."""
    return replace(running, start_offset=0) == replace(wanted, start_offset=0)


def progress_of(state: PushState) -> Progress:
    return Progress(
        done=state.phase is PushPhase.DONE,
        offset=state.offset,
        total_bytes=state.total_bytes,
        segment_bytes=state.spec.segment_bytes,
        pushes=state.pushes,
        payload_bytes=state.payload_bytes,
        rounds=state.rounds,
        elapsed_seconds=state.elapsed_seconds,
    )


def pacing_advice(stream: Stream, segment_bytes: int, members: int, profile: Profile) -> str | None:
    """When the rate means more copies than the target is known to make."""
    if profile.replicas_per_second is None or not segment_bytes:
        return None
    rate = stream.rate
    pushes = rate.packets_per_second or (rate.bits_per_second or 0) / (8 * segment_bytes)
    copies = round(pushes * members)
    if copies <= profile.replicas_per_second:
        return None
    return (
        f"{pushes:,.0f} pushes/s to {members} members are {copies:,} copies/s; "
        f"{profile.name} is known to make {profile.replicas_per_second:,}"
    )
