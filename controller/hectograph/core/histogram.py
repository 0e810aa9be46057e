# SPDX-License-Identifier: Apache-2.0
"""How often a value was how large, as Prometheus counts it."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    def __init__(self, bounds: Sequence[float]) -> None:
        """Upper bounds of the buckets, ascending; one without bound comes after them."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
