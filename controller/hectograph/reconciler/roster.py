# SPDX-License-Identifier: Apache-2.0
"""What every host can do now, and who is told when that changes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from hectograph.core.contents import ContentState
from hectograph.core.hosting import HostView, Views


class Roster:
    """Times are on the monotonic clock."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        """`changed`: called with the name of a host that can do more or less than before."""
        self._changed = changed
        self._views: dict[str, HostView] = {}
        self._known_away: set[str] = set()

    @property
    def views(self) -> Views:
        return self._views

    def add(self, host: str) -> None:
        """It shall be there soon."""
        self._views[host] = HostView(away_since=time.monotonic())

    def remove(self, host: str) -> None:
        self._views.pop(host, None)
        self._known_away.discard(host)

    def seen(
        self, host: str, mac: int | None, contents: Mapping[int, ContentState], *, complete: bool
    ) -> None:
        """It answers. One that came back counts as away until what it has is `complete`
        again: every content that it shall serve is prepared, or cannot be."""
        old = self._views[host]
        away_since = None if complete else old.away_since
        self._put(host, HostView(old.mac if mac is None else mac, dict(contents), away_since))

    def lost(self, host: str) -> None:
        """It does not answer; to be called again while that lasts."""
        old = self._views[host]
        since = time.monotonic() if old.away_since is None else old.away_since
        self._put(host, replace(old, away_since=since))

    def _put(self, host: str, view: HostView) -> None:
        old, self._views[host] = self._views[host], view
        away = view.is_away(time.monotonic())
        if away != (host in self._known_away):
            self._known_away ^= {host}
        elif _abilities(view) == _abilities(old):
            return
        self._changed(host)


def _abilities(view: HostView) -> object:
    phases = {number: content.phase for number, content in view.contents.items()}
    return view.mac, phases
