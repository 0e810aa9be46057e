# SPDX-License-Identifier: Apache-2.0
"""Many downloads of one content, watched until the last has ended."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path

from rich.console import Console

from hectograph.api.content_models import ContentSpec
from hectograph.api.content_views import ContentStatus
from hectograph.api.models import AddressingSpec, FileSource
from hectograph.demo.downloads import Downloading
from hectograph.demo.parts import NAME, Parts, until
from hectograph.demo.progress import progress
from hectograph.demo.topology import Topology
from hectograph.errors import HectographError, InvalidInput, Unavailable

# Among the clients' own networks, so that they need no route.
ADDRESSING = AddressingSpec(
    mac="02:48:47:00:00:01", ipv6=IPv6Network("fd00::c:0:0:0/80"), ipv4=IPv4Address("10.0.0.80")
)
SECONDS_TO_SURVIVE = 10
"""Downloads during which parts are killed take no less: they run when that happens."""
POLL_SECONDS = 0.05
COUNTERS_SECONDS = 3
"""Until the controller has read a pusher's counters."""


def publish(parts: Parts, path: Path) -> ContentStatus:
    """Back when it is served."""
    source = FileSource(path=str(path))
    parts.client.contents.put(NAME, ContentSpec(switch=NAME, source=source))

    def is_served() -> bool:
        status = parts.client.contents.get(NAME).status
        if status.state == "failed":
            raise HectographError(status.reason or "failed", where=f"content {NAME}")
        return status.state == "serving"

    until(parts, "content", is_served)
    return parts.client.contents.get(NAME).status


@dataclass(slots=True)
class Watch:
    parts: Parts
    network: Topology
    downloads: Sequence[Downloading]
    say: Console
    host_bytes: int = field(init=False)
    """Sent, by the host's interface, since it was made."""
    delivered_bytes: int = field(init=False)
    """By the clients' interfaces."""
    seconds: float = field(init=False)

    def run(self, size: int, kill: Sequence[str]) -> None:
        """`kill`: one after another, as many bytes apart."""
        total = size * len(self.downloads)
        started = time.monotonic()
        marks = [total * number // (len(kill) + 1) for number in range(1, len(kill) + 1)]
        victims = list(zip(marks, kill, strict=True))
        with progress(self.say) as bars:
            task = bars.add_task("downloading", total=total)
            while not all(each.finished() for each in self.downloads):
                self.parts.keep_running()
                received = sum(each.received() for each in self.downloads)
                if victims and received >= victims[0][0]:
                    self.parts.kill(victims.pop(0)[1], self.say)
                bars.update(task, completed=received)
                time.sleep(POLL_SECONDS)
        self.seconds = time.monotonic() - started
        self.host_bytes = self.network.host_counters().tx_bytes
        self.delivered_bytes = sum(each.counters().rx_bytes for each in self.network.clients)
        if victims:
            names = ", ".join(name for _, name in victims)
            raise InvalidInput(f"all was over before {names} could be killed", where="--file")

    def resumed(self) -> tuple[int, int]:
        """Downloads that a restarted pusher found in its flow file, and that it took over
        from their positions alone; once all are told, or no more come."""
        found = (0, 0)
        deadline = time.monotonic() + COUNTERS_SECONDS
        while sum(found) < len(self.downloads) and time.monotonic() < deadline:
            with suppress(Unavailable):
                events = self.parts.client.hosts.get(NAME).status.flow_counters
                found = (events.get("flows_restored", 0), events.get("flows_adopted", 0))
            time.sleep(POLL_SECONDS)
        return found
