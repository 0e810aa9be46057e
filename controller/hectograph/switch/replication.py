# SPDX-License-Identifier: Apache-2.0
"""PacketReplicationEngineEntry: multicast groups; clone sessions come later.

The groups are kept here as they were written, because the runtime knows nothing
of their metadata, and because groups that are written to a saved pipeline wait
for its commit.
"""

from collections import Counter
from collections.abc import Iterator
from errno import ENOMEM, ENOSPC

from finsy.proto import p4r

from hectograph.switch import status
from hectograph.switch.codec import canonical
from hectograph.switch.native import Switch
from hectograph.switch.values import Replica

MAX_GROUP_ID = 0xFFFF
"""standard_metadata.mcast_grp is bit<16> ..."""

MAX_INSTANCE = 0xFFFF
"""... and so is egress_rid;"""

MAX_PORT = 0x1FF
"""egress_spec is bit<9>."""


class ReplicationEngine:
    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._groups: dict[int, p4r.MulticastGroupEntry] = {}
        self._live = False

    def go_live(self) -> None:
        """The pipeline was committed, which emptied the runtime's groups: put ours there."""
        self._live = True
        for group, entry in self._groups.items():
            self._switch.insert_group(group, _replicas(entry))

    def write(
        self, update: p4r.Update.Type.ValueType, entry: p4r.PacketReplicationEngineEntry
    ) -> None:
        kind = entry.WhichOneof("type")
        if kind == "clone_session_entry":
            raise status.not_implemented("clone sessions")
        if kind is None:
            raise status.invalid("a replication engine entry that is neither group nor session")
        self._write_group(update, entry.multicast_group_entry)

    def read(self, entry: p4r.PacketReplicationEngineEntry) -> Iterator[p4r.Entity]:
        kind = entry.WhichOneof("type")
        if kind is None:
            raise status.invalid("a replication engine entry that is neither group nor session")
        if kind == "clone_session_entry":
            # There are none, so reading all of them is answered: clients that
            # empty a switch ask for groups and sessions at once.
            if entry.clone_session_entry.session_id:
                raise status.not_implemented("clone sessions")
            return
        wanted = entry.multicast_group_entry.multicast_group_id
        if wanted:
            yield _entity(self._find(wanted))
            return
        for group in sorted(self._groups):
            yield _entity(self._groups[group])

    def before(self, entry: p4r.PacketReplicationEngineEntry) -> list[p4r.Entity]:
        found = self._groups.get(entry.multicast_group_entry.multicast_group_id)
        return [] if found is None else [_entity(found)]

    def _write_group(
        self, update: p4r.Update.Type.ValueType, entry: p4r.MulticastGroupEntry
    ) -> None:
        group = entry.multicast_group_id
        if group == 0:
            raise status.invalid("multicast group 0 means no replication; ids begin at 1")
        if group > MAX_GROUP_ID:
            raise status.out_of_range(f"multicast group {group} is above {MAX_GROUP_ID}")
        if update == p4r.Update.DELETE:
            self._find(group)
            if self._live:
                self._switch.delete_group(group)
            del self._groups[group]
            return
        replicas = _replicas(entry)
        if update == p4r.Update.MODIFY:
            self._find(group)
        elif group in self._groups:
            raise status.already_exists(f"multicast group {group} exists")
        if self._live:
            self._put(update, group, replicas)
        stored = p4r.MulticastGroupEntry()
        stored.CopyFrom(entry)
        for replica in stored.replicas:
            if replica.HasField("port"):
                replica.port = canonical(replica.port)
        self._groups[group] = stored

    def _put(self, update: p4r.Update.Type.ValueType, group: int, replicas: list[Replica]) -> None:
        try:
            if update == p4r.Update.MODIFY:
                self._switch.modify_group(group, replicas)
            else:
                self._switch.insert_group(group, replicas)
        except OSError as error:
            if error.errno in (ENOSPC, ENOMEM):
                raise status.exhausted(f"multicast group {group}: no room for it") from None
            raise

    def _find(self, group: int) -> p4r.MulticastGroupEntry:
        entry = self._groups.get(group)
        if entry is None:
            raise status.not_found(f"multicast group {group} does not exist")
        return entry


def _entity(entry: p4r.MulticastGroupEntry) -> p4r.Entity:
    return p4r.Entity(
        packet_replication_engine_entry=p4r.PacketReplicationEngineEntry(
            multicast_group_entry=entry
        )
    )


def _replicas(entry: p4r.MulticastGroupEntry) -> list[Replica]:
    where = f"multicast group {entry.multicast_group_id}"
    replicas = [_replica(replica, where) for replica in entry.replicas]
    if len(set(replicas)) != len(replicas):
        (port, instance), times = Counter(replicas).most_common(1)[0]
        raise status.invalid(f"{where}: port {port}, instance {instance} is there {times} times")
    return replicas


def _replica(replica: p4r.Replica, where: str) -> Replica:
    if replica.backup_replicas:
        raise status.not_implemented(f"{where}: backup replicas")
    if replica.instance > MAX_INSTANCE:
        raise status.invalid(f"{where}: instance {replica.instance} is above {MAX_INSTANCE}")
    port = _port(replica, where)
    if port > MAX_PORT:
        raise status.out_of_range(f"{where}: port {port} is above {MAX_PORT}")
    return Replica(port, replica.instance)


def _port(replica: p4r.Replica, where: str) -> int:
    kind = replica.WhichOneof("port_kind")
    if kind is None:
        raise status.invalid(f"{where}: a replica without a port")
    if kind == "egress_port":
        return replica.egress_port  # pyright: ignore[reportDeprecated]: BMv2's clients use it
    if not replica.port:
        raise status.out_of_range(f"{where}: a replica with an empty port")
    return int.from_bytes(replica.port, "big")
