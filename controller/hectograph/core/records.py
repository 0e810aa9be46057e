# SPDX-License-Identifier: Apache-2.0
"""The desired state as it is kept: the model's objects with what the controller adds to them.

An operation on the desired state is an Edit: the records that it drops and puts. The
store commits it in one transaction and the state in memory (state.py) applies it after.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from hectograph.core.model import Content, Group, Host, Member, Stream, Switch
from hectograph.core.status import Slot


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    switch: Switch
    next_tree: int = 1
    """Where to look for a free pipeline group id: a freed one is not taken again at once."""
    next_content: int = 1
    """The same for contents' numbers, and with them for their addresses."""


@dataclass(frozen=True, slots=True)
class SecretsRecord:
    """What the pipeline's cookie and flow filter are keyed with. A switch that restarts
    gets the same ones back, or its running downloads would be lost."""

    switch: str
    current: int = field(repr=False)
    """64 bits."""
    previous: int = field(repr=False)
    number: int = 0
    """Of the current secret, modulo 256; the previous one's is one less."""
    rotated_at: float = 0.0
    """Unix time."""
    epoch: int = 1
    """Of the flow filter, 1 to 255: 0 is what its cells hold at first."""
    previous_epoch: int = 255
    advanced_at: float = 0.0


@dataclass(frozen=True, slots=True)
class CohortNumbersRecord:
    """Which group numbers cohorts on a switch may have had (cohort_numbers.py)."""

    switch: str
    next: int
    """From here on, in their cycle, none was handed out since `held` was written."""
    held: tuple[int, ...] = ()
    """Those that were in use then, or rested."""


@dataclass(frozen=True, slots=True)
class TreeRecord:
    """A replication tree of a group."""

    switch: str
    id: int
    group: str
    next_instance: int = 1
    """Where to look for a free instance: a freed one is not taken again at once."""


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member and its place, which it keeps as long as its port is the same."""

    member: Member
    slot: Slot


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a stream was when its pusher last said so."""

    done: bool = False
    offset: int = 0
    total_bytes: int = 0
    segment_bytes: int = 0
    pushes: int = 0
    payload_bytes: int = 0
    rounds: int = 0
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamRecord:
    stream: Stream
    run: str
    """A token of [0-9a-f] that no earlier stream of this name had."""
    progress: Progress = Progress()


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file as it was when its digest was taken."""

    path: str
    """As hosts see it: absolute."""
    bytes: int
    modified_ns: int
    """Its st_mtime_ns."""
    inode: int
    sha256: str
    """64 digits of [0-9a-f]."""
    device: int = 0
    changed_ns: int = 0
    """Its st_ctime_ns."""


class Leaving(StrEnum):
    DRAIN = "drain"
    """Downloads that run may finish."""
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class ContentRecord:
    content: Content
    number: int
    """The pipeline's and the pushers' name for it, and its place in the addressing."""
    version: FileVersion | None = None
    """None: not fetched or not read yet."""
    response_bytes: int | None = None
    """Of the whole response, as its hosts answered: set when it was first ready on them, and
    as long as it is it stands in the switch's tables."""
    last_modified: int | None = None
    """Of the responses, Unix time; None: when its file was modified."""
    leaving: Leaving | None = None
    error: str | None = None
    """Why it cannot be served, for good: to be removed, or put again. Downloads may still
    run, of a file that was only removed or replaced: while there is `response_bytes`."""


Record = (
    SwitchRecord
    | Host
    | Group
    | TreeRecord
    | MemberRecord
    | StreamRecord
    | SecretsRecord
    | ContentRecord
    | CohortNumbersRecord
)


@dataclass(frozen=True, slots=True)
class Edit:
    """Drops are made before puts; a put replaces the record of the same name."""

    drops: tuple[Record, ...] = ()
    puts: tuple[Record, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.drops or self.puts)
