# SPDX-License-Identifier: Apache-2.0
"""One task per switch: connect, become primary, make it hold what is planned, keep it so."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from hectograph.core.hosting import Views
from hectograph.core.plan import Planner
from hectograph.core.records import MemberRecord
from hectograph.core.state import State
from hectograph.core.status import (
    ApplyState,
    CounterValue,
    PortDrops,
    PuntCounters,
    SwitchState,
    SwitchStatus,
)
from hectograph.drivers.base import Driver, Readings, Session
from hectograph.drivers.port_metrics import read_port_drops
from hectograph.errors import HectographError, Unavailable
from hectograph.reconciler.applier import Applier
from hectograph.reconciler.cohorts import SwitchCohorts
from hectograph.reconciler.handover import Handover, HostAt, Learnt
from hectograph.reconciler.neighbours import Neighbours
from hectograph.reconciler.reading import Reading
from hectograph.reconciler.tasks import Backoff, Retry, race, wait_until

logger = logging.getLogger(__name__)

AUDIT_SECONDS = 10.0
"""Between two readings of everything."""
AUDIT_SHARE = 0.05
"""At most this much of the time is spent on them, however much there is to read."""

JOIN_SECONDS = 0.020
"""Changes that come within this time of the first are written together."""
JOIN_SECONDS_PER_MEMBER = 50e-6
"""More for large trees, since every write of a tree carries all its replicas, 8 bytes
each: so that is at most 160 KB/s however many members there are, and N joins one after
the other cost O(N) bytes and not O(N²)."""

RECONNECT_SECONDS = 1.0
"""At most this long until the next attempt to connect."""

RETRY_SECONDS = (1.0, 30.0)
"""Until what the switch refused is tried again: at first, and at most."""

REREAD_SECONDS = (0.2, 10.0)
"""Until everything is read again, after the switch said that entries are not as we think."""


class SwitchReconciler:
    def __init__(
        self,
        name: str,
        state: State,
        driver: Driver,
        cohorts: SwitchCohorts,
        views: Callable[[], Views] = dict,
        host_at: HostAt = lambda _: None,
    ) -> None:
        """`views`: what is known of the hosts; `host_at`: the one on a port."""
        self._name = name
        self._state = state
        self._driver = driver
        self._learnt = Learnt()
        self.cohorts = cohorts
        handover = Handover(host_at, self._learnt)
        self._applier = Applier(Planner(state, name, views), handover, cohorts)
        self._neighbours = Neighbours(state, name)
        self._session: Session | None = None
        self._dirty: set[int] = set()
        self._working: set[int] = set()
        self._tcp_dirty = False
        self._wake = asyncio.Event()
        cohorts.on_stale = self._wake.set
        self.is_primary = False
        """Also while the connection is lost, until another controller is known to be."""
        self._phase = SwitchState.CONNECTING
        self._reason: str | None = "not tried yet"
        self._connects = 0
        self._audited_at: datetime | None = None
        self._readings = Reading(Readings({}, {}, {}, {}, {}))
        self._pushes: Reading[Mapping[int, CounterValue]] = Reading({})
        self._port_drops: Reading[tuple[PortDrops, ...]] = Reading(())

    # What the service tells it

    def mark(self, trees: Iterable[int] = ()) -> None:
        """These trees, or the host ports, are not what they were."""
        self._dirty.update(trees)
        self._wake.set()

    def mark_tcp(self) -> None:
        """Contents, secrets or what their hosts can do are not what they were."""
        self._tcp_dirty = True
        self._wake.set()

    # What the service asks it

    def status(self) -> SwitchStatus:
        stats = self._applier.stats + self.cohorts.stats
        phase, reason = self._now()
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
            handshakes=self._learnt.total,
            port_drops=self._port_drops.value,
        )

    async def read_ports(self) -> None:
        """What its ports lost, where it tells; the last that is known while it does not answer."""
        address = self._state.switch(self._name).switch.metrics
        if address is None:
            self._port_drops.value = ()
        elif self._session is not None:
            await self._port_drops.refresh(lambda: read_port_drops(address))

    @property
    def trouble(self) -> str | None:
        """Why not everything planned stands there, in one line."""
        phase, reason = self._now()
        if phase is not SwitchState.READY:
            return f"{phase}: {reason}"
        refusals = self._applier.refusals
        return f"refused {len(refusals)}: {refusals[0]}" if refusals else None

    def _now(self) -> tuple[SwitchState, str | None]:
        if self._phase is SwitchState.READY and (self._dirty or self._working):
            return SwitchState.SYNCING, "writing changes"
        return self._phase, self._reason

    def member_state(self, record: MemberRecord) -> tuple[ApplyState, str | None]:
        return self._applier.member_state(record)

    def tree_state(self, tree: int) -> tuple[ApplyState, str | None]:
        return self._applier.tree_state(tree)

    def content_state(self, number: int) -> tuple[ApplyState, str | None]:
        return self._applier.tcp_state(number)

    def bucket_ports(self) -> set[int]:
        """Ports of the hosts that buckets lead to now."""
        return self._applier.bucket_ports

    def is_settled(self, trees: Iterable[int]) -> bool:
        """Is nothing under way for these?"""
        return (self._dirty | self._working).isdisjoint(trees)

    @property
    def punts(self) -> PuntCounters:
        return self._neighbours.counters

    async def readings(self) -> Reading[Readings]:
        """All counters; old ones while there is no connection."""
        if self._session is not None:
            await self._readings.refresh(self._session.read_counters)
        return self._readings

    async def pushes(self) -> Mapping[int, CounterValue]:
        """The trees' counters, likewise."""
        if self._session is not None:
            await self._pushes.refresh(self._session.read_pushes)
        return self._pushes.value

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
            self.is_primary = session.is_primary
            while not session.is_primary:
                self._set_phase(SwitchState.BACKUP, "another controller is primary")
                self.cohorts.yielded()
                await session.changed()
            self.is_primary = True
            self._set_phase(SwitchState.SYNCING, "setting the pipeline and reading the tables")
            await session.ensure_pipeline()
            backoff.reset()
            self._session = session
            try:
                await race(
                    session.changed(),
                    self._keep(session),
                    self._neighbours.serve(session),
                    self._learn(session),
                    self.cohorts.serve(session),
                )
            finally:
                self._session = None
                self._applier.disconnected()

    async def _keep(self, session: Session) -> None:
        """Make the switch agree, and keep it so while the session lasts."""
        clock = asyncio.get_running_loop().time
        retry, reread = Retry(*RETRY_SECONDS), Retry(*REREAD_SECONDS)
        audit_at = clock() + await self._audit(session)
        self._set_phase(SwitchState.READY, None)
        while True:
            retry.set_needed(needed=bool(self._applier.refusals))
            reread.set_needed(needed=self._applier.stale or self.cohorts.stale)
            if await wait_until(self._wake, min(audit_at, retry.at, reread.at)):
                await asyncio.sleep(self._join_window())
            if retry.take_due():
                self._dirty |= self._applier.refused_trees
                self._tcp_dirty |= self._applier.refused_tcp
            await self._sync(session)
            if reread.take_due() or clock() >= audit_at:
                audit_at = clock() + await self._audit(session)

    async def _learn(self, session: Session) -> None:
        async for flow in session.handshakes():
            self._learnt.add(flow)

    async def _audit(self, session: Session) -> float:
        """Returns how long not to do it again."""
        started = time.monotonic()
        self._wake.clear()
        self._dirty, self._working, self._tcp_dirty = set(), set(), False
        await self._applier.audit(session)
        self._audited_at = datetime.now(UTC)
        return max(AUDIT_SECONDS, (time.monotonic() - started) / AUDIT_SHARE)

    async def _sync(self, session: Session) -> None:
        self._wake.clear()
        self._dirty, self._working = set(), self._dirty
        tcp, self._tcp_dirty = self._tcp_dirty, False
        await self._applier.sync(session, self._working, tcp=tcp)
        self._working = set()

    def _join_window(self) -> float:
        trees = self._state.switch(self._name).trees
        members = sum(len(trees[id_].members) for id_ in self._dirty if id_ in trees)
        return JOIN_SECONDS + members * JOIN_SECONDS_PER_MEMBER

    def _set_phase(self, phase: SwitchState, reason: str | None) -> None:
        if (phase, reason) != (self._phase, self._reason):
            logger.info("switch %s: %s%s", self._name, phase, f": {reason}" if reason else "")
        self._phase, self._reason = phase, reason
