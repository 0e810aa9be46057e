# SPDX-License-Identifier: Apache-2.0
"""Links with a rate, a queue and faults: what host/tests/relay.c passes on, and its statistics."""

import json
from dataclasses import dataclass
from typing import TypedDict, cast

from hectograph.testbed.process import Program


@dataclass(frozen=True, slots=True)
class Link:
    """What a path is like. 0 stands for what it does not have: no limit, no faults."""

    rate: float = 0
    """Mbit/s towards the clients, of whole frames."""
    rtt: float = 0
    """ms of propagation, there and back."""
    queue: int = 0
    """Bytes before the rate; frames that find no room are dropped."""
    loss: float = 0
    duplicate: float = 0
    reorder: float = 0
    """Probabilities. What is reordered comes 3 ms late."""
    back_rate: float = 0
    """Mbit/s from the clients, before which there is such a queue too."""
    silence: float | None = None
    """Seconds after the first frame begins one in which nothing passes."""

    @property
    def options(self) -> tuple[str, ...]:
        """Of the relay."""
        numbers = {
            "rate": self.rate,
            "back-rate": self.back_rate,
            "queue": self.queue,
            "delay": self.rtt / 2,
            "loss": self.loss,
            "duplicate": self.duplicate,
            "reorder": self.reorder,
        }
        words = [word for name, value in numbers.items() if value for word in _option(name, value)]
        return (*words, *(() if self.silence is None else _option("silence", self.silence)))


def _option(name: str, value: float) -> tuple[str, str]:
    return f"--{name}", f"{value:.9g}"


class Count(TypedDict):
    frames: int
    bytes: int


class Dropped(TypedDict):
    """By reason."""

    queue: Count
    loss: Count
    silence: Count
    memory: Count
    """More were on their way than the relay has room for."""
    long: Count
    """Longer than a frame may be: somebody left offloads on."""


class Waits(TypedDict):
    """Milliseconds in the queue, of the frames that were not dropped."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float


class Late(TypedDict):
    """Milliseconds that frames left after their time, because the machine was busy."""

    mean: float
    max: float


class _Passed(TypedDict("_Passed", {"in": Count, "out": Count})):
    """What came, and what was passed on."""


class Pair(_Passed):
    queue_dropped_frames: int


class Direction(_Passed):
    """All pairs together."""

    dropped: Dropped
    unread_frames: int
    """That came faster than the relay read them: then it measured itself."""
    late_ms: Late
    queueing_ms: Waits
    pairs: list[Pair]


class Statistics(TypedDict):
    there: Direction
    """Towards the clients."""
    back: Direction


@dataclass(slots=True)
class Relay:
    """A running one."""

    program: Program

    def stop(self) -> Statistics:
        """What it did until now, when it ends."""
        self.program.stop()
        return cast(Statistics, json.loads(self.program.output().splitlines()[-1]))
