# SPDX-License-Identifier: Apache-2.0
"""Which group number a cohort gets. Each is used for one cohort only: (group, instance)
names one client, so a push that comes late can reach no other cohort's clients.

Numbers are handed out in a cycle, and none comes again before it has rested since its
cohort ended. What a controller may have handed out is written to its database ahead, in
blocks, so that the next one begins behind it.
"""

import math
from collections.abc import Container

from hectograph import wire
from hectograph.core.records import CohortNumbersRecord

LAST = 0xFFFF
COUNT = LAST - wire.COHORT_GROUP_FIRST + 1
BLOCK = 1024
"""Written ahead at a time."""
REST_SECONDS = 60.0
"""How late a push may be: queues on the way hold it for milliseconds."""
_IN_USE = math.inf


def later(number: int, steps: int) -> int:
    """The one so many steps further in the cycle."""
    return wire.COHORT_GROUP_FIRST + (number - wire.COHORT_GROUP_FIRST + steps) % COUNT


def first_numbers(switch: str) -> CohortNumbersRecord:
    """Of one that had none yet."""
    return CohortNumbersRecord(switch, wire.COHORT_GROUP_FIRST)


class GroupNumbers:
    """Of one switch. Times are on any clock that goes on."""

    def __init__(self, record: CohortNumbersRecord, now: float) -> None:
        self._record = record
        self._next = record.next
        self._reserved = 0
        self._until = dict.fromkeys(record.held, now + REST_SECONDS)
        # Those that the last run had last are behind the first: a block that was written
        # ahead, and at most half of the one before. They rest, too.
        self._round = COUNT - 2 * BLOCK
        self._barred = (0.0, now + REST_SECONDS)
        """Until when none is handed out; until when not more than a round."""

    @property
    def is_short(self) -> bool:
        """Is it time to reserve more?"""
        return self._reserved < BLOCK // 2

    def plan(self, now: float) -> CohortNumbersRecord:
        """What to write so that another block can be used."""
        held = sorted(number for number, until in self._until.items() if until > now)
        following = later(self._record.next, BLOCK)
        return CohortNumbersRecord(self._record.switch, following, tuple(held))

    def extend(self, record: CohortNumbersRecord) -> None:
        """It was written."""
        self._record = record
        self._reserved += BLOCK

    def take(self, now: float, standing: Container[int] = ()) -> int | None:
        """One that is not in use, has rested, and is not `standing` on the switch; or none."""
        while self._reserved and now >= self._barred[0] and (self._round or now >= self._barred[1]):
            number = self._next
            self._next = later(number, 1)
            self._reserved -= 1
            self._round = max(0, self._round - 1)
            if self._until.get(number, 0.0) <= now and number not in standing:
                self.hold(number)
                return number
        return None

    def hold(self, number: int) -> None:
        """It is in use, whoever gave it."""
        self._until[number] = _IN_USE

    def release(self, number: int, now: float) -> None:
        """Nothing more is pushed to it."""
        self._until[number] = now + REST_SECONDS

    @property
    def in_use(self) -> set[int]:
        return {number for number, until in self._until.items() if until == _IN_USE}

    def bar(self, now: float) -> None:
        """Another controller has handed some out, nobody knows which: let all rest."""
        self._barred = (now + REST_SECONDS, self._barred[1])
