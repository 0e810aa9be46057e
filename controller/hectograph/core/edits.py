# SPDX-License-Identifier: Apache-2.0
"""From what an operator asks to the edit that does it, or the reason why it cannot be.

Every function here is pure: it reads the state and returns an Edit (empty when the
state is so already), or raises InvalidInput, LimitExceeded, NotFound or Conflict.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from hectograph.core import validate
from hectograph.core.links import check_segment
from hectograph.core.model import Group, Host, Member, Source, Stream, Switch
from hectograph.core.placement import Placement
from hectograph.core.profiles import profile
from hectograph.core.records import ContentRecord, Edit, StreamRecord, SwitchRecord
from hectograph.core.state import Destination, GroupState, State, SwitchState, destination
from hectograph.errors import Conflict, InvalidInput, LimitExceeded


def put_switch(state: State, switch: Switch) -> Edit:
    validate.check_switch(switch)
    old = state.switches.get(switch.name)
    if old is None:
        return Edit(puts=(SwitchRecord(switch),))
    if old.switch == switch:
        return Edit()
    for host in state.hosts_on(switch.name):
        _check_host_port(switch, host)
    for group in state.groups_on(switch.name):
        for record in group.members.values():
            _check_member_port(switch, record.member)
        for stream in state.streams_of(group=group.group.name):
            check_segment(stream, switch, ipv6=group.has_ipv6)
    _check_profile(old, switch)
    if switch.addressing != old.switch.addressing:
        _check_unused(_content_names(state.contents_on(switch.name)), f"switch {switch.name}")
    return Edit(puts=(replace(old.record, switch=switch),))


def delete_switch(state: State, name: str) -> Edit:
    record = state.switch(name).record
    users = [f"host {host.name}" for host in state.hosts_on(name)]
    users += [f"group {group.group.name}" for group in state.groups_on(name)]
    users += _content_names(state.contents_on(name))
    _check_unused(users, f"switch {name}")
    kept = (state.secrets.get(name), state.cohort_numbers.get(name))
    return Edit(drops=(*(each for each in kept if each is not None), record))


def put_host(state: State, host: Host) -> Edit:
    validate.check_host(host)
    _check_host_port(state.switch(host.switch).switch, host)
    for other in state.hosts.values():
        if other.name != host.name and other.control == host.control:
            raise Conflict(
                f"{host.control} is host {other.name}'s pusher", where=f"host {host.name} control"
            )
    old = state.hosts.get(host.name)
    if old is not None and old.switch != host.switch:
        _check_unused(_users_of(state, host.name), f"host {host.name}")
    return Edit() if old == host else Edit(puts=(host,))


def delete_host(state: State, name: str) -> Edit:
    host = state.host(name)
    _check_unused(_users_of(state, name), f"host {name}")
    return Edit(drops=(host,))


def put_group(state: State, group: Group) -> Edit:
    validate.check_group(group)
    switch = state.switch(group.switch)
    old = state.groups.get(group.name)
    if old is None:
        return Edit(puts=(group,))
    if old.group == group:
        return Edit()
    if old.group.switch != group.switch:
        raise Conflict(
            f"it is on switch {old.group.switch}; delete it first",
            where=f"group {group.name} switch",
        )
    for record in old.members.values():
        _check_source(group.source, record.member)
    ipv6 = group.source.ipv6 is not None or old.has_ipv6_members
    for stream in state.streams_of(group=group.name):
        check_segment(stream, switch.switch, ipv6=ipv6)
    placement = Placement(switch, old, split=group.split)
    placement.settle(old.members.values())
    placed = placement.edit()
    return Edit(placed.drops, (group, *placed.puts))


def delete_group(state: State, name: str) -> Edit:
    group = state.group(name)
    _check_unused(_stream_names(state.streams_of(group=name)), f"group {name}")
    trees = (tree.record for tree in group.trees.values())
    return Edit(drops=(*group.members.values(), *trees, group.group))


def put_member(state: State, member: Member) -> Edit:
    return _change_members(state, state.group(member.group), [member], leaving=())


def put_members(state: State, group: str, members: Sequence[Member]) -> Edit:
    """The group's members shall be exactly these."""
    known = state.group(group)
    names = {member.name for member in members}
    for member in members:
        if member.group != group:
            raise InvalidInput(f"it says group {member.group}", where=_place(member, "group"))
    if len(names) < len(members):
        twice = next(m for i, m in enumerate(members) if m.name in {o.name for o in members[:i]})
        raise InvalidInput("it is there twice", where=_place(twice))
    return _change_members(state, known, members, leaving=known.members.keys() - names)


def delete_member(state: State, group: str, name: str) -> Edit:
    record = state.member(group, name)
    return _change_members(state, state.group(group), [], leaving={record.member.name})


