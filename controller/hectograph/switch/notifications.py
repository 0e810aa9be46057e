# SPDX-License-Identifier: Apache-2.0
"""What the switch tells the primary unasked, beside packets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from finsy.proto import p4r


@dataclass(slots=True)
class NotificationCounters:
    """What became of what the data plane had to tell."""

    digests: int = 0
    """Messages that a digest which is enabled sent."""
    digest_duplicates: int = 0
    """Of one that waited, or was not acknowledged yet."""
    digest_lists: int = 0
    dropped_digests: int = 0
    """There was no primary, or it did not keep up."""
    idle_entries: int = 0
    dropped_idle_entries: int = 0
    """As above; they are told again after another timeout."""


@dataclass(frozen=True, slots=True)
class Notifier:
    post: Callable[[p4r.StreamMessageResponse], bool]
    """To the primary; False when there is none or it does not keep up."""
    counters: NotificationCounters = field(default_factory=NotificationCounters)
