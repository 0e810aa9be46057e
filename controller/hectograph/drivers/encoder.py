# SPDX-License-Identifier: Apache-2.0
"""Many changes as one write request: those that come by the thousand from templates."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from operator import attrgetter

import finsy
from finsy.proto import p4r

from hectograph.core.entities import (
    Change,
    MemberEntry,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    TcpMemberEntry,
    UdpMemberEntry,
)
from hectograph.drivers.codec import UPDATE_TYPES, encode_change, group_fields, member_fields
from hectograph.drivers.templates import Template

_Kind = tuple[Operation, type[MemberEntry] | type[PushGroup], int]
"""What is done, to what, of which version of IP (0: of none)."""
_ADDRESSES = IPv4Address(0), IPv6Address(0)


class Encoder:
    def __init__(self, schema: finsy.P4Schema) -> None:
        self._schema = schema
        self._templates: dict[_Kind, Template] = {}
        for operation in Operation:
            keys_only = operation is Operation.DELETE
            for address in _ADDRESSES:
                common = (0, 0, 0, 0, 0, address, address, 0, 0, 0)
                for sample in (UdpMemberEntry(*common, 0), TcpMemberEntry(*common, 0, 0, 0)):
                    widths = member_fields(sample, schema, keys_only=keys_only)
                    self._add(operation, sample, address.version, widths)
            widths = group_fields(schema, keys_only=keys_only)
            self._add(operation, PushGroup(0, 0), 0, widths)

    def _add(
        self,
        operation: Operation,
        sample: MemberEntry | PushGroup,
        version: int,
        widths: dict[str, int],
    ) -> None:
        def encode(entity: MemberEntry | PushGroup) -> bytes:
            return self._encode(Change(operation, entity))

        self._templates[operation, type(sample), version] = Template(encode, sample, widths)

    def write_request(self, changes: Sequence[Change]) -> p4r.WriteRequest:
        parts: list[bytes] = []
        for change in changes:
            entity = change.entity
            if isinstance(entity, MemberEntry):
                kind = (change.operation, type(entity), entity.src_addr.version)
                parts.append(self._templates[kind].fill(entity))
            elif isinstance(entity, PushGroup):
                parts.append(self._templates[change.operation, PushGroup, 0].fill(entity))
            else:
                parts.append(self._encode(change))
        return p4r.WriteRequest.FromString(b"".join(parts))

    def _encode(self, change: Change) -> bytes:
        """A request with this change alone; parameters in P4Info's order."""
        if isinstance(change.entity, MulticastGroup):
            update = _tree(change.operation, change.entity)
        else:
            update = encode_change(change, self._schema)
            params = update.entity.table_entry.action.action.params
            params.sort(key=attrgetter("param_id"))
        return p4r.WriteRequest(updates=[update]).SerializeToString()


def _tree(operation: Operation, group: MulticastGroup) -> p4r.Update:
    """Without finsy's detours: a tree may have thousands of replicas. Messages that follow
    one another are one message with the fields of both."""
    update = p4r.Update(type=UPDATE_TYPES[operation])
    entry = update.entity.packet_replication_engine_entry.multicast_group_entry
    entry.multicast_group_id = group.id
    if operation is not Operation.DELETE:
        entry.MergeFromString(b"".join(map(_encoded_replica, sorted(group.replicas))))
    return update


@lru_cache(1 << 16)
def _encoded_replica(replica: Replica) -> bytes:
    """The same are written again and again: with each member that comes."""
    encoded = p4r.Replica(egress_port=replica.port, instance=replica.instance)
    return p4r.MulticastGroupEntry(replicas=[encoded]).SerializeToString()
