# SPDX-License-Identifier: Apache-2.0
"""What cohorts would do beyond this machine: an event model of one flash crowd.

    python bench/cohort_model.py

`make bench BENCH=crowd` compares it with a crowd of real clients (bench/crowd.py).

Fluid, and exact within its assumptions: between two events every sender has one rate.

* All clients want one content; they arrive as a Poisson process over `crowd_seconds`.
* A request joins the cohort that is forming, or forms the next: it closes `window_seconds`
  later. Its entries are written one after the other, `entries_per_second` for all cohorts;
  who has none `patience_seconds` after the close goes alone, and so does a lone request, and
  whoever finds the switch's `slots` full.
* The first request of a new content waits for others as well (host/tcp/cohort_form.c).
* The host's link is shared equally by what is sent on it at a time: one sender for each
  cohort that runs, one for each client alone; none is faster than a client's link.
* Repairs: each member's path loses `loss` of its bytes, which come by flow pushes, so each
  member adds that share of its cohort's rate to the host's load.
* Nobody is slower than the others (they would have left): sick clients are singles that
  somebody else has to model.

Not modelled: round trips and slow start (tens of ms for each download), the switch's ports (each
client's link is its own), acknowledgements at the host (about one pull for each 64 KB received).
"""

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    clients: int
    content_bytes: int = 100 << 20
    crowd_seconds: float = 10.0
    window_seconds: float = 0.005
    """0: no cohorts."""
    patience_seconds: float = 0.1
    entries_per_second: float = 20_000.0
    slots: int = 16_384
    """Members in cohorts at a time: what fits a Tofino 1 (p4/shared/sizes.p4)."""
    host_bits: float = 100e9
    client_bits: float = 1e9
    loss: float = 0.0005
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    host_bytes: float = 0.0
    delivered_bytes: float = 0.0
    finished: list[float] = field(default_factory=list[float])
    """Seconds from each client's request to its last byte."""
    cohorts: int = 0
    in_cohorts: int = 0
    most_senders: int = 0

    @property
    def copies(self) -> float:
        """How many times the host sent the content."""
        return self.host_bytes / (self.delivered_bytes / len(self.finished))

    def percentile(self, percent: float) -> float:
        """Seconds."""
        ordered = sorted(self.finished)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


@dataclass(frozen=True, slots=True, order=True)
class Sender:
    """Something on the host's link, ordered by when it ends in the link's own time."""

    ends: float
    number: int
    requests: tuple[float, ...] = field(compare=False)
    """When each of its clients asked, seconds."""
    weight: float = field(compare=False)
    """Bytes on the link for each byte of content: 1, and repairs."""
    in_cohort: bool = field(compare=False)


class Link:
    """Processor sharing: in the link's own time each sender gets one byte a unit."""

    def __init__(self, world: World, outcome: Outcome) -> None:
        self._world = world
        self._outcome = outcome
        self._senders: list[Sender] = []
        self._weight = 0.0
        self._own = 0.0
        self._now = 0.0
        self._number = 0
        self.members = 0

    def add(self, now: float, requests: tuple[float, ...], *, cohort: bool) -> None:
        self.advance(now)
        weight = 1 + (self._world.loss * len(requests) if cohort else self._world.loss)
        self._number += 1
        ends = self._own + self._world.content_bytes
        heapq.heappush(self._senders, Sender(ends, self._number, requests, weight, cohort))
        self._weight += weight
        self.members += len(requests) if cohort else 0
        self._outcome.most_senders = max(self._outcome.most_senders, len(self._senders))

    def advance(self, until: float) -> None:
        """Everything that ends by then ends."""
        while self._senders:
            ends = self._now + (self._senders[0].ends - self._own) / self._rate()
            if ends > until:
                break
            self._pass(ends)
            self._end(heapq.heappop(self._senders))
        self._pass(until)

    def drain(self) -> None:
        self.advance(math.inf)

    def _rate(self) -> float:
        """Bytes a second of each."""
        share = self._world.host_bits / self._weight
        return min(self._world.client_bits, share) / 8

    def _pass(self, until: float) -> None:
        if self._senders and until > self._now:
            self._own += (until - self._now) * self._rate()
        self._now = max(self._now, until)

    def _end(self, sender: Sender) -> None:
        size = self._world.content_bytes
        self._weight -= sender.weight
        self.members -= len(sender.requests) if sender.in_cohort else 0
        self._outcome.host_bytes += size * sender.weight
        self._outcome.delivered_bytes += size * len(sender.requests)
        self._outcome.finished += [self._now - asked for asked in sender.requests]


def simulate(world: World) -> Outcome:
    outcome = Outcome()
    link = Link(world, outcome)
    formed: list[tuple[float, tuple[float, ...]]] = []
    """Cohorts that wait for their entries: when they start, and whose."""
    waiting = 0
    """Their members."""
    written = 0.0
    """When the controller has written all that it was asked to."""
    for requests in _windows(world):
        closes = requests[0] + world.window_seconds
        while formed and formed[0][0] <= closes:
            ready, members = heapq.heappop(formed)
            waiting -= len(members)
            link.add(ready, members, cohort=True)
        link.advance(closes)
        entered: list[float] = []
        ready = closes
        for asked in requests:
            done = max(written, asked) + 1 / world.entries_per_second
            full = link.members + waiting + len(entered) >= world.slots
            if len(requests) == 1 or full or done > closes + world.patience_seconds:
                link.add(closes, (asked,), cohort=False)
                continue
            written = done
            ready = max(ready, done)
            entered.append(asked)
        if entered:
            outcome.cohorts += 1
            outcome.in_cohorts += len(entered)
            waiting += len(entered)
            heapq.heappush(formed, (ready, tuple(entered)))
    while formed:
        link.add(*heapq.heappop(formed), cohort=True)
    link.drain()
    return outcome


def arrivals(world: World) -> list[float]:
    """When each client asks, seconds."""
    chance = random.Random(world.seed)  # noqa: S311
    return sorted(chance.uniform(0, world.crowd_seconds) for _ in range(world.clients))


def _windows(world: World) -> Iterator[tuple[float, ...]]:
    """The requests of each window, ascending; it begins with the first that finds none open."""
    some: list[float] = []
    for asked in arrivals(world):
        if some and asked >= some[0] + world.window_seconds:
            yield tuple(some)
            some = []
        some.append(asked)
    yield tuple(some)


CROWDS = (10_000, 100_000, 1_000_000)
WINDOWS = (0.0, 0.005, 0.1, 1.0)


def show(console: Console) -> None:
    world = World(clients=1)
    table = Table(
        title=f"A content of {world.content_bytes >> 20} MiB, asked for within "
        f"{world.crowd_seconds:g} s; host link {world.host_bits / 1e9:g} Gbit/s, clients "
        f"{world.client_bits / 1e9:g} Gbit/s, {world.slots:,} slots",
        title_justify="left",
        box=box.SIMPLE,
    )
    for heading in ("clients", "window", "sent by host", "in cohorts", "p50", "p99", "senders"):
        table.add_column(heading, justify="right")
    for clients in CROWDS:
        for window in WINDOWS:
            outcome = simulate(World(clients=clients, window_seconds=window))
            table.add_row(
                f"{clients:,}",
                f"{window * 1e3:g} ms" if window else "none",
                f"{outcome.copies:,.1f} copies",
                f"{outcome.in_cohorts / clients:.0%}",
                f"{outcome.percentile(50):,.2f} s",
                f"{outcome.percentile(99):,.2f} s",
                f"{outcome.most_senders:,}",
            )
    console.print(table)


if __name__ == "__main__":
    show(Console(width=110))
