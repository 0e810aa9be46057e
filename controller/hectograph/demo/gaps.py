# SPDX-License-Identifier: Apache-2.0
"""Where a receiver's file lacks something of the original."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True)
class Gap:
    offset: int
    """In the original, bytes."""
    segments: int
    """That did not arrive."""

    def end(self, segment_bytes: int) -> int:
        return self.offset + self.segments * segment_bytes


def find_gaps(original: IO[bytes], received: IO[bytes], segment_bytes: int) -> list[Gap] | None:
    """All of them, in order; None when something was received that is not in the original."""
    gaps: list[Gap] = []
    offset = 0
    expected = _segments(original, segment_bytes)
    for segment in _segments(received, segment_bytes):
        missing = 0
        for candidate in expected:
            if candidate == segment:
                break
            missing += 1
            offset += len(candidate)
        else:
            return None
        if missing:
            gaps.append(Gap(offset - missing * segment_bytes, missing))
        offset += len(segment)
    rest = sum(1 for _ in expected)
    return [*gaps, Gap(offset, rest)] if rest else gaps


def _segments(file: IO[bytes], size: int) -> Iterator[bytes]:
    file.seek(0)
    while segment := file.read(size):
        yield segment
