# SPDX-License-Identifier: Apache-2.0
"""Lines with a rate and a queue: goodput, drops and queueing delay, and who gets how much.

Each case runs RUNS times, and the worst run of either server counts: of a queue it matters
how slow start happens to end. A flow's download ends after some seconds, a crowd's when the
last client has all. Aims are set beside nginx with CUBIC.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

from path_lab import (
    Link,
    Load,
    Measured,
    Nginx,
    PathLab,
    Receiver,
    Server,
    congestion_controls,
    jain,
    running,
    spread,
)
from rows import Row, row

RUNS = 5
CLIENTS = 8
SECONDS = 8.0
LONG_SECONDS = 15.0
LONG_RTT = 500
SHORT_SECONDS = 5.0
"""With a window of 64 kB there is nothing to learn."""

GOODPUT_AIM = 0.95
DROPS_AIM = 1.5
LAST_AIM = 1.1

LINKS: dict[str, Link] = {
    "100M/20ms/250kB": Link(100, 20, 250_000),
    "100M/20ms/60kB": Link(100, 20, 60_000),
    "100M/20ms/250kB/2%late": Link(100, 20, 250_000, reorder=0.02),
    "300M/10ms/375kB": Link(300, 10, 375_000),
    "10M/10ms/30kB": Link(10, 10, 30_000),
    "5M/200ms/125kB": Link(5, 200, 125_000),
    "100M/100ms/1250kB": Link(100, 100, 1_250_000),
    "20M/40ms/1MB": Link(20, 40, 1_000_000),
    "50M/50ms/300kB/0.1%lost": Link(50, 50, 300_000, loss=0.001),
    "50M/600ms/3750kB": Link(50, 600, 3_750_000),
}
"""By rate, round trip and queue; no name has a space, so that one can be chosen:
BENCH=faults:100M/20ms/60kB."""
RECEIVERS = {
    "with-sack": Receiver(),
    "no-sack": Receiver(sack=False),
    "no-scaling": Receiver(window_scaling=False),
}
SHARED = ("100M/20ms/250kB", "100M/20ms/60kB")
"""One queue for all clients."""
SHARED_BYTES = 12_000_000
OWN: dict[str, list[Link]] = {
    "30M/0.4-0.8ms/64kB": spread(Link(30, 0.4, 64_000), 0.8, CLIENTS),
    "30M/0.4-0.8ms/256kB": spread(Link(30, 0.4, 256_000), 0.8, CLIENTS),
    "50M/10-40ms/125kB": spread(Link(50, 10, 125_000), 40, CLIENTS),
}
"""A line and a queue for each client."""
OWN_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    links: Sequence[Link]
    clients: int = 1
    receiver: Receiver = RECEIVERS["with-sack"]
    seconds: float | None = None
    """None: until the last client has all `size` bytes."""
    size: int = 0
    cohort: bool = False
    beside: bool = False
    """One client of ours and one of nginx's, through one queue."""
    controls: Sequence[str] = ("cubic",)
    """Of the peers."""


def measure(only: str = "") -> list[Row]:
    rows: list[Row] = []
    for cohort in (False, True):
        chosen = [case for case in cases() if case.cohort == cohort and only in case.name]
        if chosen:
            with running(CLIENTS, congestion_controls(), cohorts=cohort) as lab:
                for case in chosen:
                    rows += _rows(case, lab)
    return rows


def cases() -> list[Case]:
    flows = [
        Case(
            f"{name} {receiver}",
            [link],
            receiver=lacks,
            seconds=_seconds(link, lacks),
            controls=congestion_controls() if receiver == "with-sack" else ("cubic",),
        )
        for receiver, lacks in RECEIVERS.items()
        for name, link in LINKS.items()
    ]
    beside = [
        Case(f"{name} beside", [LINKS[name]], clients=2, seconds=LONG_SECONDS, beside=True)
        for name in SHARED
    ]
    crowds = [
        Case(f"{name} {who}", links, CLIENTS, size=size, cohort=cohort)
        for who, cohort in (("flows", False), ("cohort", True))
        for name, links, size in (
            *((f"{name} one-queue", [LINKS[name]], SHARED_BYTES) for name in SHARED),
            *((f"{name} 8-links", links, OWN_BYTES) for name, links in OWN.items()),
        )
    ]
    return flows + beside + crowds


