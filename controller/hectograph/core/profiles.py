# SPDX-License-Identifier: Apache-2.0
"""Target profiles: what a kind of switch can hold and do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hectograph.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    max_trees: int
    """Replication trees, and entries of push_group."""
    cohort_trees: int
    """Of those, the highest, that are cohorts'; groups have the others."""
    max_members: int
    """Entries of table member, and replicas of all trees together."""
    max_replicas_per_port: int
    """Of one tree: the copies of one push reach a port's queue at once, and what
    the queue does not hold is lost without a trace."""
    queue: str
    """What bounds that, for the error."""
    replicas_per_second: int | None
    """What it is known to copy, all ports together; None: not measured."""

    @property
    def group_trees(self) -> int:
        """How many, and the last one's id, that groups may have."""
        return self.max_trees - self.cohort_trees


# The pipeline guarantees 4,096 groups and 16,384 members (p4/shared/sizes.p4).
_PIPELINE_TREES = 4096
PIPELINE_MEMBERS = 16384
# A pusher runs at most 256 cohorts at a time; what they left stands a little longer.
_COHORT_TREES = 1024

_EMBEDDED = Profile(
    name="embedded",
    max_trees=_PIPELINE_TREES,
    cohort_trees=_COHORT_TREES,
    max_members=PIPELINE_MEMBERS,
    max_replicas_per_port=4096,
    queue="the port's transmit ring",
    replicas_per_second=None,
)

# Defaults of simple_switch_grpc: 64 packets in each port's egress queue; --max-mc-groups
# and --max-l1-entries 4096, where each instance takes an L1 node. Group 0 cannot be used.
# 55,000 replicas/s: a fast build, one push to 32 replicas onto veth.
_BMV2 = Profile(
    name="bmv2",
    max_trees=4095,
    cohort_trees=_COHORT_TREES,
    max_members=4096,
    max_replicas_per_port=64,
    queue="BMv2's egress queue",
    replicas_per_second=55_000,
)

PROFILES: Mapping[str, Profile] = MappingProxyType({p.name: p for p in (_EMBEDDED, _BMV2)})


def profile(name: str) -> Profile:
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(sorted(PROFILES))
        raise InvalidInput(f"no target profile is called {name!r}; there are: {known}") from None
