# SPDX-License-Identifier: Apache-2.0
"""One task per switch: connect, become primary, make it hold what is planned, keep it so."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hectograph.core.plan import Planner
from hectograph.core.records import MemberRecord
from hectograph.core.state import State
from hectograph.core.status import ApplyState, PuntCounters, SwitchState, SwitchStatus
from hectograph.drivers.base import Driver, Readings, Session
from hectograph.errors import HectographError, Unavailable
from hectograph.reconciler.applier import Applier
from hectograph.reconciler.neighbours import Neighbours
from hectograph.reconciler.tasks import Backoff, race, wait_until

logger = logging.getLogger(__name__)

AUDIT_SECONDS = 10.0
"""Between two readings of everything."""
AUDIT_SHARE = 0.05
"""At most this much of the time is spent on them, however much there is to read."""

JOIN_SECONDS = 0.020
"""Changes that come within this time of the first are written together."""
JOIN_SECONDS_PER_MEMBER = 25e-6
"""More for large trees, since every write of a tree carries all its replicas: so the
bytes written per second are bounded however many members there are, and N joins one
after the other cost O(N) bytes and not O(N²)."""

RECONNECT_SECONDS = 2.0
"""At most this long until the next attempt to connect."""

RETRY_SECONDS = (1.0, 30.0)
"""Until what the switch refused is tried again: at first, and at most."""

STALE_SECONDS = 0.2
"""Until everything is read again, after the switch said that entries are not as we think."""

READING_INTERVAL = timedelta(seconds=1)
"""Counters that were read within this time are not read again."""


class SwitchReconciler:
    def __init__(self, name: str, state: State, driver: Driver) -> None:
        self._name = name
        self._state = state
        self._driver = driver
        self._applier = Applier(Planner(state, name))
        self._neighbours = Neighbours(state, name)
        self._session: Session | None = None
        self._dirty: set[int] = set()
        self._working: set[int] = set()
        self._wake = asyncio.Event()
        self._phase = SwitchState.CONNECTING
        self._reason: str | None = "not tried yet"
        self._connects = 0
        self._audited_at: datetime | None = None
        self._read_at: datetime | None = None
        self._readings: Readings | None = None
        self._reading = asyncio.Lock()

    # What the service tells it

    def mark(self, trees: Iterable[int] = ()) -> None:
        """These trees, or the host ports, are not what they were."""
        self._dirty.update(trees)
        self._wake.set()

    # What the service asks it

    def status(self) -> SwitchStatus:
        stats = self._applier.stats
        phase, reason = self._phase, self._reason
        if phase is SwitchState.READY and (self._dirty or self._working):
            phase, reason = SwitchState.SYNCING, "writing changes"
        return SwitchStatus(
            name=self._name,
            state=phase,
            reason=reason,
            pending=self._count_pending(),
            refused=len(self._applier.refusals),
            audited_at=self._audited_at,
            repairs=stats.repairs,
            writes=stats.writes,
            updates=stats.updates,
            bytes_written=stats.bytes,
            connects=self._connects,
        )

    def member_state(self, record: MemberRecord) -> tuple[ApplyState, str | None]:
        return self._applier.member_state(record)

    def tree_state(self, tree: int) -> tuple[ApplyState, str | None]:
        return self._applier.tree_state(tree)

    def is_settled(self, trees: Iterable[int]) -> bool:
        """Is nothing under way for these?"""
        return (self._dirty | self._working).isdisjoint(trees)

    @property
    def refusals(self) -> list[str]:
        return self._applier.refusals

    @property
    def punts(self) -> PuntCounters:
        return self._neighbours.counters

    async def readings(self) -> tuple[datetime | None, Readings | None]:
        """The counters and when they were read; old ones while there is no connection."""
        async with self._reading:
            session = self._session
            fresh = self._read_at is not None and (
                datetime.now(UTC) - self._read_at < READING_INTERVAL
            )
            if session is not None and not fresh:
                try:
                    self._readings = await session.read_counters()
                    self._read_at = datetime.now(UTC)
                except Unavailable as error:
                    logger.info("switch %s: counters: %s", self._name, error)
            return self._read_at, self._readings

    def _count_pending(self) -> int:
        trees = self._state.switch(self._name).trees
        unsettled = trees if self._phase is not SwitchState.READY else self._dirty | self._working
        pending = 0
        for id_ in unsettled & trees.keys():
            states = [self.tree_state(id_), *map(self.member_state, trees[id_].members.values())]
            pending += sum(state is ApplyState.PENDING for state, _ in states)
        return pending

    # The task

    async def run(self) -> None:
        """Until cancelled. Whatever happens to the switch, it is tried again."""
        backoff = Backoff(0.1, RECONNECT_SECONDS)
        while True:
            try:
                async with self._driver(self._state.switch(self._name).switch) as session:
                    self._connects += 1
                    await self._serve(session, backoff)
            except Unavailable as error:
                self._set_phase(SwitchState.CONNECTING, str(error))
            except HectographError as error:
                self._set_phase(SwitchState.FAILED, str(error))
            except Exception as error:
                logger.exception("switch %s", self._name)
                self._set_phase(SwitchState.FAILED, f"internal error: {error!r}")
            await asyncio.sleep(backoff.next())

    async def _serve(self, session: Session, backoff: Backoff) -> None:
        """Until the connection is lost (Unavailable)."""
        while True:
            while not session.is_primary:
                self._set_phase(SwitchState.BACKUP, "another controller is primary")
                await session.changed()
            self._set_phase(SwitchState.SYNCING, "setting the pipeline and reading the tables")
            await session.ensure_pipeline()
            backoff.reset()
            self._session = session
            try:
                await race(session.changed(), self._keep(session), self._neighbours.serve(session))
            finally:
                self._session = None
                self._applier.disconnected()

    async def _keep(self, session: Session) -> None:
        """Make the switch agree, and keep it so while the session lasts."""
        clock = asyncio.get_running_loop().time
        retries = Backoff(*RETRY_SECONDS)
        retry_at = math.inf
        pause = await self._audit(session)
        audit_at = clock() + pause
        self._set_phase(SwitchState.READY, None)
        while True:
            if not self._applier.refusals:
                retries.reset()
                retry_at = math.inf
            elif retry_at == math.inf:
                retry_at = clock() + retries.next()
            if self._applier.stale:
                audit_at = min(audit_at, clock() + STALE_SECONDS)
            if await wait_until(self._wake, min(audit_at, retry_at)):
                await asyncio.sleep(self._join_window())
            if clock() >= retry_at:
                self._dirty |= self._applier.refused_trees
                retry_at = math.inf
            await self._sync(session)
            if clock() >= audit_at:
                audit_at = clock() + await self._audit(session)

    async def _audit(self, session: Session) -> float:
        """Returns how long not to do it again."""
        started = time.monotonic()
        self._wake.clear()
        self._dirty, self._working = set(), set()
        await self._applier.audit(session)
        self._audited_at = datetime.now(UTC)
        return max(AUDIT_SECONDS, (time.monotonic() - started) / AUDIT_SHARE)

    async def _sync(self, session: Session) -> None:
        self._wake.clear()
        self._dirty, self._working = set(), self._dirty
        await self._applier.sync(session, self._working)
        self._working = set()

    def _join_window(self) -> float:
        trees = self._state.switch(self._name).trees
        members = sum(len(trees[id_].members) for id_ in self._dirty if id_ in trees)
        return JOIN_SECONDS + members * JOIN_SECONDS_PER_MEMBER

    def _set_phase(self, phase: SwitchState, reason: str | None) -> None:
        if (phase, reason) != (self._phase, self._reason):
            logger.info("switch %s: %s%s", self._name, phase, f": {reason}" if reason else "")
        self._phase, self._reason = phase, reason
