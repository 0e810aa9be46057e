# SPDX-License-Identifier: Apache-2.0
"""All in one lab that the others have nothing of: lines with a rate and a shallow queue, a host
link of MTU 9,000, a slow neighbour, a second of silence, and a client without SACK."""

import asyncio
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from relays import Direction, Link
from tcplab import Client, Lab, running_lab, sha256

from hectograph.testbed import Testbed, limit_rate
from hectograph.testbed.targets import Target

HOST_MTU = 9000
PORT_QUEUE_BYTES = 64 << 10
FETCH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is, and what it is like."""

    name: str
    link: Link
    port_rate: float = 0
    """Mbit/s of the switch's port itself, which the switch is told of by refusals. 0: no limit."""
    sack: bool = True

    @property
    def rate(self) -> float:
        return self.port_rate or self.link.rate


PLACES = (
    Place("near", Link(rate=100, rtt=2, queue=64_000)),
    Place("far", Link(rate=100, rtt=20, queue=60_000)),
    Place("without SACK", Link(rate=50, rtt=10, queue=60_000), sack=False),
    Place("silent", Link(rate=50, rtt=10, queue=125_000, silence=0.5)),
    Place("slow port", Link(), port_rate=10),
)


@dataclass(frozen=True, slots=True)
class Fetched:
    sha256: str
    """Or what curl complained about."""
    seconds: float


@contextmanager
def lab_of_real_links(testbed: Testbed, target: Target) -> Generator[Lab]:
    """A client in each of PLACES; for a controller, that writes the switch's entries."""
    mtus = [1500] * len(PLACES)
    with running_lab(testbed, target, mtus, entries=False, host_mtu=HOST_MTU) as lab:
        for number, place in enumerate(PLACES):
            _set_place(lab, number, place)
        yield lab


def _set_place(lab: Lab, number: int, place: Place) -> None:
    if place.port_rate:
        bits_per_second = int(place.port_rate * 1e6)
        limit_rate(lab.here, lab.port_interface(number), bits_per_second, PORT_QUEUE_BYTES)
    setting = Path("/proc/sys/net/ipv4/tcp_sack")
    lab.clients[number].namespace.call(lambda: setting.write_text(str(int(place.sack))))


class Links:
    """The clients', as long as they are up."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        self._lab = lab
        self._relays = [
            stack.enter_context(lab.linked({number: lab.switch_side(number)}, *place.link.options))
            for number, place in enumerate(PLACES)
        ]

    async def fetch(self, urls: Sequence[str]) -> list[Fetched]:
        """All of them by every client, all at once."""
        clients = self._lab.clients
        return await asyncio.gather(
            *(asyncio.to_thread(_fetch, client, url) for url in urls for client in clients)
        )

    def dropped(self) -> dict[str, float]:
        """The share of frames that each queue has dropped, when the links go down."""
        lines = {
            place.name: relay.stop()["there"]
            for place, relay in zip(PLACES, self._relays, strict=True)
            if place.link.rate
        }
        return {name: _dropped(line) for name, line in lines.items()}


@contextmanager
def real_links(lab: Lab) -> Generator[Links]:
    with ExitStack() as stack:
        yield Links(lab, stack)


def _dropped(line: Direction) -> float:
    return line["dropped"]["queue"]["frames"] / max(1, line["in"]["frames"])


def _fetch(client: Client, url: str) -> Fetched:
    begin = time.monotonic()
    output, errors = client.start_curl(url).communicate(timeout=FETCH_SECONDS)
    return Fetched(errors.decode() or sha256(output), time.monotonic() - begin)
