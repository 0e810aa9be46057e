# SPDX-License-Identifier: Apache-2.0
"""What the REST API and the command line call: the controller's whole surface."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hectograph.core.model import Group, Host, Member, Stream, Switch
from hectograph.core.status import (
    GroupStatus,
    HostStatus,
    SetChange,
    StreamStatus,
    SwitchCounters,
    SwitchStatus,
)


class Service:
    """Desired state in a database, and the tasks that make switches and hosts agree.

    Every ``put_*`` creates or replaces and returns True when it created; putting what
    is there already changes nothing. Every ``delete_*`` and ``get_*`` raises NotFound
    for a name that does not exist, and Conflict where others still refer to it (a
    group's members go with it). What cannot be (a missing port, two equal members,
    copies that the target would lose) is refused at once by InvalidInput or
    LimitExceeded, so that the desired state can always be reached.

    ``async with Service(...)`` starts and closes it.
    """

    def __init__(self, database: Path, *, artifacts: Path | None = None) -> None:
        """`artifacts`: directory of the compiled pipeline; None takes the installed one."""
        raise NotImplementedError

    async def start(self) -> None:
        """Open the database and start the tasks. Conflict: another controller has it open."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop the tasks and close the database. Switches and pushers go on as they are."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def ready(self) -> list[str]:
        """Why not everything wanted is in place, one line each; empty when it is."""
        raise NotImplementedError

    # Switches

    async def list_switches(self) -> list[Switch]:
        raise NotImplementedError

    async def get_switch(self, name: str) -> Switch:
        raise NotImplementedError

    async def put_switch(self, switch: Switch) -> bool:
        raise NotImplementedError

    async def delete_switch(self, name: str) -> None:
        raise NotImplementedError

    async def switch_status(self, name: str) -> SwitchStatus:
        raise NotImplementedError

    # Hosts

    async def list_hosts(self) -> list[Host]:
        raise NotImplementedError

    async def get_host(self, name: str) -> Host:
        raise NotImplementedError

    async def put_host(self, host: Host) -> bool:
        raise NotImplementedError

    async def delete_host(self, name: str) -> None:
        raise NotImplementedError

    async def host_status(self, name: str) -> HostStatus:
        raise NotImplementedError

    # Groups

    async def list_groups(self) -> list[Group]:
        raise NotImplementedError

    async def get_group(self, name: str) -> Group:
        raise NotImplementedError

    async def put_group(self, group: Group) -> bool:
        raise NotImplementedError

    async def delete_group(self, name: str) -> None:
        raise NotImplementedError

    async def group_status(self, name: str) -> GroupStatus:
        raise NotImplementedError

    # Members

    async def list_members(self, group: str) -> list[Member]:
        raise NotImplementedError

    async def get_member(self, group: str, name: str) -> Member:
        raise NotImplementedError

    async def put_member(self, member: Member) -> bool:
        raise NotImplementedError

    async def put_members(self, group: str, members: Sequence[Member]) -> SetChange:
        """Make `members` the group's whole set, in one step: all of it or nothing."""
        raise NotImplementedError

    async def delete_member(self, group: str, name: str) -> None:
        raise NotImplementedError

    # Streams

    async def list_streams(self) -> list[Stream]:
        raise NotImplementedError

    async def get_stream(self, name: str) -> Stream:
        raise NotImplementedError

    async def put_stream(self, stream: Stream) -> bool:
        """Putting a changed stream starts it anew; putting a done one again does not."""
        raise NotImplementedError

    async def delete_stream(self, name: str) -> None:
        """Stops it, wherever it is."""
        raise NotImplementedError

    async def stream_status(self, name: str) -> StreamStatus:
        raise NotImplementedError

    # Counters

    async def counters(self) -> list[SwitchCounters]:
        """Of every switch, read from it if it can be reached and the last reading is old."""
        raise NotImplementedError
