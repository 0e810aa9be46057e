# SPDX-License-Identifier: Apache-2.0
"""What stands on a switch, as values of our own: the drivers put it in their protocol's words."""

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple


class Replica(NamedTuple):
    """One copy that a replication tree makes."""

    port: int
    instance: int


@dataclass(frozen=True, slots=True)
class HostPort:
    """Table host_port: pushes are accepted from here."""

    port: int


@dataclass(frozen=True, slots=True)
class PushGroup:
    """Table push_group: pushes to `group` are replicated by a tree."""

    group: int
    multicast_group: int


@dataclass(frozen=True, slots=True)
class MemberEntry:
    """Table member: the headers of the copy in slot (group, instance)."""

    group: int
    instance: int
    dst_mac: int
    src_mac: int
    vlan_tci: int
    src_addr: IPv4Address | IPv6Address
    dst_addr: IPv4Address | IPv6Address
    src_port: int
    dst_port: int
    member_sum: int
    """hectograph.core.checksum"""


@dataclass(frozen=True, slots=True)
class UdpMemberEntry(MemberEntry):
    """The copy is a datagram."""

    hop_limit: int


@dataclass(frozen=True, slots=True)
class TcpMemberEntry(MemberEntry):
    """The copy is a segment; its sequence number is the base plus the push's offset."""

    sequence_base: int
    ack_no: int
    window: int


@dataclass(frozen=True, slots=True)
class MulticastGroup:
    """A replication tree."""

    id: int
    replicas: frozenset[Replica]


@dataclass(frozen=True, slots=True)
class PuntMeter:
    """The cell of the punt meter for one reason (RFC 2698, in packets and packets/s)."""

    reason: int
    rate: int
    burst: int


@dataclass(frozen=True, slots=True)
class Service:
    """Table service: which content a TCP client asks for, by where it connected."""

    address: IPv6Address
    """IPv4 as ::ffff:a.b.c.d."""
    port: int
    content: int
    response_length: int
    host_set: int


@dataclass(frozen=True, slots=True)
class ContentAddress:
    """Table content_address: the switch answers ARP, neighbour discovery and ping for it."""

    address: IPv6Address
    mac: int
    host_set: int


@dataclass(frozen=True, slots=True)
class ServiceHost:
    """Table service_host: the host that answers the flows of one bucket."""

    host_set: int
    bucket: int
    port: int
    host_mac: int


@dataclass(frozen=True, slots=True)
class FlowSecrets:
    """Table flow_secrets' default action."""

    current: int = field(repr=False)
    previous: int = field(repr=False)
    epoch: int
    previous_epoch: int
    mss: int
    number: int


@dataclass(frozen=True, slots=True)
class TcpMeter:
    """A cell of the meter for what TCP clients send unasked (packets and packets/s)."""

    index: int
    rate: int
    burst: int


TcpEntity = Service | ContentAddress | ServiceHost | FlowSecrets | TcpMeter
"""What stateless TCP needs on a switch."""
Entity = HostPort | PushGroup | MemberEntry | MulticastGroup | PuntMeter | TcpEntity

Key = tuple[type[Entity], int, int]
"""What identifies an entity on its switch."""


def key(entity: Entity) -> Key:
    match entity:
        case HostPort():
            return HostPort, entity.port, 0
        case PushGroup():
            return PushGroup, entity.group, 0
        case MemberEntry():
            return MemberEntry, entity.group, entity.instance
        case MulticastGroup():
            return MulticastGroup, entity.id, 0
        case PuntMeter():
            return PuntMeter, entity.reason, 0
        case Service():
            return Service, int(entity.address), entity.port
        case ContentAddress():
            return ContentAddress, int(entity.address), 0
        case ServiceHost():
            return ServiceHost, entity.host_set, entity.bucket
        case FlowSecrets():
            return FlowSecrets, 0, 0
        case TcpMeter():
            return TcpMeter, entity.index, 0


class Operation(Enum):
    """P4Runtime's update types."""

    INSERT = "insert"
    MODIFY = "modify"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    operation: Operation
    entity: Entity
    """Of a deletion only the key counts."""


class Tables:
    """Everything on one switch that a controller answers for; planned or read."""

    def __init__(self) -> None:
        self.host_ports: set[int] = set()
        self.push_groups: dict[int, int] = {}
        self.members: dict[int, dict[int, MemberEntry]] = {}
        """By tree and instance."""
        self.trees: dict[int, frozenset[Replica]] = {}
        self.meters: dict[int, PuntMeter] = {}
        self.tcp: dict[Key, TcpEntity] = {}
        self.undecided: set[Key] = set()
        """Of a plan: what shall stay as it is, whatever that is."""

    def put(self, entity: Entity) -> None:
        match entity:
            case HostPort():
                self.host_ports.add(entity.port)
            case PushGroup():
                self.push_groups[entity.group] = entity.multicast_group
            case MemberEntry():
                self.members.setdefault(entity.group, {})[entity.instance] = entity
            case MulticastGroup():
                self.trees[entity.id] = entity.replicas
            case PuntMeter():
                self.meters[entity.reason] = entity
            case _:
                self.tcp[key(entity)] = entity

    def drop(self, entity: Entity) -> None:
        match entity:
            case HostPort():
                self.host_ports.discard(entity.port)
            case PushGroup():
                self.push_groups.pop(entity.group, None)
            case MemberEntry():
                entries = self.members.get(entity.group, {})
                entries.pop(entity.instance, None)
                if not entries:
                    self.members.pop(entity.group, None)
            case MulticastGroup():
                self.trees.pop(entity.id, None)
            case PuntMeter():
                self.meters.pop(entity.reason, None)
            case _:
                self.tcp.pop(key(entity), None)

    def apply(self, change: Change) -> None:
        """The change was made on the switch."""
        if change.operation is Operation.DELETE:
            self.drop(change.entity)
        else:
            self.put(change.entity)

    def tree_ids(self) -> set[int]:
        """Every pipeline group that anything here speaks of."""
        return self.push_groups.keys() | self.members.keys() | self.trees.keys()
