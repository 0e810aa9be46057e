# SPDX-License-Identifier: Apache-2.0
"""The desired state: what an operator asked for, as frozen values.

A name is 1 to 63 characters of ``[a-z0-9-]``, beginning and ending with a letter
or digit (RFC 1123's label), unique among its kind (a member's: in its group).
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network


@dataclass(frozen=True, slots=True)
class Addressing:
    """Where a switch's contents are found; at least one of the two families."""

    mac: str
    """Of all their addresses."""
    ipv6: IPv6Network | None
    """Each content has an address of its own in it, and port 80."""
    ipv4: IPv4Address | None = None
    """All contents share it, each with a port of its own."""
    ipv4_first_port: int = 8001


@dataclass(frozen=True, slots=True)
class Tls:
    """A connection that is encrypted: files in PEM form, absolute paths."""

    ca: str
    """Signs the switch's certificate."""
    certificate: str | None = None
    """What the controller shows, with its key, to a switch that wants to know."""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """A P4 switch that the controller programs over P4Runtime."""

    name: str
    address: str
    """gRPC target, ``host:port``."""
    device_id: int
    profile: str
    """Name of its target profile: ``embedded`` or ``bmv2``."""
    host_ports: frozenset[int]
    """Ports that pushes are accepted from."""
    mtu: int = 1500
    """Of its client links, bytes; bounds a stream's segments."""
    ports: frozenset[int] | None = None
    """Ports that exist, as far as the operator says: P4Runtime cannot tell. With None
    any port that the pipeline can name, 1 to 509, is taken for one."""
    addressing: Addressing | None = None
    """Of its contents; None: it has none."""
    tls: Tls | None = None
    """None: P4Runtime in the clear."""
    metrics: str | None = None
    """Where the embedded switch tells what its ports lose, ``host:port``; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a replica says it comes from."""

    mac: str
    """``02:00:00:00:00:01``"""
    ipv4: IPv4Address | None
    ipv6: IPv6Address | None
    udp_port: int


@dataclass(frozen=True, slots=True)
class Group:
    """Who gets the copies of one push."""

    name: str
    switch: str
    source: Source
    split: bool = False
    """May be made of several replication trees, each pushed to separately, where
    the target's profile would lose copies of one large one."""


@dataclass(frozen=True, slots=True)
class Member:
    """One client flow in a group."""

    group: str
    name: str
    port: int
    """The switch port its link is on."""
    mac: str
    address: IPv4Address | IPv6Address
    udp_port: int
    vlan: int | None = None
    """802.1Q VLAN id 1 to 4094; None sends untagged."""
    priority: int = 0
    """802.1Q priority code point, 0 to 7; only with a VLAN."""
    hop_limit: int = 64
    source: Source | None = None
    """Overrides the group's source; the field of the member's own address family counts."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that pushes: its pusher's control socket and where it is plugged in."""

    name: str
    control: str
    """Path of the pusher's Unix socket."""
    switch: str
    port: int
    """The switch port its pushes arrive on; one of the switch's host_ports."""


@dataclass(frozen=True, slots=True)
class FileSource:
    path: str
    """As the pusher sees it: absolute."""


@dataclass(frozen=True, slots=True)
class UdpSource:
    address: IPv4Address | IPv6Address
    port: int
    multicast_interface: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Exactly one of the two is set."""

    bits_per_second: int | None = None
    packets_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """What is being pushed where."""

    name: str
    host: str
    group: str
    source: FileSource | UdpSource
    rate: Rate
    segment_bytes: int | None = None
    """Payload of a push; None takes the largest that every link carries."""
    content: int = 0
    loop: bool = False


@dataclass(frozen=True, slots=True)
class UrlSource:
    """What is fetched into the controller's store; ``http://`` or ``https://``."""

    url: str = field(repr=False)
    """May have a password in it."""


@dataclass(frozen=True, slots=True)
class Content:
    """An immutable byte string that TCP clients download from an address of its own."""

    name: str
    switch: str
    source: FileSource | UrlSource
    sha256: str | None = None
    """What it must be, 64 digits of [0-9a-f]; None takes what it is."""
    type: str = "application/octet-stream"
    """Media type."""
    hosts: frozenset[str] | None = None
    """Who serves it; None: every host of the switch."""
