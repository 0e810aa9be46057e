# SPDX-License-Identifier: Apache-2.0
"""Cohorts on one switch: what hosts tell of theirs, written, and answered.

Everything lasts as long as a connection to the switch on which this controller is primary.
Hosts are watched once the switch's tables were read (reconciler/applier.py does so anyway)
and no longer; what runs when the connection is lost goes on, and is told of again.

Writes are this task's own, one after the other, beside whatever else is written to or
read from the switch: it takes requests in the order in which they come, and no other
carries more than a few milliseconds of work. New members go first; what is wanted no more
is removed a little later and in small pieces, when there is nothing new.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from hectograph.core.cohort_ledger import CohortLedger
from hectograph.core.cohort_numbers import GroupNumbers, first_numbers
from hectograph.core.cohort_status import SwitchEntries
from hectograph.core.cohort_tables import take_cohorts
from hectograph.core.cohorts import CohortEvent, CohortSettings
from hectograph.core.entities import Change, Operation, Tables
from hectograph.core.model import Host
from hectograph.core.profiles import Profile, profile
from hectograph.core.records import CohortNumbersRecord, Edit
from hectograph.core.state import State
from hectograph.drivers.base import PusherDriver, Session, WriteResult
from hectograph.errors import HectographError
from hectograph.reconciler.cohort_watch import CohortWatcher
from hectograph.reconciler.librarian import Commit
from hectograph.reconciler.tasks import race, wait_until
from hectograph.reconciler.write_stats import WriteStats

logger = logging.getLogger(__name__)

BATCH_MEMBERS = 2048
"""At most, in one request: some 300 KB."""
REMOVAL_SECONDS = 0.05
"""What is wanted no more is collected for so long."""
REMOVAL_CHANGES = 128
"""In one request, which new members may have to wait for."""
RESERVE_SECONDS = 1.0
"""Until it is tried again to write numbers ahead."""


class SwitchCohorts:
    def __init__(
        self,
        name: str,
        state: State,
        pusher_driver: PusherDriver,
        commit: Commit,
        settings: CohortSettings,
    ) -> None:
        self._name = name
        self._state = state
        self._pusher_driver = pusher_driver
        self._commit = commit
        self._settings = settings
        record = state.cohort_numbers.get(name) or first_numbers(name)
        self.ledger = CohortLedger(
            self._limits,
            GroupNumbers(record, time.monotonic()),
            lambda: state.switch(name).member_count,
            lambda: state.switch(name).trees.keys(),
        )
        self._watchers: dict[str, tuple[Host, CohortWatcher, asyncio.Task[None]]] = {}
        self._begun = asyncio.Event()
        self._work = asyncio.Event()
        self._short = asyncio.Event()
        self._hosts_changed = asyncio.Event()
        self._remove_at: float | None = None
        self.stats = WriteStats()
        self._yielded = False
        self.stale = False
        """The switch answered that something is not as we believed: audit it."""
        self.on_stale: Callable[[], None] = lambda: None

    def _limits(self) -> Profile:
        return profile(self._state.switch(self._name).switch.profile)

    # What the switch's reconciler tells it

    def hosts_changed(self) -> None:
        """There are others, or they are elsewhere."""
        self._hosts_changed.set()

    def yielded(self) -> None:
        """Another controller is primary, and hands out numbers of its own."""
        self._yielded = True

    def audit_begins(self) -> None:
        """The switch's tables are about to be read."""
        if self._begun.is_set():
            self.ledger.tables.audit_begins()

    def audited(self, read: Tables) -> None:
        """They were; take out of them what is cohorts'."""
        first_tree = self._limits().group_trees + 1
        ours = take_cohorts(read, first_tree, self._state.switch(self._name).trees)
        self.stale = False
        if self._begun.is_set():
            self.stats.repairs += self.ledger.tables.audited(ours)
            self.ledger.collect(time.monotonic())
        else:
            self.ledger.begin(ours)
            self._begun.set()
        self._work.set()

    # What there is to see

    def trouble(self, host: str) -> str | None:
        """Why it is not watched; None: it is."""
        if host not in self._watchers:
            return f"switch {self._name} is not ready"
        _, watcher, _ = self._watchers[host]
        return watcher.trouble

    def entries(self) -> SwitchEntries:
        ledger = self.ledger
        standing = sum(map(len, ledger.tables.actual.members.values()))
        return SwitchEntries(self._name, standing, dict(ledger.refusals), ledger.latency)

    # The tasks

    async def serve(self, session: Session) -> None:
        """Until cancelled, or the connection is lost (Unavailable)."""
        if self._yielded:
            self.ledger.numbers.bar(time.monotonic())
            self._yielded = False
        try:
            await self._begun.wait()
            await self._reserve()
            await race(self._write(session), self._keep_reserved(), self._watch())
        finally:
            self._begun.clear()
            for name in list(self._watchers):
                await self._unwatch(name)

    async def _watch(self) -> None:
        """One task for each host."""
        while True:
            hosts = {host.name: host for host in self._state.hosts_on(self._name)}
            for name, (host, _, _) in list(self._watchers.items()):
                if hosts.get(name) != host:
                    await self._unwatch(name)
                    self.ledger.remove(name, time.monotonic())
            for name, host in hosts.items():
                if name not in self._watchers:
                    watcher = CohortWatcher(
                        host, self._pusher_driver, self._settings, self.ledger, self._heard
                    )
                    task = asyncio.create_task(watcher.run(), name=f"cohorts of host {name}")
                    self._watchers[name] = host, watcher, task
            await self._hosts_changed.wait()
            self._hosts_changed.clear()

    async def _unwatch(self, name: str) -> None:
        _, _, task = self._watchers.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _heard(self, host: str, event: CohortEvent | None) -> None:
        """An event, or that no more need be waited for to know what the host runs."""
        now = time.monotonic()
        if event is None:
            self.ledger.heard_all(host, now)
        else:
            self.ledger.hear(host, event, now)
        self._answer()
        self._work.set()
        if self.ledger.numbers.is_short:
            self._short.set()

    def _answer(self) -> None:
        for host, entry in self.ledger.take_answers(time.monotonic()):
            if host in self._watchers:
                _, watcher, _ = self._watchers[host]
                watcher.answer(entry)

    async def _keep_reserved(self) -> None:
        while True:
            await self._short.wait()
            self._short.clear()
            await self._reserve()

    async def _reserve(self) -> None:
        """Group numbers are written ahead before they are used."""
        numbers = self.ledger.numbers
        while numbers.is_short:
            record = numbers.plan(time.monotonic())
            try:
                await self._commit(lambda state: _numbers_edit(state, record))  # noqa: B023
            except HectographError as error:
                logger.warning("switch %s: group numbers: %s", self._name, error)
                await asyncio.sleep(RESERVE_SECONDS)
            else:
                numbers.extend(record)

    async def _write(self, session: Session) -> None:
        tables = self.ledger.tables
        while True:
            self._work.clear()
            if tables.is_urgent:
                await self._put(session)
            elif self._is_time_to_remove():
                await self._remove(session)
            elif self._remove_at is None:
                await self._work.wait()
            else:
                pause = self._remove_at - time.monotonic()
                await wait_until(self._work, asyncio.get_running_loop().time() + pause)

    async def _put(self, session: Session) -> None:
        batch = self.ledger.tables.next_batch(BATCH_MEMBERS)
        refused = await self._make(session, batch.changes)
        self.ledger.written(batch, refused)
        self._answer()

    def _is_time_to_remove(self) -> bool:
        if not self.ledger.tables.is_stale:
            self._remove_at = None
        elif self._remove_at is None:
            self._remove_at = time.monotonic() + REMOVAL_SECONDS
        return self._remove_at is not None and time.monotonic() >= self._remove_at

    async def _remove(self, session: Session) -> None:
        changes = self.ledger.tables.next_removal(REMOVAL_CHANGES)
        self.ledger.tables.made(changes, await self._make(session, changes))

    async def _make(self, session: Session, changes: Sequence[Change]) -> list[Change]:
        """Returns those that were refused, but for what should go and is not there."""
        if not changes:
            return []
        result = await session.write(changes, at_once=len(changes))
        self.stats.add(len(changes), result)
        return self._refused(changes, result)

    def _refused(self, changes: Sequence[Change], result: WriteResult) -> list[Change]:
        refused: list[Change] = []
        for change, refusal in zip(changes, result.refusals, strict=True):
            if refusal is not None:
                logger.warning("switch %s: cohorts: %s: %s", self._name, change, refusal.reason)
                if refusal.stale:
                    self.stale = True
                    self.on_stale()
                if not refusal.stale or change.operation is not Operation.DELETE:
                    refused.append(change)
        return refused


def _numbers_edit(state: State, record: CohortNumbersRecord) -> Edit:
    """Unless the switch was deleted meanwhile."""
    return Edit(puts=(record,)) if record.switch in state.switches else Edit()
