# SPDX-License-Identifier: Apache-2.0
"""Well-formed objects; a test changes what it is about with dataclasses.replace()."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from hectograph.core.contents import ContentPhase, ContentSpec, ContentState
from hectograph.core.model import (
    Addressing,
    Content,
    FileSource,
    Group,
    Host,
    Member,
    Rate,
    Source,
    Stream,
    Switch,
)
from hectograph.core.records import FileVersion

SWITCH = Switch("s1", "127.0.0.1:9559", 0, "embedded", frozenset({1}))
SOURCE = Source("02:00:00:00:00:01", IPv4Address("198.51.100.1"), IPv6Address("2001:db8::1"), 5000)
GROUP = Group("g", "s1", SOURCE)
HOST = Host("h1", "/run/hectograph/pusher.sock", "s1", 1)
STREAM = Stream("film", "h1", "g", FileSource("/srv/film"), Rate(packets_per_second=1000))
ADDRESSING = Addressing(
    "02:00:00:00:00:aa", IPv6Network("2001:db8:1::/64"), IPv4Address("198.51.100.7")
)
SERVING_SWITCH = replace(SWITCH, host_ports=frozenset({1, 9}), addressing=ADDRESSING)
CONTENT = Content("film", "s1", FileSource("/srv/film"))
VERSION = FileVersion("/srv/film", 1000, 1_700_000_000_000_000_000, 1, "0" * 64)


def hosted(number: int, phase: ContentPhase) -> ContentState:
    """A content of VERSION on some host."""
    spec = ContentSpec(number, VERSION.path, VERSION.sha256, CONTENT.type, 1_700_000_000)
    error = "withdrawn" if phase is ContentPhase.WITHDRAWN else ""
    return ContentState(spec, phase, 1000, 1280, 1280, 0, error)


def member(index: int, *, group: str = "g", port: int | None = None) -> Member:
    """Number `index` of a group: half IPv4, half IPv6, on ports 2 to 9 in turn."""
    address = IPv4Address("203.0.113.0") if index % 2 else IPv6Address("2001:db8:1::")
    return Member(
        group=group,
        name=f"m{index}",
        port=2 + index % 8 if port is None else port,
        mac=f"02:00:00:01:{index >> 8:02x}:{index & 0xFF:02x}",
        address=address + index,
        udp_port=6000,
    )
