# SPDX-License-Identifier: Apache-2.0
"""PacketReplicationEngineEntry: multicast groups and clone sessions.

They are kept here as they were written, because the runtime knows nothing of
their metadata, and because those that are written to a saved pipeline wait for
its commit.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from errno import ENOMEM, ENOSPC
from typing import ClassVar, Generic, TypeVar

from finsy.proto import p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.codec import BitString
from hectograph.switch.native import Switch
from hectograph.switch.values import Replica

MAX_GROUP_ID = 0xFFFF
"""standard_metadata.mcast_grp is bit<16> ..."""

MAX_SESSION_ID = 0x7FFF
"""As in simple_switch, which has 15 bits for it."""

MAX_INSTANCE = 0xFFFF
"""... and so is egress_rid;"""

MAX_PORT = 0x1FF
"""egress_spec is bit<9>."""


_Entry = TypeVar("_Entry", p4r.MulticastGroupEntry, p4r.CloneSessionEntry)
_Update = p4r.Update.Type.ValueType


class _Entries(ABC, Generic[_Entry]):
    """All of one kind."""

    kind: ClassVar[str]
    """What a person calls one."""

    def __init__(self, switch: Switch, port: BitString) -> None:
        self._switch = switch
        self._port = port
        self._by_id: dict[int, _Entry] = {}
        self._live = False

    def go_live(self) -> None:
        self._live = True
        for number, entry in self._by_id.items():
            self._put(p4r.Update.INSERT, number, entry, self.replicas(entry))

    def write(self, update: _Update, entry: _Entry) -> None:
        number = self.number(entry)
        self._check_number(number)
        if update == p4r.Update.DELETE:
            self._find(number)
            if self._live:
                self._delete(number)
            del self._by_id[number]
            return
        replicas = self._check(entry)
        if update == p4r.Update.MODIFY:
            self._find(number)
        elif number in self._by_id:
            raise status.already_exists(f"{self.kind} {number} exists")
        if self._live:
            self._put_or_refuse(update, number, entry, replicas)
        stored = type(entry)()
        stored.CopyFrom(entry)
        for replica in stored.replicas:
            if replica.HasField("port"):
                replica.port = self._port.shown(self._port.pad(replica.port))
        self._by_id[number] = stored

    def sizes(self) -> list[int]:
        """How many replicas each has."""
        return [len(entry.replicas) for entry in self._by_id.values()]

    def read(self, entry: _Entry) -> Iterator[p4r.Entity]:
        """All of them where none is named, as they are now."""
        wanted = self.number(entry)
        found = [self._find(n) for n in ([wanted] if wanted else sorted(self._by_id))]
        return map(self.entity, found)

    def before(self, entry: _Entry) -> list[p4r.Entity]:
        found = self._by_id.get(self.number(entry))
        return [] if found is None else [self.entity(found)]

    @abstractmethod
    def number(self, entry: _Entry) -> int: ...

    @abstractmethod
    def entity(self, entry: _Entry) -> p4r.Entity: ...

    @abstractmethod
    def _check_number(self, number: int) -> None: ...

    @abstractmethod
    def _put(
        self, update: _Update, number: int, entry: _Entry, replicas: Sequence[Replica]
    ) -> None: ...

    @abstractmethod
    def _delete(self, number: int) -> None: ...

    def _check(self, entry: _Entry) -> Sequence[Replica]:
        return self.replicas(entry)

    def replicas(self, entry: _Entry) -> list[Replica]:
        where = f"{self.kind} {self.number(entry)}"
        replicas = [_replica(replica, self._port, where) for replica in entry.replicas]
        if len(set(replicas)) != len(replicas):
            (port, instance), times = Counter(replicas).most_common(1)[0]
            raise status.invalid(
                f"{where}: port {port}, instance {instance} is there {times} times"
            )
        return replicas

    def _put_or_refuse(
        self, update: _Update, number: int, entry: _Entry, replicas: Sequence[Replica]
    ) -> None:
        try:
            self._put(update, number, entry, replicas)
        except OSError as error:
            if error.errno in (ENOSPC, ENOMEM):
                raise status.exhausted(f"{self.kind} {number}: no room for it") from None
            raise

    def _find(self, number: int) -> _Entry:
        entry = self._by_id.get(number)
        if entry is None:
            raise status.not_found(f"{self.kind} {number} does not exist")
        return entry


class _Groups(_Entries[p4r.MulticastGroupEntry]):
    kind = "multicast group"

    def number(self, entry: p4r.MulticastGroupEntry) -> int:
        return entry.multicast_group_id

    def entity(self, entry: p4r.MulticastGroupEntry) -> p4r.Entity:
        engine = p4r.PacketReplicationEngineEntry(multicast_group_entry=entry)
        return p4r.Entity(packet_replication_engine_entry=engine)

    def _check_number(self, number: int) -> None:
        if number == 0:
            raise status.invalid("multicast group 0 means no replication; ids begin at 1")
        if number > MAX_GROUP_ID:
            raise status.out_of_range(f"multicast group {number} is above {MAX_GROUP_ID}")

    def _put(
        self,
        update: _Update,
        number: int,
        entry: p4r.MulticastGroupEntry,  # noqa: ARG002
        replicas: Sequence[Replica],
    ) -> None:
        modify, insert = self._switch.modify_group, self._switch.insert_group
        (modify if update == p4r.Update.MODIFY else insert)(number, replicas)

    def _delete(self, number: int) -> None:
        self._switch.delete_group(number)


class _Sessions(_Entries[p4r.CloneSessionEntry]):
    kind = "clone session"

    def number(self, entry: p4r.CloneSessionEntry) -> int:
        return entry.session_id

    def entity(self, entry: p4r.CloneSessionEntry) -> p4r.Entity:
        engine = p4r.PacketReplicationEngineEntry(clone_session_entry=entry)
        return p4r.Entity(packet_replication_engine_entry=engine)

    def _check_number(self, number: int) -> None:
        if number == 0:
            raise status.invalid("clone session 0 stands for all of them; ids begin at 1")
        if number > MAX_SESSION_ID:
            raise status.out_of_range(f"clone session {number} is above {MAX_SESSION_ID}")

    def _check(self, entry: p4r.CloneSessionEntry) -> Sequence[Replica]:
        replicas = super()._check(entry)
        where = f"clone session {entry.session_id}"
        if entry.class_of_service:
            raise status.invalid(f"{where}: v1model has no classes of service")
        if entry.packet_length_bytes < 0:
            raise status.invalid(f"{where}: a negative packet length")
        return replicas

    def _put(
        self,
        update: _Update,
        number: int,
        entry: p4r.CloneSessionEntry,
        replicas: Sequence[Replica],
    ) -> None:
        modify, insert = self._switch.modify_session, self._switch.insert_session
        put = modify if update == p4r.Update.MODIFY else insert
        put(number, replicas, entry.packet_length_bytes)

    def _delete(self, number: int) -> None:
        self._switch.delete_session(number)


class ReplicationEngine:
    def __init__(self, switch: Switch, port: BitString) -> None:
        """`port` is how clients have a replica's port."""
        self._groups = _Groups(switch, port)
        self._sessions = _Sessions(switch, port)

    def go_live(self) -> None:
        """The pipeline was committed, which starts with none in the runtime: put ours there."""
        self._groups.go_live()
        self._sessions.go_live()

    def sizes(self) -> dict[str, list[int]]:
        """Of each kind: how many replicas each one has."""
        return {each.kind: each.sizes() for each in (self._groups, self._sessions)}

    def write(self, update: _Update, entry: p4r.PacketReplicationEngineEntry) -> None:
        match entry.WhichOneof("type"):
            case "multicast_group_entry":
                self._groups.write(update, entry.multicast_group_entry)
            case "clone_session_entry":
                self._sessions.write(update, entry.clone_session_entry)
            case _:
                raise _of_no_kind()

    def read(self, entry: p4r.PacketReplicationEngineEntry) -> Iterator[p4r.Entity]:
        match entry.WhichOneof("type"):
            case "multicast_group_entry":
                return self._groups.read(entry.multicast_group_entry)
            case "clone_session_entry":
                return self._sessions.read(entry.clone_session_entry)
            case _:
                raise _of_no_kind()

    def before(self, entry: p4r.PacketReplicationEngineEntry) -> list[p4r.Entity]:
        match entry.WhichOneof("type"):
            case "clone_session_entry":
                return self._sessions.before(entry.clone_session_entry)
            case _:
                return self._groups.before(entry.multicast_group_entry)


def _of_no_kind() -> Refused:
    return status.invalid("a replication engine entry that is neither group nor session")


def _replica(replica: p4r.Replica, string: BitString, where: str) -> Replica:
    if replica.backup_replicas:
        raise status.not_implemented(f"{where}: backup replicas")
    instance = replica.instance
    if instance > MAX_INSTANCE:
        raise status.invalid(f"{where}: instance {instance} is above {MAX_INSTANCE}")
    port = _port(replica, string, where)
    if port > MAX_PORT:
        raise status.out_of_range(f"{where}: port {port} is above {MAX_PORT}")
    return Replica(port, instance)


def _port(replica: p4r.Replica, string: BitString, where: str) -> int:
    kind = replica.WhichOneof("port_kind")
    if kind is None:
        raise status.invalid(f"{where}: a replica without a port")
    if kind == "egress_port":
        return replica.egress_port  # pyright: ignore[reportDeprecated]: BMv2's clients use it
    try:
        return int.from_bytes(string.pad(replica.port), "big")
    except ValueError as error:
        raise status.out_of_range(f"{where}: a replica's port has {error}") from None