def _seconds(link: Link, receiver: Receiver) -> float:
    if link.rtt > LONG_RTT:
        return LONG_SECONDS
    return SECONDS if receiver.window_scaling else SHORT_SECONDS


def _rows(case: Case, lab: PathLab) -> list[Row]:
    size = case.size or int(case.links[0].rate * 125e3 * (case.seconds or 0) * 1.05)
    turns = _turns(case, lab)
    runs: dict[str, list[Measured]] = {name: [] for name in turns}
    for number in range(RUNS):
        # A new one for each run: what is asked for again is served differently from a new one.
        with lab.published(size) as content:
            for name, servers in turns.items():
                load = Load(servers, case.seconds, case.receiver)
                runs[name].append(lab.run(case.links, load, content, seed=number))
    if case.beside:
        return _shares(case, lab, runs[case.name])
    ours = runs[lab.ours.name]
    return [
        each
        for peer in lab.nginx
        if peer.name in runs
        for each in _compared(case, ours, peer, runs[peer.name])
    ]


def _turns(case: Case, lab: PathLab) -> dict[str, Sequence[Server]]:
    """By name, the servers of the clients."""
    peers = [peer for peer in lab.nginx if peer.control in case.controls]
    if case.beside:
        return {case.name: [lab.ours, *peers]}
    return {server.name: [server] * case.clients for server in (lab.ours, *peers)}


def _compared(case: Case, ours: list[Measured], peer: Nginx, theirs: list[Measured]) -> list[Row]:
    """The worst of ours beside the worst of theirs."""

    def each(
        what: str,
        unit: str,
        worst: Callable[[list[float]], float],
        value: Callable[[Measured], float],
        aim: Callable[[float, float], bool] | None = None,
    ) -> Row:
        one, other = worst([value(run) for run in ours]), worst([value(run) for run in theirs])
        met = aim(one, other) if aim and peer.control == "cubic" else None
        return row(f"{case.name}: {what}", one, unit, peer.name, other, met)

    rows = [
        each("goodput", "Mbit/s", min, lambda run: run.goodput, lambda a, b: a >= GOODPUT_AIM * b),
        each("dropped", "%", max, lambda run: 100 * run.dropped, lambda a, b: a <= DROPS_AIM * b),
        each("queueing, mean", "ms", max, lambda run: run.mean_queueing_ms),
        each("timeouts", "", max, lambda run: run.timeouts, lambda a, b: a == 0 or b > 0),
    ]
    if case.seconds is not None:
        return rows
    last = each("last done", "s", max, lambda run: run.last_seconds, lambda a, b: a <= LAST_AIM * b)
    unfinished = each("never done", "", max, lambda run: run.unfinished, lambda a, _: a == 0)
    return [*rows, last, unfinished]


def _shares(case: Case, lab: PathLab, runs: list[Measured]) -> list[Row]:
    shares = [[download.goodput for download in run.downloads] for run in runs]
    peer = lab.nginx[0].name
    return [
        row(
            f"{case.name}: goodput, mean",
            mean(ours for ours, _ in shares),
            "Mbit/s",
            peer,
            mean(theirs for _, theirs in shares),
        ),
        row(f"{case.name}: Jain's index, worst", min(map(jain, shares)), "", "equal shares", 1),
        row(
            f"{case.name}: dropped",
            max(100 * run.dropped_of(0) for run in runs),
            "%",
            peer,
            max(100 * run.dropped_of(1) for run in runs),
        ),
    ]
