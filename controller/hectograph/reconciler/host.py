# SPDX-License-Identifier: Apache-2.0
"""One task per host: connect to its pusher and keep the desired streams running there."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager

from hectograph.core.cohorts import CohortMemberState, CohortState
from hectograph.core.flows import FlowCounters, FlowKey, FlowState
from hectograph.core.records import StreamRecord
from hectograph.core.state import State
from hectograph.core.status import HostState, HostStatus, PusherCounters, StreamStatus
from hectograph.core.streams import pusher_name
from hectograph.drivers.base import PusherDriver, PusherHello, PusherSession
from hectograph.errors import HectographError, InvalidInput, Unavailable
from hectograph.reconciler.hosting import ContentHost
from hectograph.reconciler.roster import Roster
from hectograph.reconciler.stream import AskGroup, SaveProgress, StreamKeeper
from hectograph.reconciler.tasks import Backoff, wait_until

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
"""At most this long until the next attempt to connect."""
POLL_SECONDS = 0.5
"""Between two looks at what the pusher does."""
WAITING_POLL_SECONDS = 0.1
"""The same while a stream waits for its group to be on the switch, or contents are prepared."""


MAX_FLOWS = 20_000
"""That are listed at a time."""
LIST_SECONDS = 0.5
"""Between two lists of flows."""
LIST_SHARE = 0.1
"""At most this much of the time is spent on them."""


class HostReconciler:
    def __init__(
        self,
        name: str,
        state: State,
        driver: PusherDriver,
        roster: Roster,
        ask_group: AskGroup,
        save: SaveProgress,
        may_stop_others: Callable[[], bool],
    ) -> None:
        """`may_stop_others`: streams that are not this controller's may be another's, that
        waits for this one to take over or the other way round; the switch's primary decides."""
        self._name = name
        self._state = state
        self._driver = driver
        self._roster = roster
        self._contents = ContentHost(name, state)
        self._ask_group = ask_group
        self._save = save
        self._may_stop_others = may_stop_others
        self._keepers: dict[str, StreamKeeper] = {}
        self._wake = asyncio.Event()
        self._hello: PusherHello | None = None
        self._trouble: str | None = "not tried yet"
        self._counters = PusherCounters()
        self._flows = FlowCounters(0, 0, {})
        self._listed: Sequence[FlowState] = ()
        self._list_at = 0.0

    def wake(self) -> None:
        """Streams, or the trees that they push to, are not what they were."""
        self._wake.set()

    def status(self) -> HostStatus:
        hello = self._hello
        return HostStatus(
            name=self._name,
            state=HostState.READY if self._trouble is None else HostState.CONNECTING,
            reason=self._trouble,
            version=hello.version if hello else None,
            interface=hello.interface if hello else None,
            mtu=hello.mtu if hello else None,
            pid=hello.pid if hello else None,
            started_at=hello.started_at if hello else None,
            counters=self._counters,
            flows=self._flows.flows,
            flow_counters=self._flows.by_name,
            link=self._flows.link,
        )

    @property
    def name(self) -> str:
        return self._name

    async def flows(self, limit: int) -> Sequence[FlowState]:
        """As its pusher has them now; none while it cannot be reached."""
        try:
            async with self._aside() as session:
                return await session.flows(limit)
        except Unavailable:
            return ()

    async def known_flows(self) -> Sequence[FlowState]:
        """As its pusher has them now or, when it cannot be reached, as it had them last."""
        try:
            async with self._aside() as session:
                self._listed = await session.flows(MAX_FLOWS)
        except Unavailable:
            pass
        return self._listed

    async def adopt(self, flows: Sequence[FlowState]) -> int:
        """Take over another host's; how many were new."""
        if not flows:
            return 0
        async with self._aside() as session:
            return await session.adopt_flows(flows)

    async def forget(self, keys: Sequence[FlowKey]) -> int:
        """Another host has them."""
        async with self._aside() as session:
            return await session.forget_flows(keys)

    async def cohorts(self) -> Sequence[CohortState]:
        """As its pusher has them now; none while it cannot be reached, or knows of none."""
        try:
            async with self._aside() as session:
                return await session.cohorts()
        except (Unavailable, InvalidInput):
            return ()

    async def cohort_members(self, cohort: int) -> Sequence[CohortMemberState]:
        """NotFound: there is no such cohort any more."""
        async with self._aside() as session:
            return await session.cohort_members(cohort)

    def _aside(self) -> AbstractAsyncContextManager[PusherSession]:
        """A connection beside the one that run() keeps: long calls hold up nothing there."""
        return self._driver(self._state.host(self._name))

    def stream_status(self, record: StreamRecord) -> StreamStatus:
        return self._keeper(record).status()

    async def run(self) -> None:
        """Until cancelled. Whatever happens to the pusher, it is tried again."""
        backoff = Backoff(0.1, RECONNECT_SECONDS)
        while True:
            try:
                async with self._driver(self._state.host(self._name)) as session:
                    self._hello = await session.hello()
                    self._set_trouble(None)
                    backoff.reset()
                    await self._keep(session)
            except HectographError as error:
                self._set_trouble(str(error))
            except Exception as error:
                logger.exception("host %s", self._name)
                self._set_trouble(f"internal error: {error!r}")
            for keeper in self._keepers.values():
                keeper.host_lost(f"host {self._name}: {self._trouble}")
            self._roster.lost(self._name)
            await asyncio.sleep(backoff.next())

    async def _keep(self, session: PusherSession) -> None:
        """Until the connection is lost (Unavailable)."""
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            await self._settle(session)
            await self._list_flows(session)
            waiting = any(keeper.is_waiting for keeper in self._keepers.values())
            waiting |= not self._contents.is_complete
            pause = WAITING_POLL_SECONDS if waiting else POLL_SECONDS
            await wait_until(self._wake, clock() + pause)

    async def _settle(self, session: PusherSession) -> None:
        self._hello = hello = await session.hello()
        self._counters = await session.counters()
        seen = {state.name: state for state in await session.list()}
        keepers = list(self._current_keepers())
        if self._may_stop_others():
            for name in seen.keys() - {pusher_name(keeper.record) for keeper in keepers}:
                logger.info("host %s: stopping %s, which nobody wants now", self._name, name)
                await session.stop(name)
        for keeper in keepers:
            await keeper.settle(session, hello, seen.get(pusher_name(keeper.record)))
        await self._settle_contents(session, hello)

    async def _settle_contents(self, session: PusherSession, hello: PusherHello) -> None:
        contents = self._contents
        await contents.settle(session, may_remove_others=self._may_stop_others())
        self._flows = await session.flow_counters()
        self._roster.seen(self._name, hello.mac, contents.contents, complete=contents.is_complete)

    async def _list_flows(self, session: PusherSession) -> None:
        """For those who take them over should this host die."""
        clock = asyncio.get_running_loop().time
        started = clock()
        if started < self._list_at:
            return
        self._listed = await session.flows(MAX_FLOWS)
        ended = clock()
        self._list_at = ended + max(LIST_SECONDS, (ended - started) / LIST_SHARE)

    def _current_keepers(self) -> Iterator[StreamKeeper]:
        """One for each stream that this host has now; those of others are forgotten."""
        records = [r for r in self._state.streams.values() if r.stream.host == self._name]
        runs = {record.run for record in records}
        self._keepers = {run: k for run, k in self._keepers.items() if run in runs}
        return map(self._keeper, records)

    def _keeper(self, record: StreamRecord) -> StreamKeeper:
        keeper = self._keepers.get(record.run)
        if keeper is None:
            keeper = StreamKeeper(record, self._state, self._ask_group, self._save)
            self._keepers[record.run] = keeper
        keeper.record = record
        return keeper

    def _set_trouble(self, trouble: str | None) -> None:
        if trouble != self._trouble:
            logger.info("host %s: %s", self._name, trouble or "connected")
        self._trouble = trouble
