# SPDX-License-Identifier: Apache-2.0
"""What was written to a switch."""

from dataclasses import dataclass

from hectograph.drivers.base import WriteResult


@dataclass(slots=True)
class WriteStats:
    """Since the start."""

    writes: int = 0
    updates: int = 0
    bytes: int = 0
    repairs: int = 0

    def add(self, updates: int, result: WriteResult) -> None:
        self.writes += result.requests
        self.updates += updates
        self.bytes += result.bytes

    def __add__(self, other: "WriteStats") -> "WriteStats":
        return WriteStats(
            self.writes + other.writes,
            self.updates + other.updates,
            self.bytes + other.bytes,
            self.repairs + other.repairs,
        )
