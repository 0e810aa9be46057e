# SPDX-License-Identifier: Apache-2.0
"""The desired state as it is kept: the model's objects with what the controller adds to them.

An operation on the desired state is an Edit: the records that it drops and puts. The
store commits it in one transaction and the state in memory (state.py) applies it after.
"""

from dataclasses import dataclass

from hectograph.core.model import Group, Host, Member, Stream, Switch
from hectograph.core.status import Slot


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    switch: Switch
    next_tree: int = 1
    """Where to look for a free pipeline group id: a freed one is not taken again at once."""


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


Record = SwitchRecord | Host | Group | TreeRecord | MemberRecord | StreamRecord


@dataclass(frozen=True, slots=True)
class Edit:
    """Drops are made before puts; a put replaces the record of the same name."""

    drops: tuple[Record, ...] = ()
    puts: tuple[Record, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.drops or self.puts)
