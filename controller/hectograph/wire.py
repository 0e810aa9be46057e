# SPDX-License-Identifier: Apache-2.0
"""The constants of p4/wire.h, as the C extension compiled them."""

from collections.abc import Mapping

from hectograph._native import lib


def _constant(name: str) -> int:
    value: int = getattr(lib, f"HG_{name}")
    return value


def _reasons(prefix: str, *, but: frozenset[str]) -> Mapping[int, str]:
    """What a family of constants says about its numbers, in ascending order."""
    names = {name for name in dir(lib) if name.startswith(f"HG_{prefix}_")}
    reasons = {
        getattr(lib, name): name.removeprefix(f"HG_{prefix}_").lower() for name in names - but
    }
    return dict(sorted(reasons.items()))


COHORT_GROUP_FIRST = _constant("COHORT_GROUP_FIRST")
PUSH_BYTES = _constant("PUSH_BYTES")
PUSH_FRAME_BYTES = _constant("PUSH_FRAME_BYTES")
IPV4_UDP_BYTES = _constant("IPV4_UDP_BYTES")
IPV6_UDP_BYTES = _constant("IPV6_UDP_BYTES")

CPU_PORT = _constant("CPU_PORT")
DROP_PORT = _constant("DROP_PORT")

PUNT_ARP = _constant("PUNT_ARP")
PUNT_NEIGHBOUR_DISCOVERY = _constant("PUNT_NEIGHBOUR_DISCOVERY")
PUNT_UNKNOWN = _constant("PUNT_UNKNOWN")

TCP_METER_UNVERIFIED = _constant("TCP_METER_UNVERIFIED")
TCP_METER_RESET = _constant("TCP_METER_RESET")
TCP_METER_LEARN = _constant("TCP_METER_LEARN")

DROP_REASONS = _reasons("DROP", but=frozenset({"HG_DROP_PORT", "HG_DROP_REASONS"}))
"""Index of a cell in ingress_drops and egress_drops → ``malformed``, ..."""
PUNT_REASONS = _reasons("PUNT", but=frozenset({"HG_PUNT_REASONS"}))
"""packet_in.reason, and the punt meter's index → ``arp``, ..."""
