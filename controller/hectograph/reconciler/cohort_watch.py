# SPDX-License-Identifier: Apache-2.0
"""One host's cohorts: hears what its pusher tells of them, and answers it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress

from hectograph.core.cohort_ledger import CohortLedger
from hectograph.core.cohorts import CohortEntry, CohortEvent, CohortSettings
from hectograph.core.model import Host
from hectograph.drivers.base import PusherDriver, PusherSession
from hectograph.errors import HectographError, NotFound
from hectograph.reconciler.tasks import Backoff, race

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
"""At most this long until the next attempt to connect."""
TELL_SECONDS = 2.0
"""A pusher that was just connected to has told by then what it runs: it does so at once."""
AWAY_SECONDS = 60.0
"""One that does not answer for so long runs nothing any more."""

Heard = Callable[[str, CohortEvent | None], None]


class CohortWatcher:
    def __init__(
        self,
        host: Host,
        driver: PusherDriver,
        settings: CohortSettings,
        ledger: CohortLedger,
        heard: Heard,
    ) -> None:
        """`heard`: is told of each event, and by None that there are no more first ones."""
        self._host = host
        self._driver = driver
        self._settings = settings
        self._ledger = ledger
        self._heard = heard
        self._answers: asyncio.Queue[CohortEntry] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self.trouble: str | None = "not tried yet"

    def answer(self, entry: CohortEntry) -> None:
        self._answers.put_nowait(entry)

    async def run(self) -> None:
        """Until cancelled. Whatever happens to the pusher, it is tried again."""
        backoff = Backoff(0.05, RECONNECT_SECONDS)
        self._expect_all(AWAY_SECONDS)
        try:
            while True:
                try:
                    await self._watch(backoff)
                except HectographError as error:
                    self._set_trouble(str(error))
                except Exception as error:
                    logger.exception("cohorts of host %s", self._host.name)
                    self._set_trouble(f"internal error: {error!r}")
                await asyncio.sleep(backoff.next())
        finally:
            self._cancel_timer()

    async def _watch(self, backoff: Backoff) -> None:
        """Until the connection is lost (Unavailable)."""
        async with (
            self._driver(self._host) as watching,
            self._driver(self._host) as asking,
            aclosing(watching.watch_cohorts(self._settings)) as events,
        ):
            self._answers = asyncio.Queue()
            self._expect_all(TELL_SECONDS)
            self._set_trouble(None)
            backoff.reset()
            try:
                await race(self._listen(events), self._enter(asking))
            finally:
                self._expect_all(AWAY_SECONDS)

    async def _listen(self, events: AsyncIterator[CohortEvent]) -> None:
        async for event in events:
            self._heard(self._host.name, event)

    async def _enter(self, session: PusherSession) -> None:
        while True:
            entry = await self._answers.get()
            with suppress(NotFound):  # it has ended, which is told
                await session.enter_cohort(entry)

    def _expect_all(self, seconds: float) -> None:
        """What it runs is not known; after this time it is."""
        self._ledger.forget(self._host.name)
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._heard, self._host.name, None)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set_trouble(self, trouble: str | None) -> None:
        if trouble != self.trouble:
            logger.info("cohorts of host %s: %s", self._host.name, trouble or "watched")
        self.trouble = trouble
