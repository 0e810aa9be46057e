# SPDX-License-Identifier: Apache-2.0
"""Small numbers that are handed out, the lowest free one first, and given back."""

from collections.abc import Iterable
from heapq import heappop, heappush


class Numbers:
    def __init__(self, first: int = 0, taken: Iterable[int] = ()) -> None:
        """Those that are `taken` are never handed out."""
        self._free: list[int] = []
        self._next = first
        self._taken = frozenset(taken)

    def take(self) -> int:
        if self._free:
            return heappop(self._free)
        while self._next in self._taken:
            self._next += 1
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        heappush(self._free, number)
