# SPDX-License-Identifier: Apache-2.0
"""Many changes as one write request: those that come by the thousand from templates."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import finsy
from finsy.proto import p4r

from hectograph.core.entities import (
    Change,
    MemberEntry,
    MulticastGroup,
    Operation,
    TcpMemberEntry,
    UdpMemberEntry,
)
from hectograph.drivers.codec import UPDATE_TYPES, encode_change, member_fields
from hectograph.drivers.templates import Template

_NOWHERE = IPv4Address(0), IPv6Address(0)
_Kind = tuple[Operation, type[MemberEntry], int]
"""What is done, to what, of which version of IP."""


class Encoder:
    def __init__(self, schema: finsy.P4Schema) -> None:
        self._schema = schema
        self._templates: dict[_Kind, Template] = {}
        for address in _NOWHERE:
            key = (0, 0, 0, 0, 0, address, address, 0, 0, 0)
            for sample in (UdpMemberEntry(*key, 0), TcpMemberEntry(*key, 0, 0, 0)):
                for operation in Operation:
                    self._add(operation, sample)

    def _add(self, operation: Operation, sample: MemberEntry) -> None:
        def encode(entry: MemberEntry) -> bytes:
            return self._encode(Change(operation, entry))

        widths = member_fields(sample, self._schema, keys_only=operation is Operation.DELETE)
        kind = (operation, type(sample), sample.src_addr.version)
        self._templates[kind] = Template(encode, sample, widths)

    def write_request(self, changes: Sequence[Change]) -> p4r.WriteRequest:
        """Messages that follow one another are one message with the fields of both."""
        parts: list[bytes] = []
        for change in changes:
            entity = change.entity
            if isinstance(entity, MemberEntry):
                kind = (change.operation, type(entity), entity.src_addr.version)
                parts.append(self._templates[kind].fill(entity))
            else:
                parts.append(self._encode(change))
        return p4r.WriteRequest.FromString(b"".join(parts))

    def _encode(self, change: Change) -> bytes:
        """A request with this change alone."""
        match change:
            case Change(Operation.INSERT | Operation.MODIFY, MulticastGroup() as group):
                update = _tree(UPDATE_TYPES[change.operation], group)
            case _:
                update = encode_change(change, self._schema)
        return p4r.WriteRequest(updates=[update]).SerializeToString()


def _tree(kind: p4r.Update.Type.ValueType, group: MulticastGroup) -> p4r.Update:
    """Without finsy's detours: a tree may have thousands of replicas."""
    update = p4r.Update(type=kind)
    entry = update.entity.packet_replication_engine_entry.multicast_group_entry
    entry.multicast_group_id = group.id
    add = entry.replicas.add
    for port, instance in sorted(group.replicas):
        add(egress_port=port, instance=instance)
    return update
