# SPDX-License-Identifier: Apache-2.0
"""The least of a long run that still shows what went wrong in it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Some of them, in their order, of which none can be left out; all of them do fail.

    As delta debugging has it (Zeller and Hildebrandt, 2002): halves are left out first,
    then smaller and smaller parts.
    """
    kept = list(items)
    size = len(kept)
    while size:
        at = 0
        while at < len(kept):
            without = kept[:at] + kept[at + size :]
            if fails(without):
                kept = without
            else:
                at += size
        size //= 2
    return kept
