# SPDX-License-Identifier: Apache-2.0
"""One push, watched until the last receiver has everything, or nothing more comes."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from hectograph.api.models import FileSource, Rate, StreamSpec
from hectograph.api.views import StreamStatus
from hectograph.demo.pace import PACES
from hectograph.demo.parts import NAME, Parts
from hectograph.demo.progress import progress
from hectograph.demo.receivers import Receiver
from hectograph.demo.topology import Topology
from hectograph.errors import HectographError, Unavailable

SECONDS_TO_SURVIVE = 20
"""A push during which parts are killed: they have to be back before it ends."""
POLL_SECONDS = 0.05
SILENCE_SECONDS = 1.0
"""After the last push: what has not come by then is lost."""


@dataclass(slots=True)
class Push:
    parts: Parts
    network: Topology
    receivers: Sequence[Receiver]
    say: Console
    status: StreamStatus = field(init=False)
    """As last seen."""
    host_bytes: int = field(init=False)
    """Sent, by the host's interface."""
    delivered_bytes: int = field(init=False)
    """By the clients' interfaces."""
    seconds: float = field(init=False)
    """From the request to the end of the last receiver."""

    def run(self, path: Path, bits_per_second: int | None, kill: Sequence[str]) -> None:
        size = path.stat().st_size
        spec = StreamSpec(
            host=NAME,
            group=NAME,
            source=FileSource(path=str(path)),
            rate=self._rate(bits_per_second, size if kill else None),
        )
        host, delivered = self._host_bytes(), self._delivered_bytes()
        started = time.monotonic()
        self.status = self.parts.client.streams.put(NAME, spec).status
        marks = [size * number // (len(kill) + 1) for number in range(1, len(kill) + 1)]
        victims = list(zip(marks, kill, strict=True))
        with progress(self.say) as bars:
            task = bars.add_task("pushing", total=size)
            while not self._is_over():
                sent = self._host_bytes() - host
                if victims and sent >= victims[0][0]:
                    self.parts.kill(victims.pop(0)[1], self.say)
                bars.update(task, completed=min(sent, size))
                time.sleep(POLL_SECONDS)
        self._await_silence()
        self.seconds = time.monotonic() - started
        for receiver in self.receivers:
            receiver.program.stop()
        self.host_bytes = self._host_bytes() - host
        self.delivered_bytes = self._delivered_bytes() - delivered

    def taken(self) -> int:
        """Pushes that the switch took, as it counts them itself, now that all is over."""
        now = datetime.now(UTC)
        counters = self.parts.client.group_counters(NAME)
        while counters.read_at is None or counters.read_at < now:
            self.parts.controller.check()
            time.sleep(POLL_SECONDS)
            counters = self.parts.client.group_counters(NAME)
        return sum(tree.value.packets for tree in counters.trees)

    def _rate(self, bits_per_second: int | None, to_survive: int | None) -> Rate:
        """What was asked for; else what loses nothing, or lets a part restart in between."""
        if bits_per_second is not None:
            return Rate(bits_per_second=bits_per_second)
        if to_survive is not None:
            return Rate(bits_per_second=to_survive * 8 // SECONDS_TO_SURVIVE)
        return PACES[self.parts.target.name].rate(len(self.receivers))

    def _is_over(self) -> bool:
        """Everything was pushed; the controller may be away for a while."""
        self.parts.keep_running()
        with suppress(Unavailable):
            self.status = self.parts.client.streams.get(NAME).status
        if self.status.state == "failed":
            raise HectographError(self.status.error or "failed", where=f"stream {NAME}")
        return self.status.state == "done"

    def _await_silence(self) -> None:
        """Until all receivers have ended, or no interface has counted anything for a while."""
        delivered, since = -1, time.monotonic()
        while any(not receiver.finished() for receiver in self.receivers):
            now = self._delivered_bytes()
            if now != delivered:
                delivered, since = now, time.monotonic()
            elif time.monotonic() - since > SILENCE_SECONDS:
                return
            time.sleep(POLL_SECONDS)

    def _host_bytes(self) -> int:
        return self.network.host_counters().tx_bytes

    def _delivered_bytes(self) -> int:
        return sum(client.counters().rx_bytes for client in self.network.clients)
