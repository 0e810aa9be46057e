# SPDX-License-Identifier: Apache-2.0
"""How large a payload the links on the way carry."""

from hectograph import wire
from hectograph.core.model import Stream, Switch
from hectograph.errors import LimitExceeded


def largest_payload(switch: Switch, *, ipv6: bool) -> int:
    """That fits the client links, in bytes."""
    return switch.mtu - (wire.IPV6_UDP_BYTES if ipv6 else wire.IPV4_UDP_BYTES)


def check_segment(stream: Stream, switch: Switch, *, ipv6: bool) -> None:
    """LimitExceeded when a copy of the stream's segments would not fit a client link."""
    if stream.segment_bytes is None:
        return
    limit = largest_payload(switch, ipv6=ipv6)
    if stream.segment_bytes > limit:
        family, headers = ("IPv6", wire.IPV6_UDP_BYTES) if ipv6 else ("IPv4", wire.IPV4_UDP_BYTES)
        raise LimitExceeded(
            f"{stream.segment_bytes} bytes do not fit: switch {switch.name}'s links have an MTU of "
            f"{switch.mtu}, less {headers} bytes of {family} and UDP headers is {limit}",
            where=f"stream {stream.name} segment_bytes",
        )


def segment_bytes(stream: Stream, switch: Switch, *, ipv6: bool, pusher_mtu: int) -> int:
    """A push's payload that every link carries; LimitExceeded when the stream asks for more."""
    check_segment(stream, switch, ipv6=ipv6)
    pushable = pusher_mtu - wire.PUSH_BYTES
    if stream.segment_bytes is None:
        return min(largest_payload(switch, ipv6=ipv6), pushable)
    if stream.segment_bytes > pushable:
        raise LimitExceeded(
            f"{stream.segment_bytes} bytes do not fit: host {stream.host}'s interface has an MTU "
            f"of {pusher_mtu}, less {wire.PUSH_BYTES} bytes of push header is {pushable}",
            where=f"stream {stream.name} segment_bytes",
        )
    return stream.segment_bytes
