# SPDX-License-Identifier: Apache-2.0
"""Small numbers that are handed out, the lowest free one first, and given back."""

from heapq import heappop, heappush


class Numbers:
    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        if self._free:
            return heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        heappush(self._free, number)
