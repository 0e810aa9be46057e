# SPDX-License-Identifier: Apache-2.0
"""The whole desired state in memory, with the indices that make a join cheap."""

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from hectograph.core.model import Group, Host, Member, Source, Stream, Switch
from hectograph.core.records import (
    CohortNumbersRecord,
    ContentRecord,
    Edit,
    MemberRecord,
    Record,
    SecretsRecord,
    StreamRecord,
    SwitchRecord,
    TreeRecord,
)
from hectograph.errors import NotFound

_T = TypeVar("_T")

Destination = tuple[int, str, IPv4Address | IPv6Address, int, int | None]


def destination(member: Member) -> Destination:
    """What no two members of a group may have in common: where exactly the copy goes."""
    return member.port, member.mac.lower(), member.address, member.udp_port, member.vlan


class TreeState:
    """A replication tree and the members in its slots."""

    def __init__(self, record: TreeRecord) -> None:
        self.record = record
        self.members: dict[int, MemberRecord] = {}
        """By instance."""
        self.load: Counter[int] = Counter()
        """Replicas per port."""


class GroupState:
    def __init__(self, group: Group) -> None:
        self.group = group
        self.members: dict[str, MemberRecord] = {}
        self.by_destination: dict[Destination, str] = {}
        self.trees: dict[int, TreeState] = {}
        self.sources: Counter[Source] = Counter()
        """Of members that override the group's, with how many do."""

    @property
    def has_ipv6(self) -> bool:
        """May a copy be IPv6, now or after a join that needs no change of the group?"""
        return self.group.source.ipv6 is not None or self.has_ipv6_members

    @property
    def has_ipv6_members(self) -> bool:
        return any(record.member.address.version == 6 for record in self.members.values())


class SwitchState:
    def __init__(self, record: SwitchRecord) -> None:
        self.record = record
        self.trees: dict[int, TreeState] = {}
        self.member_count = 0

    @property
    def switch(self) -> Switch:
        return self.record.switch


class State:
    """Reads what edits made; changes only through apply()."""

    def __init__(self) -> None:
        self.switches: dict[str, SwitchState] = {}
        self.hosts: dict[str, Host] = {}
        self.groups: dict[str, GroupState] = {}
        self.streams: dict[str, StreamRecord] = {}
        self.secrets: dict[str, SecretsRecord] = {}
        """By switch."""
        self.contents: dict[str, ContentRecord] = {}
        self.cohort_numbers: dict[str, CohortNumbersRecord] = {}
        """By switch; absent until the first was reserved."""

    def switch(self, name: str) -> SwitchState:
        return _found(self.switches, name, "switch")

    def host(self, name: str) -> Host:
        return _found(self.hosts, name, "host")

    def group(self, name: str) -> GroupState:
        return _found(self.groups, name, "group")

    def member(self, group: str, name: str) -> MemberRecord:
        return _found(self.group(group).members, name, "member", f" in group {group}")

    def stream(self, name: str) -> StreamRecord:
        return _found(self.streams, name, "stream")

    def content(self, name: str) -> ContentRecord:
        return _found(self.contents, name, "content")

    def contents_on(self, switch: str) -> list[ContentRecord]:
        return [record for record in self.contents.values() if record.content.switch == switch]

    def contents_of(self, host: Host) -> list[ContentRecord]:
        """Those that it shall serve."""
        return [
            record
            for record in self.contents_on(host.switch)
            if record.content.hosts is None or host.name in record.content.hosts
        ]

    def groups_on(self, switch: str) -> list[GroupState]:
        return [state for state in self.groups.values() if state.group.switch == switch]

    def hosts_on(self, switch: str) -> list[Host]:
        return [host for host in self.hosts.values() if host.switch == switch]

    def streams_of(self, *, host: str | None = None, group: str | None = None) -> list[Stream]:
        return [
            record.stream
            for record in self.streams.values()
            if host in (None, record.stream.host) and group in (None, record.stream.group)
        ]

    def apply(self, edit: Edit) -> None:
        for record in edit.drops:
            self._drop(record)
        self.load(edit.puts)

    def load(self, records: Iterable[Record]) -> None:
        """Records refer only to what stands before them, or is here already."""
        for record in records:
            self._put(record)

    def _put(self, record: Record) -> None:
        match record:
            case SwitchRecord():
                name = record.switch.name
                self.switches.setdefault(name, SwitchState(record)).record = record
            case Host():
                self.hosts[record.name] = record
            case Group():
                self.groups.setdefault(record.name, GroupState(record)).group = record
            case TreeRecord():
                self._put_tree(record)
            case MemberRecord():
                self._put_member(record)
            case StreamRecord():
                self.streams[record.stream.name] = record
            case SecretsRecord():
                self.secrets[record.switch] = record
            case ContentRecord():
                self.contents[record.content.name] = record
            case CohortNumbersRecord():
                self.cohort_numbers[record.switch] = record

    def _put_tree(self, record: TreeRecord) -> None:
        trees = self.switches[record.switch].trees
        tree = trees.setdefault(record.id, TreeState(record))
        tree.record = record
        self.groups[record.group].trees[record.id] = tree

    def _put_member(self, record: MemberRecord) -> None:
        group = self.groups[record.member.group]
        if old := group.members.get(record.member.name):
            self._drop_member(old)
        tree = group.trees[record.slot.tree]
        tree.members[record.slot.instance] = record
        tree.load[record.member.port] += 1
        if record.member.source is not None:
            group.sources[record.member.source] += 1
        group.members[record.member.name] = record
        group.by_destination[destination(record.member)] = record.member.name
        self.switches[group.group.switch].member_count += 1

    def _drop(self, record: Record) -> None:
        match record:
            case SwitchRecord():
                del self.switches[record.switch.name]
            case Host():
                del self.hosts[record.name]
            case Group():
                del self.groups[record.name]
            case TreeRecord():
                del self.switches[record.switch].trees[record.id]
                del self.groups[record.group].trees[record.id]
            case MemberRecord():
                self._drop_member(record)
            case StreamRecord():
                del self.streams[record.stream.name]
            case SecretsRecord():
                del self.secrets[record.switch]
            case ContentRecord():
                del self.contents[record.content.name]
            case CohortNumbersRecord():
                del self.cohort_numbers[record.switch]

    def _drop_member(self, record: MemberRecord) -> None:
        group = self.groups[record.member.group]
        tree = group.trees[record.slot.tree]
        del tree.members[record.slot.instance]
        tree.load[record.member.port] -= 1
        if record.member.source is not None:
            group.sources -= Counter((record.member.source,))  # and forget those without any
        del group.members[record.member.name]
        self.switches[group.group.switch].member_count -= 1
        where = destination(record.member)
        if group.by_destination.get(where) == record.member.name:
            del group.by_destination[where]


def _found(things: dict[str, _T], name: str, kind: str, place: str = "") -> _T:
    try:
        return things[name]
    except KeyError:
        raise NotFound(f"there is no {kind} {name}{place}") from None
