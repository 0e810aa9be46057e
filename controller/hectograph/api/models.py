# SPDX-License-Identifier: Apache-2.0
"""The desired state as JSON: strictly checked, and turned into the values of core/model.py.

Types and ranges are checked here, because they are the API's own description; what
values mean, alone and together (core/validate.py), the service checks.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from hectograph.api.fields import (
    AbsolutePath,
    Address,
    Flag,
    Ipv4,
    Ipv6,
    Ipv6Prefix,
    Mac,
    Model,
    Name,
    Port,
    Ports,
    Positive,
    TransportPort,
)
from hectograph.core import model
from hectograph.core.profiles import PIPELINE_MEMBERS, PROFILES
from hectograph.core.validate import MAX_MTU, MIN_MTU


def stream_source(value: object) -> object:
    """The core tells its sources apart by class, JSON by ``kind``."""
    if isinstance(value, model.FileSource):
        return FileSource(path=value.path)
    if isinstance(value, model.UdpSource):
        return UdpSource.model_validate(value, from_attributes=True)
    return value


class AddressingSpec(Model):
    """Where a switch's contents are found; ipv6, ipv4 or both."""

    mac: Mac
    """Of all their addresses."""
    ipv6: Ipv6Prefix | None = None
    """Each content has an address of its own in it, and port 80."""
    ipv4: Ipv4 | None = None
    """All contents share it, each with a port of its own."""
    ipv4_first_port: TransportPort = 8001

    def to_model(self) -> model.Addressing:
        return model.Addressing(self.mac, self.ipv6, self.ipv4, self.ipv4_first_port)


class TlsSpec(Model):
    """A connection that is encrypted: PEM files on the controller's machine, read anew for
    each connection."""

    ca: AbsolutePath
    """Signs the switch's certificate."""
    certificate: AbsolutePath | None = None
    """What the controller shows to a switch that wants to know; with its key, or neither."""
    key: AbsolutePath | None = None

    def to_model(self) -> model.Tls:
        return model.Tls(self.ca, self.certificate, self.key)


HostAndPort = Annotated[str, Field(pattern=r"^[^\s/]+:[0-9]{1,5}$", max_length=260)]


class SwitchSpec(Model):
    address: Annotated[str, Field(pattern=r"^([^\s/]+:[0-9]{1,5}|unix:/\S+)$", max_length=260)]
    """Where the switch serves P4Runtime: ``host:port``, or ``unix:/path`` of its socket."""
    device_id: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 1
    profile: Annotated[Name, Field(json_schema_extra={"enum": [*PROFILES]})] = "embedded"
    """Its target profile: what it can hold and do."""
    host_ports: Ports
    """Ports that pushes are accepted from."""
    mtu: Annotated[int, Field(strict=True, ge=MIN_MTU, le=MAX_MTU)] = 1500
    """Of its client links, bytes."""
    ports: Ports | None = None
    """Ports that exist, which P4Runtime cannot tell; null takes any number for one."""
    addressing: AddressingSpec | None = None
    """Of its contents; null: it has none."""
    tls: TlsSpec | None = None
    """null: P4Runtime in the clear."""
    metrics: HostAndPort | None = None
    """The embedded switch's own, which tell what its ports lose, ``host:port``; null: not read."""

    def to_model(self, name: str) -> model.Switch:
        return model.Switch(
            name=name,
            address=self.address,
            device_id=self.device_id,
            profile=self.profile,
            host_ports=frozenset(self.host_ports),
            mtu=self.mtu,
            ports=None if self.ports is None else frozenset(self.ports),
            addressing=None if self.addressing is None else self.addressing.to_model(),
            tls=None if self.tls is None else self.tls.to_model(),
            metrics=self.metrics,
        )