def put_stream(state: State, stream: Stream, run: str) -> Edit:
    """`run`: a fresh token; a stream that stays as it is keeps its own."""
    validate.check_stream(stream)
    host = state.host(stream.host)
    group = state.group(stream.group)
    if host.switch != group.group.switch:
        raise InvalidInput(
            f"host {host.name} is on switch {host.switch}, "
            f"group {group.group.name} on {group.group.switch}",
            where=f"stream {stream.name}",
        )
    check_segment(stream, state.switch(host.switch).switch, ipv6=group.has_ipv6)
    old = state.streams.get(stream.name)
    return Edit() if old and old.stream == stream else Edit(puts=(StreamRecord(stream, run),))


def delete_stream(state: State, name: str) -> Edit:
    return Edit(drops=(state.stream(name),))


def _change_members(
    state: State, group: GroupState, joining: Sequence[Member], leaving: Collection[str]
) -> Edit:
    """All checks first; then those who leave make room for those who come."""
    switch = state.switch(group.group.switch)
    for member in joining:
        validate.check_member(member)
        _check_member_port(switch.switch, member)
        _check_source(group.group.source, member)
    _check_distinct(group, joining, leaving)
    _check_streams(state, group, switch.switch, joining)
    placement = Placement(switch, group, split=group.group.split)
    moving: list[Member] = []
    for name in sorted(leaving):
        placement.leave(group.members[name])
    for member in joining:
        old = group.members.get(member.name)
        if old is None or old.member.port != member.port:
            moving.append(member)
        elif old.member != member:
            placement.keep(old, member)
        if old is not None and old.member.port != member.port:
            placement.leave(old)
    for member in moving:
        placement.join(member)
    return placement.edit()


def _check_distinct(group: GroupState, joining: Sequence[Member], leaving: Collection[str]) -> None:
    changing = {member.name for member in joining}
    taken: dict[Destination, str] = {}
    for member in joining:
        where = destination(member)
        other = taken.setdefault(where, member.name)
        if other == member.name:
            other = group.by_destination.get(where, member.name)
            if other in changing or other in leaving:
                continue
        raise Conflict(
            f"member {other} of group {member.group} has the same port, MAC, address, "
            "UDP port and VLAN: it would get every packet twice",
            where=_place(member),
        )


def _check_streams(
    state: State, group: GroupState, switch: Switch, joining: Sequence[Member]
) -> None:
    """A first IPv6 member makes the largest payload smaller."""
    if group.has_ipv6 or all(member.address.version == 4 for member in joining):
        return
    for stream in state.streams_of(group=group.group.name):
        check_segment(stream, switch, ipv6=True)


def _check_member_port(switch: Switch, member: Member) -> None:
    validate.check_switch_port(switch, member.port, _place(member, "port"))


def _check_source(source: Source, member: Member) -> None:
    source = member.source or source
    if (source.ipv4 if member.address.version == 4 else source.ipv6) is None:
        raise InvalidInput(
            f"{member.address} is IPv{member.address.version}, and its source has no such address",
            where=_place(member, "address"),
        )


def _check_host_port(switch: Switch, host: Host) -> None:
    if host.port not in switch.host_ports:
        known = ", ".join(map(str, sorted(switch.host_ports))) or "none"
        raise InvalidInput(
            f"{host.port} is not a host port of switch {switch.name}; those are: {known}",
            where=f"host {host.name} port",
        )


def _check_profile(old: SwitchState, switch: Switch) -> None:
    """Would the new profile lose copies of what is there already?"""
    where = f"switch {switch.name} profile"
    limits = profile(switch.profile)
    if old.member_count > limits.max_members or len(old.trees) > limits.max_trees:
        raise LimitExceeded(
            f"{switch.profile} holds {limits.max_members} members and {limits.max_trees} "
            f"replication trees; there are {old.member_count} and {len(old.trees)}",
            where=where,
        )
    for tree in old.trees.values():
        for port, load in tree.load.items():
            if load > limits.max_replicas_per_port:
                raise LimitExceeded(
                    f"group {tree.record.group} has {load} replicas on port {port}, and "
                    f"{limits.queue} takes {limits.max_replicas_per_port}",
                    where=where,
                )


def _check_unused(users: Sequence[str], what: str) -> None:
    if users:
        more = f" and {len(users) - 3} more" if len(users) > 3 else ""
        raise Conflict(f"in use by {', '.join(users[:3])}{more}", where=what)


def _users_of(state: State, host: str) -> list[str]:
    """Those that name it; a content of all hosts can do without any one of them."""
    named = [r for r in state.contents.values() if host in (r.content.hosts or ())]
    return _stream_names(state.streams_of(host=host)) + _content_names(named)


def _stream_names(streams: Sequence[Stream]) -> list[str]:
    return [f"stream {stream.name}" for stream in streams]


def _content_names(records: Sequence[ContentRecord]) -> list[str]:
    return [f"content {record.content.name}" for record in records]


def _place(member: Member, field: str | None = None) -> str:
    place = f"member {member.group}/{member.name}"
    return f"{place} {field}" if field else place
