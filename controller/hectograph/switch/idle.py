# SPDX-License-Identifier: Apache-2.0
"""IdleTimeoutNotification: the entries that no packet hit for as long as they said.

The runtime says which they are and how long none can follow, so a table is looked
through when there may be something to find. What was told is told again after
another timeout, as the specification has it.
"""

import asyncio
import time
from collections.abc import Iterable

from finsy.proto import p4r

from hectograph.switch.notifications import Notifier
from hectograph.switch.tables import Table

SCAN_NS = 10_000_000
"""A table is looked through at most every so often: the specification's own example."""

_MESSAGE_ENTRIES = 1000

_NS = 1e-9


class IdleTimeouts:
    """Of all tables of a pipeline that have them; nothing happens before start()."""

    def __init__(self, tables: Iterable[Table], notifier: Notifier) -> None:
        self._watches = [_Watch(table, notifier) for table in tables if table.traits.idle_timeouts]

    def start(self) -> None:
        for watch in self._watches:
            watch.scan()

    def close(self) -> None:
        for watch in self._watches:
            watch.close()


class _Watch:
    def __init__(self, table: Table, notifier: Notifier) -> None:
        self._table = table
        self._notifier = notifier
        self._timer: asyncio.TimerHandle | None = None

    def scan(self) -> None:
        self.close()
        self._table.on_timeout = self._expect
        entries, following = self._table.expired()
        for start in range(0, len(entries), _MESSAGE_ENTRIES):
            self._tell(entries[start : start + _MESSAGE_ENTRIES])
        if following is not None:
            self._expect(following)

    def close(self) -> None:
        self._table.on_timeout = lambda _: None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _expect(self, after_ns: int) -> None:
        """Something may have expired by then."""
        loop = asyncio.get_running_loop()
        after = max(after_ns, SCAN_NS) * _NS
        if self._timer is not None and self._timer.when() <= loop.time() + after:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(after, self.scan)

    def _tell(self, entries: list[p4r.TableEntry]) -> None:
        message = p4r.IdleTimeoutNotification(timestamp=time.time_ns(), table_entry=entries)
        counters = self._notifier.counters
        if self._notifier.post(p4r.StreamMessageResponse(idle_timeout_notification=message)):
            counters.idle_entries += len(entries)
        else:
            counters.dropped_idle_entries += len(entries)
