# SPDX-License-Identifier: Apache-2.0
"""Networks that the demonstration's can be like: what their lines carry, and what waits for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hectograph.cli.units import bytes_text, rate_text


class Like(StrEnum):
    IDEAL = "ideal"
    """Links that carry what is sent, as fast as the machine is."""
    CAMPUS = "campus"
    """Clients on Fast Ethernet, the host on Gigabit Ethernet with jumbo frames."""


@dataclass(frozen=True, slots=True)
class Line:
    bits_per_second: int
    queue_bytes: int
    """Before it, at its sender; what finds no room is dropped."""

    def describe(self) -> str:
        return f"{rate_text(self.bits_per_second)}, {bytes_text(self.queue_bytes)} queued"


@dataclass(frozen=True, slots=True)
class Likeness:
    port: Line | None = None
    """From the switch to each client."""
    host: Line | None = None
    """Of the host's link, in either direction."""
    host_mtu: int | None = None
    """None: the longest that the target takes."""

    def describe(self) -> str:
        """Of links that are less than ideal."""
        limits = [
            *((f"ports of {self.port.describe()}",) if self.port else ()),
            *((f"the host's of {self.host.describe()}",) if self.host else ()),
            *((f"of MTU {self.host_mtu:,}",) if self.host_mtu else ()),
        ]
        return ", ".join(limits)


LIKENESSES: Mapping[Like, Likeness] = {
    Like.IDEAL: Likeness(),
    Like.CAMPUS: Likeness(
        port=Line(100_000_000, queue_bytes=64_000),  # 5 ms, as in small switches
        host=Line(1_000_000_000, queue_bytes=256_000),
        host_mtu=9000,
    ),
}
