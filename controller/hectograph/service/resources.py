# SPDX-License-Identifier: Apache-2.0
"""What the REST API and the command line call: the controller's whole surface."""

import asyncio
import secrets
from collections.abc import Sequence

from hectograph.core import edits
from hectograph.core.model import Group, Host, Member, Stream, Switch
from hectograph.core.records import Edit
from hectograph.core.state import GroupState, State
from hectograph.core.status import (
    GroupStatus,
    HostStatus,
    MemberStatus,
    SetChange,
    StreamStatus,
    SwitchCounters,
    SwitchStatus,
)
from hectograph.reconciler import interfaces
from hectograph.reconciler.reports import (
    group_status,
    member_status,
    not_ready,
    switch_counters,
)
from hectograph.service.cohorts import CohortService
from hectograph.service.contents import ContentService


class Service(ContentService, CohortService):
    """Desired state in a database, and the tasks that make switches and hosts agree.

    Every ``put_*`` creates or replaces and returns True when it created; putting what
    is there already changes nothing. Every ``delete_*`` and ``get_*`` raises NotFound
    for a name that does not exist, and Conflict where others still refer to it (a
    group's members go with it). What cannot be (a missing port, two equal members,
    copies that the target would lose) is refused at once by InvalidInput or
    LimitExceeded, so that the desired state can always be reached.

    ``async with Service(...)`` starts and closes it.
    """

    async def ready(self) -> list[str]:
        """Why not everything wanted is in place, one line each; empty when it is."""
        trouble = await self._store_trouble()
        database = [] if trouble is None else [f"database: {trouble}"]
        links = [
            f"link {name}: {reason}" for name in self._links if (reason := interfaces.trouble(name))
        ]
        return [*database, *links, *not_ready(self._state, self._fleet)]

    # Switches

    async def list_switches(self) -> list[Switch]:
        return [known.switch for known in self._state.switches.values()]

    async def get_switch(self, name: str) -> Switch:
        return self._state.switch(name).switch

    async def put_switch(self, switch: Switch) -> bool:
        return await self._put(
            lambda state: switch.name not in state.switches,
            lambda state: edits.put_switch(state, switch),
        )

    async def delete_switch(self, name: str) -> None:
        await self._edit(lambda state: edits.delete_switch(state, name))

    async def switch_status(self, name: str) -> SwitchStatus:
        self._state.switch(name)
        switch = self._fleet.switch(name)
        await switch.read_ports()
        return switch.status()

    # Hosts

    async def list_hosts(self) -> list[Host]:
        return list(self._state.hosts.values())

    async def get_host(self, name: str) -> Host:
        return self._state.host(name)

    async def put_host(self, host: Host) -> bool:
        return await self._put(
            lambda state: host.name not in state.hosts,
            lambda state: edits.put_host(state, host),
        )

    async def delete_host(self, name: str) -> None:
        await self._edit(lambda state: edits.delete_host(state, name))

    async def host_status(self, name: str) -> HostStatus:
        self._state.host(name)
        return self._fleet.host(name).status()

    # Groups

    async def list_groups(self) -> list[Group]:
        return [known.group for known in self._state.groups.values()]

    async def get_group(self, name: str) -> Group:
        return self._state.group(name).group

    async def put_group(self, group: Group) -> bool:
        return await self._put(
            lambda state: group.name not in state.groups,
            lambda state: edits.put_group(state, group),
        )

    async def delete_group(self, name: str) -> None:
        await self._edit(lambda state: edits.delete_group(state, name))

    async def group_status(self, name: str) -> GroupStatus:
        switch = self._fleet.switch(self._state.group(name).group.switch)
        pushes = await switch.pushes()
        return group_status(self._state.group(name), switch, pushes)

    # Members

    async def list_members(self, group: str) -> list[Member]:
        return [record.member for record in self._state.group(group).members.values()]

    async def get_member(self, group: str, name: str) -> Member:
        return self._state.member(group, name).member

    async def member_status(self, group: str, name: str) -> MemberStatus:
        record = self._state.member(group, name)
        return member_status(record, self._fleet.switch(self._state.group(group).group.switch))

    async def put_member(self, member: Member) -> bool:
        return await self._put(
            lambda state: member.name not in state.group(member.group).members,
            lambda state: edits.put_member(state, member),
        )

    async def put_members(self, group: str, members: Sequence[Member]) -> SetChange:
        """Make `members` the group's whole set, in one step: all of it or nothing."""
        change = SetChange(0, 0, 0)

        def edit(state: State) -> Edit:
            nonlocal change
            change = _set_change(state.group(group), members)
            return edits.put_members(state, group, members)

        await self._edit(edit)
        return change

    async def delete_member(self, group: str, name: str) -> None:
        await self._edit(lambda state: edits.delete_member(state, group, name))

    # Streams

    async def list_streams(self) -> list[Stream]:
        return [record.stream for record in self._state.streams.values()]

    async def get_stream(self, name: str) -> Stream:
        return self._state.stream(name).stream

    async def put_stream(self, stream: Stream) -> bool:
        """Putting a changed stream starts it anew; putting a done one again does not."""
        run = secrets.token_hex(6)
        return await self._put(
            lambda state: stream.name not in state.streams,
            lambda state: edits.put_stream(state, stream, run),
        )

    async def delete_stream(self, name: str) -> None:
        """Stops it, wherever it is."""
        await self._edit(lambda state: edits.delete_stream(state, name))

    async def stream_status(self, name: str) -> StreamStatus:
        record = self._state.stream(name)
        return self._fleet.host(record.stream.host).stream_status(record)

    # Counters

    async def counters(self) -> list[SwitchCounters]:
        """Of every switch, read from it if it can be reached and the last reading is old."""
        names = list(self._state.switches)
        readings = await asyncio.gather(*(self._fleet.switch(name).readings() for name in names))
        return [
            switch_counters(name, self._state, self._fleet.switch(name), reading)
            for name, reading in zip(names, readings, strict=True)
            if name in self._state.switches
        ]


def _set_change(group: GroupState, members: Sequence[Member]) -> SetChange:
    old = {name: record.member for name, record in group.members.items()}
    new = {member.name: member for member in members}
    return SetChange(
        added=len(new.keys() - old.keys()),
        changed=sum(old[name] != new[name] for name in old.keys() & new.keys()),
        removed=len(old.keys() - new.keys()),
    )
