# SPDX-License-Identifier: Apache-2.0
"""Our entities in P4Runtime's words, and its digests in ours; names as in the pipeline's
P4Info. encoder.py writes many, decoder.py reads."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from ipaddress import IPv4Address, IPv6Address
from typing import Any, cast

import finsy
from finsy import p4entity
from finsy.proto import p4r

from hectograph.core.entities import (
    Change,
    ContentAddress,
    Entity,
    FlowSecrets,
    HostPort,
    MemberEntry,
    MulticastGroup,
    Operation,
    PuntMeter,
    PushGroup,
    Service,
    ServiceHost,
    TcpMemberEntry,
    TcpMeter,
)
from hectograph.core.flows import FlowKey, FlowState

TABLES = ("host_port", "push_group", "member", "service", "content_address", "service_host")
SECRETS_TABLE = "flow_secrets"
"""Without a key: its default action holds them."""
PUNT_METER = "punt_meter"
TCP_METER = "tcp_meter"
MEMBER_KEY = ("group", "instance")
METERS = (PUNT_METER, TCP_METER)
HANDSHAKES = "learnt_flow_t"
"""The digest."""

UPDATE_TYPES = {
    Operation.INSERT: p4r.Update.INSERT,
    Operation.MODIFY: p4r.Update.MODIFY,
    Operation.DELETE: p4r.Update.DELETE,
}


def encode_change(change: Change, schema: finsy.P4Schema) -> p4r.Update:
    entity = _encode(change.entity, keys_only=change.operation is Operation.DELETE)
    return p4r.Update(type=UPDATE_TYPES[change.operation], entity=entity.encode(schema))


def _encode(entity: Entity, *, keys_only: bool) -> p4entity.P4Entity:
    match entity:
        case HostPort():
            return finsy.P4TableEntry(
                "host_port",
                match=finsy.P4TableMatch(ingress_port=entity.port),
                action=None if keys_only else finsy.P4TableAction("is_host"),
            )
        case PushGroup():
            return finsy.P4TableEntry(
                "push_group",
                match=finsy.P4TableMatch(group=entity.group),
                action=None
                if keys_only
                else finsy.P4TableAction("replicate", multicast_group=entity.multicast_group),
            )
        case MemberEntry():
            return finsy.P4TableEntry(
                "member",
                match=finsy.P4TableMatch(group=entity.group, instance=entity.instance),
                action=None if keys_only else _member_action(entity),
            )
        case MulticastGroup():
            replicas = () if keys_only else sorted(entity.replicas)
            return finsy.P4MulticastGroupEntry(entity.id, replicas=replicas)
        case PuntMeter():
            config = _meter_config(entity)
            return finsy.P4MeterEntry(PUNT_METER, index=entity.reason, config=config)
        case TcpMeter():
            config = _meter_config(entity)
            return finsy.P4MeterEntry(TCP_METER, index=entity.index, config=config)
        case Service():
            return finsy.P4TableEntry(
                "service",
                match=finsy.P4TableMatch(address=int(entity.address), port=entity.port),
                action=None
                if keys_only
                else finsy.P4TableAction(
                    "serve",
                    content=entity.content,
                    response_length=entity.response_length,
                    host_set=entity.host_set,
                ),
            )
        case ContentAddress():
            return finsy.P4TableEntry(
                "content_address",
                match=finsy.P4TableMatch(address=int(entity.address)),
                action=None
                if keys_only
                else finsy.P4TableAction("own_address", mac=entity.mac, host_set=entity.host_set),
            )
        case ServiceHost():
            return finsy.P4TableEntry(
                "service_host",
                match=finsy.P4TableMatch(host_set=entity.host_set, bucket=entity.bucket),
                action=None
                if keys_only
                else finsy.P4TableAction("to_host", port=entity.port, host_mac=entity.host_mac),
            )
        case FlowSecrets():
            action = finsy.P4TableAction("set_secrets", **asdict(entity))
            return finsy.P4TableEntry(SECRETS_TABLE, action=action, is_default_action=True)


def _meter_config(entity: PuntMeter | TcpMeter) -> finsy.P4MeterConfig:
    return finsy.P4MeterConfig(
        cir=entity.rate, cburst=entity.burst, pir=entity.rate, pburst=entity.burst
    )


def _member_action(entry: MemberEntry) -> finsy.P4TableAction:
    """Parameters are called as the entry's fields are, but for IPv4's time to live."""
    names = (field.name for field in fields(entry) if field.name not in MEMBER_KEY)
    args = {name: getattr(entry, name) for name in names}
    args |= {"src_addr": int(entry.src_addr), "dst_addr": int(entry.dst_addr)}
    action = _member_action_name(entry)
    if action == "udp_ipv4":
        args["ttl"] = args.pop("hop_limit")
    return finsy.P4TableAction(action, **args)


def _member_action_name(entry: MemberEntry) -> str:
    protocol = "tcp" if isinstance(entry, TcpMemberEntry) else "udp"
    return f"{protocol}_ipv{entry.src_addr.version}"


def group_fields(schema: finsy.P4Schema, *, keys_only: bool) -> dict[str, int]:
    """Of an entry of push_group, those fields that are encoded, and their widths in bits."""
    widths = {"group": schema.tables["push_group"].match_fields["group"].bitwidth}
    if not keys_only:
        widths["multicast_group"] = schema.actions["replicate"].params["multicast_group"].bitwidth
    return widths


def member_fields(entry: MemberEntry, schema: finsy.P4Schema, *, keys_only: bool) -> dict[str, int]:
    """The same of such an entry of table member."""
    widths = {name: schema.tables["member"].match_fields[name].bitwidth for name in MEMBER_KEY}
    if not keys_only:
        params = schema.actions[_member_action_name(entry)].params
        widths |= {
            "hop_limit" if param.name == "ttl" else param.name: param.bitwidth for param in params
        }
    return widths


def decode_handshakes(digests: finsy.P4DigestList) -> list[FlowState]:
    """From p4/v1model/flow_learning.p4."""
    return [_flow(cast("dict[str, Any]", digest)) for digest in digests]


def _flow(learnt: Mapping[str, Any]) -> FlowState:
    return FlowState(
        key=FlowKey(
            client=_address(learnt["client_addr"]),
            client_port=learnt["client_port"],
            service=_address(learnt["service_addr"]),
            service_port=learnt["service_port"],
        ),
        content=learnt["content"],
        port=learnt["ingress_port"],
        client_mac=learnt["client_mac"].to_bytes(6).hex(":"),
        service_mac=learnt["service_mac"].to_bytes(6).hex(":"),
        secret=learnt["secret"],
        constants=learnt["constants"],
        acknowledgement=learnt["seq_no"],
        vlan_tci=learnt["vlan_tci"],
    )


def _address(number: int) -> IPv4Address | IPv6Address:
    address = IPv6Address(number)
    return address.ipv4_mapped or address
