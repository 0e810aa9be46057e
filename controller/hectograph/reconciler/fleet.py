# SPDX-License-Identifier: Apache-2.0
"""All reconcilers: started, told and stopped as the desired state changes."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hectograph.core.cohorts import CohortSettings
from hectograph.core.hosting import Views
from hectograph.core.model import Group, Host, Switch
from hectograph.core.records import (
    ContentRecord,
    Edit,
    MemberRecord,
    Record,
    SecretsRecord,
    SwitchRecord,
    TreeRecord,
)
from hectograph.core.rotation import Schedule
from hectograph.core.state import State
from hectograph.core.status import ApplyState
from hectograph.drivers.base import Driver, PusherDriver
from hectograph.library import Roots
from hectograph.reconciler.cohorts import SwitchCohorts
from hectograph.reconciler.host import HostReconciler
from hectograph.reconciler.librarian import Commit, Librarian
from hectograph.reconciler.roster import Roster
from hectograph.reconciler.rotation import Rotation
from hectograph.reconciler.stream import GroupReadiness, SaveProgress
from hectograph.reconciler.switch import SwitchReconciler

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FleetOptions:
    library: Path
    """Directory of the contents that are fetched."""
    schedule: Schedule
    cohorts: CohortSettings
    roots: Roots
    """Of the files that may be served."""


class Fleet:
    def __init__(
        self,
        state: State,
        driver: Driver,
        pusher_driver: PusherDriver,
        save: SaveProgress,
        commit: Commit,
        options: FleetOptions,
    ) -> None:
        self._state = state
        self._driver = driver
        self._pusher_driver = pusher_driver
        self._save = save
        self._commit = commit
        self._cohorts = options.cohorts
        self._roster = Roster(self._host_changed)
        self.librarian = Librarian(
            state, lambda: self._roster.views, commit, options.library, options.roots
        )
        self.rotation = Rotation(state, commit, options.schedule)
        self._switches: dict[str, SwitchReconciler] = {}
        self._hosts: dict[str, HostReconciler] = {}
        self._endpoints: dict[str, object] = {}
        """What each task connects to: when that changes, it begins anew."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for switch in self._state.switches.values():
            self._put_switch(switch.switch)
        for host in self._state.hosts.values():
            self._put_host(host)
        self._run("librarian", self.librarian.run())
        self._run("rotation", self.rotation.run())

    async def close(self) -> None:
        for name in list(self._tasks):
            self._stop(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    @property
    def views(self) -> Views:
        return self._roster.views

    def switch(self, name: str) -> SwitchReconciler:
        """Of a switch that the state knows."""
        return self._switches[name]

    def host(self, name: str) -> HostReconciler:
        return self._hosts[name]

    def tell(self, edit: Edit) -> None:
        """The state has changed by this edit."""
        for record in edit.drops:
            self._dropped(record)
        for record in edit.puts:
            self._put(record)
        self._mark_trees((*edit.drops, *edit.puts))
        self._mark_tcp((*edit.drops, *edit.puts))
        if any(isinstance(record, Host) for record in (*edit.drops, *edit.puts)):
            for reconciler in self._switches.values():
                reconciler.cohorts.hosts_changed()
        if any(not isinstance(record, MemberRecord) for record in (*edit.drops, *edit.puts)):
            for host in self._hosts.values():
                host.wake()

    def _dropped(self, record: Record) -> None:
        match record:
            case SwitchRecord():
                self._stop(f"switch {record.switch.name}")
                del self._switches[record.switch.name]
            case Host():
                self._stop(f"host {record.name}")
                del self._hosts[record.name]
                self._roster.remove(record.name)
            case _:
                pass

    def _put(self, record: Record) -> None:
        match record:
            case SwitchRecord():
                self._put_switch(record.switch)
            case Host():
                self._put_host(record)
            case _:
                pass

    def _mark_trees(self, records: Iterable[Record]) -> None:
        """Each switch hears once, of every tree that is not what it was."""
        dirty: dict[str, set[int]] = {}
        for record in records:
            match record:
                case TreeRecord():
                    dirty.setdefault(record.switch, set()).add(record.id)
                case MemberRecord() if group := self._state.groups.get(record.member.group):
                    dirty.setdefault(group.group.switch, set()).add(record.slot.tree)
                case Group() if group := self._state.groups.get(record.name):
                    dirty.setdefault(record.switch, set()).update(group.trees)
                case _:
                    pass
        for switch, trees in dirty.items():
            self._switches[switch].mark(trees)

    def _mark_tcp(self, records: Iterable[Record]) -> None:
        for record in records:
            match record:
                case ContentRecord():
                    switch = record.content.switch
                    self.librarian.wake()
                case SecretsRecord() | Host():
                    switch = record.switch
                case SwitchRecord():
                    switch = record.switch.name
                    self.rotation.wake()
                case _:
                    continue
            if switch in self._switches:
                self._switches[switch].mark_tcp()

    def _host_changed(self, name: str) -> None:
        """It can do more or less than before."""
        self.librarian.wake()
        host = self._state.hosts.get(name)
        if host is not None and host.switch in self._switches:
            self._switches[host.switch].mark_tcp()

    def _put_switch(self, switch: Switch) -> None:
        name = f"switch {switch.name}"
        endpoint = (switch.address, switch.device_id, switch.tls)
        if name in self._tasks and self._endpoints[name] == endpoint:
            self._switches[switch.name].mark()
            return
        self._stop(name)
        reconciler = SwitchReconciler(
            switch.name,
            self._state,
            self._driver,
            SwitchCohorts(
                switch.name, self._state, self._pusher_driver, self._commit, self._cohorts
            ),
            lambda: self._roster.views,
            lambda port: self._host_at(switch.name, port),
        )
        self._switches[switch.name] = reconciler
        self._endpoints[name] = endpoint
        self._run(name, reconciler.run())

    def _host_at(self, switch: str, port: int) -> HostReconciler | None:
        for host in self._state.hosts_on(switch):
            if host.port == port:
                return self._hosts.get(host.name)
        return None

    def _put_host(self, host: Host) -> None:
        name = f"host {host.name}"
        if name in self._tasks and self._endpoints[name] == host.control:
            return
        self._stop(name)
        self._roster.add(host.name)
        reconciler = HostReconciler(
            host.name,
            self._state,
            self._pusher_driver,
            self._roster,
            self.readiness,
            self._save,
            lambda: self._switches[self._state.host(host.name).switch].is_primary,
        )
        self._hosts[host.name] = reconciler
        self._endpoints[name] = host.control
        self._run(name, reconciler.run())

    def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    def _stop(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def readiness(self, group: str) -> GroupReadiness:
        """Can this group be pushed to?"""
        state = self._state.group(group)
        if not state.trees:
            return GroupReadiness(missing=f"group {group} has no member")
        switch = self._switches[state.group.switch]
        for tree in state.trees:
            applied, reason = switch.tree_state(tree)
            if applied is not ApplyState.APPLIED:
                name = state.group.switch
                why = reason or switch.trouble or "it is being written"
                return GroupReadiness(missing=f"group {group} is not on switch {name}: {why}")
        if not switch.is_settled(state.trees):
            return GroupReadiness(settling=f"members of group {group} are being written")
        return GroupReadiness()
