# SPDX-License-Identifier: Apache-2.0
"""What is read of a switch, as our entities.

Entries and trees come by the thousand, and others wait meanwhile: they are taken from
their messages without finsy, which needs six times as long. Everything else is finsy's.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import finsy
from finsy import p4entity
from finsy.proto import p4r

from hectograph.core.entities import (
    ContentAddress,
    Entity,
    FlowSecrets,
    HostPort,
    MemberEntry,
    MulticastGroup,
    PuntMeter,
    PushGroup,
    Replica,
    Service,
    ServiceHost,
    TcpMemberEntry,
    TcpMeter,
    UdpMemberEntry,
)
from hectograph.core.status import CounterValue
from hectograph.drivers.codec import PUNT_METER, SECRETS_TABLE

Numbers = dict[str, int]
"""By name: the fields of a key, the parameters of an action."""


class TableEntry(NamedTuple):
    """Of a table whose fields are all exact."""

    table: str
    key: Numbers
    action: str
    args: Numbers
    counter: CounterValue
    """Zeros where none was asked for."""


class Decoder:
    def __init__(self, schema: finsy.P4Schema) -> None:
        self._schema = schema
        self._tables = {
            table.id: (table.alias, {field.id: field.alias for field in table.match_fields})
            for table in schema.tables
        }
        self._actions = {
            action.id: (action.alias, {param.id: param.name for param in action.params})
            for action in schema.actions
        }

    def entity(self, message: p4r.Entity) -> Entity | None:
        """None for what is no business of ours: const and default entries, idle meters."""
        match message.WhichOneof("entity"):
            case "table_entry" if not message.table_entry.is_default_action:
                return _entity_of(self.entry(message))
            case "packet_replication_engine_entry":
                entry = message.packet_replication_engine_entry.multicast_group_entry
                return MulticastGroup(
                    entry.multicast_group_id, frozenset(map(_replica, entry.replicas))
                )
            case _:
                return self._other(message)

    def entry(self, message: p4r.Entity) -> TableEntry:
        """Of an entry that is no default."""
        entry = message.table_entry
        table, fields = self._tables[entry.table_id]
        action, params = self._actions[entry.action.action.action_id]
        data = entry.counter_data
        return TableEntry(
            table,
            {fields[each.field_id]: int.from_bytes(each.exact.value) for each in entry.match},
            action,
            {
                params[each.param_id]: int.from_bytes(each.value)
                for each in entry.action.action.params
            },
            CounterValue(data.packet_count, data.byte_count),
        )

    def _other(self, message: p4r.Entity) -> Entity | None:
        decoded = p4entity.decode_entity(message, self._schema)
        match decoded:
            case finsy.P4TableEntry(table_id=table, action=finsy.P4TableAction() as action):
                return FlowSecrets(**action.args) if table == SECRETS_TABLE else None
            case finsy.P4MeterEntry(index=int(index), config=finsy.P4MeterConfig() as config):
                kind = PuntMeter if decoded.meter_id == PUNT_METER else TcpMeter
                return kind(index, config.pir, config.pburst)
            case _:
                return None


def _entity_of(entry: TableEntry) -> Entity | None:
    key, args = entry.key, entry.args
    match entry.table:
        case "host_port":
            return HostPort(key["ingress_port"])
        case "push_group":
            return PushGroup(key["group"], args["multicast_group"])
        case "member":
            return _member(entry)
        case "service":
            return Service(IPv6Address(key["address"]), key["port"], **args)
        case "content_address":
            return ContentAddress(IPv6Address(key["address"]), **args)
        case "service_host":
            return ServiceHost(key["host_set"], key["bucket"], **args)
        case _:
            return None


def _member(entry: TableEntry) -> MemberEntry:
    protocol, version = entry.action.split("_ipv")
    address = IPv4Address if version == "4" else IPv6Address
    args = entry.args | entry.key
    source, destination = address(args.pop("src_addr")), address(args.pop("dst_addr"))
    if protocol == "tcp":
        return TcpMemberEntry(src_addr=source, dst_addr=destination, **args)
    if version == "4":
        args["hop_limit"] = args.pop("ttl")
    return UdpMemberEntry(src_addr=source, dst_addr=destination, **args)


def _replica(replica: p4r.Replica) -> Replica:
    if replica.port:
        return Replica(int.from_bytes(replica.port), replica.instance)
    return Replica(replica.egress_port, replica.instance)  # pyright: ignore[reportDeprecated]: BMv2's
