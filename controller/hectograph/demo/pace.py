# SPDX-License-Identifier: Apache-2.0
"""How fast each target is pushed to: nothing may be lost on two cores that do all the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from hectograph.api.models import Rate

MOST_PUSHES_PER_SECOND = 20_000


@dataclass(frozen=True, slots=True)
class Pace:
    copies_per_second: int
    """Of all clients together, where each copy goes to disk."""
    mtu: int
    """Of the links, bytes."""

    def rate(self, clients: int) -> Rate:
        pushes = min(self.copies_per_second // clients, MOST_PUSHES_PER_SECOND)
        return Rate(packets_per_second=max(pushes, 1))


PACES: Mapping[str, Pace] = {
    "embedded": Pace(copies_per_second=100_000, mtu=1500),
    # BMv2's work is by the packet, whatever its size, and what it does not take in
    # from a ring of 32 frames in time is lost: few and large ones.
    "bmv2": Pace(copies_per_second=8_000, mtu=9000),
}