class HostSpec(Model):
    control: Annotated[AbsolutePath, Field(max_length=107)]
    """Path of its pusher's control socket."""
    switch: Name
    port: Port
    """The switch port that its pushes arrive on; one of the switch's host_ports."""

    def to_model(self, name: str) -> model.Host:
        return model.Host(name=name, control=self.control, switch=self.switch, port=self.port)


class Source(Model):
    """What a replica says it comes from; ipv4, ipv6 or both."""

    mac: Mac
    ipv4: Ipv4 | None = None
    ipv6: Ipv6 | None = None
    udp_port: TransportPort

    def to_model(self) -> model.Source:
        return model.Source(self.mac, self.ipv4, self.ipv6, self.udp_port)


class GroupSpec(Model):
    switch: Name
    source: Source
    split: Flag = False
    """May be made of several replication trees, each pushed to separately, where the
    target would lose copies of one large one."""

    def to_model(self, name: str) -> model.Group:
        return model.Group(name, self.switch, self.source.to_model(), self.split)


class MemberSpec(Model):
    port: Port
    """The switch port that its link is on."""
    mac: Mac
    address: Address
    udp_port: TransportPort
    vlan: Annotated[int, Field(strict=True, ge=1, le=4094)] | None = None
    """802.1Q VLAN id; null sends untagged."""
    priority: Annotated[int, Field(strict=True, ge=0, le=7)] = 0
    """802.1Q priority code point; only with a VLAN."""
    hop_limit: Annotated[int, Field(strict=True, ge=1, le=255)] = 64
    source: Source | None = None
    """Overrides the group's."""

    def to_model(self, group: str, name: str) -> model.Member:
        return model.Member(
            group=group,
            name=name,
            port=self.port,
            mac=self.mac,
            address=self.address,
            udp_port=self.udp_port,
            vlan=self.vlan,
            priority=self.priority,
            hop_limit=self.hop_limit,
            source=self.source.to_model() if self.source else None,
        )


class NamedMember(MemberSpec):
    name: Name


class MemberSet(Model):
    """The whole of a group's members."""

    items: Annotated[list[NamedMember], Field(max_length=PIPELINE_MEMBERS, fail_fast=True)]

    def to_model(self, group: str) -> list[model.Member]:
        return [member.to_model(group, member.name) for member in self.items]


class FileSource(Model):
    kind: Literal["file"] = "file"
    path: AbsolutePath
    """As the pusher sees it. A regular file; a stream may also read a FIFO as it comes."""

    def to_model(self) -> model.FileSource:
        return model.FileSource(self.path)


class UdpSource(Model):
    kind: Literal["udp"] = "udp"
    address: Address
    """Datagrams that arrive here are pushed as they are, one segment each."""
    port: TransportPort
    multicast_interface: Annotated[str, Field(pattern=r"^[^\s/\x00]{1,15}$")] | None = None
    """Where a multicast address is joined."""

    def to_model(self) -> model.UdpSource:
        return model.UdpSource(self.address, self.port, self.multicast_interface)


class Rate(Model):
    """Exactly one of the two."""

    bits_per_second: Positive | None = None
    """Of payload."""
    packets_per_second: Positive | None = None
    """Pushes."""

    def to_model(self) -> model.Rate:
        return model.Rate(self.bits_per_second, self.packets_per_second)


class StreamSpec(Model):
    host: Name
    group: Name
    source: Annotated[
        Annotated[FileSource | UdpSource, Field(discriminator="kind")],
        BeforeValidator(stream_source),
    ]
    rate: Rate
    segment_bytes: Annotated[int, Field(strict=True, ge=1, le=MAX_MTU)] | None = None
    """Payload of a push; null takes the largest that every link carries."""
    content: Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)] = 0
    """The push header's content."""
    loop: Flag = False

    def to_model(self, name: str) -> model.Stream:
        return model.Stream(
            name=name,
            host=self.host,
            group=self.group,
            source=self.source.to_model(),
            rate=self.rate.to_model(),
            segment_bytes=self.segment_bytes,
            content=self.content,
            loop=self.loop,
        )
