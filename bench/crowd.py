# SPDX-License-Identifier: Apache-2.0
"""A crowd that comes bit by bit, beside what the model says of it (cohort_model.py).

Real clients ask at the moments at which the model's do. What the model cannot know is
measured first: how fast one download is that is alone.
"""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import tcp_lab
from cohort_model import Outcome, World, arrivals, simulate
from cohorts import Publisher
from hectograph.core.cohorts import CohortSettings
from rows import Row, row
from tcp import missing as missing
from tcp_load import Case, Load, add_round, percentile, start_client, take

WORLD = World(
    clients=64,
    content_bytes=64 << 20,
    crowd_seconds=4.0,
    window_seconds=0.1,
    patience_seconds=0.5,
    entries_per_second=52_800,  # make bench BENCH=entries
    loss=0.0,
)
ALONE_ROUNDS = 8
START_SECONDS = 1.5
"""Until so many programs are in memory."""


def measure(programs: Path, artifacts: Path) -> list[Row]:  # noqa: ARG001
    settings = CohortSettings(WORLD.window_seconds, WORLD.patience_seconds)
    with (
        tcp_lab.running(entries=False) as lab,
        Publisher(lab.ours.lab, settings, lab.ours.urls) as publisher,
    ):
        with publisher.published(WORLD.content_bytes) as content:
            bits = _alone(lab, programs, Case(content, 1, 0.0))
        model = simulate(replace(WORLD, host_bits=bits, client_bits=bits))
        with publisher.published(WORLD.content_bytes) as content:
            before = lab.ours.lab.counters()
            sent = lab.ours.sent_bytes()
            load = _crowd(lab, programs, Case(content, 1, 0.0))
            sent = lab.ours.sent_bytes() - sent
            counters = lab.ours.lab.counters()
        counted = {name: value - before[name] for name, value in counters.items()}
    return _rows(model, load, sent, counted)


def _alone(lab: tcp_lab.Lab, programs: Path, case: Case) -> float:
    """Bits a second, from the first byte to the last."""
    load = Load()
    for _ in range(ALONE_ROUNDS):
        add_round(load, lab, programs, lab.ours, case)
    taken = (last - first for first, last in zip(load.first_byte, load.last_byte, strict=True))
    return 8e6 * WORLD.content_bytes / median(taken)


def _crowd(lab: tcp_lab.Lab, programs: Path, case: Case) -> Load:
    load, begin = Load(), time.monotonic() + START_SECONDS
    clients = [
        start_client(lab, programs, lab.ours, case, number % len(lab.clients), begin + asked)
        for number, asked in enumerate(arrivals(WORLD))
    ]
    for client in clients:
        take(load, client)
    return load


def _rows(model: Outcome, load: Load, sent: int, counted: dict[str, int]) -> list[Row]:
    def each(what: str, value: float, unit: str, predicted: float) -> Row:
        name = f"{WORLD.clients} clients within {WORLD.crowd_seconds:g} s: {what}"
        return row(name, value, unit, "model", predicted)

    together = counted["cohort_joins"] - counted["cohort_left_lone"]  # who waited in vain
    return [
        each("sent by the host", sent / WORLD.content_bytes, "copies", model.copies),
        each("cohorts", counted["cohorts_run"], "", model.cohorts),
        each("in cohorts", together, "clients", model.in_cohorts),
        each(
            "complete, p50", percentile(load.last_byte, 50) / 1e3, "ms", 1e3 * model.percentile(50)
        ),
        each(
            "complete, p99", percentile(load.last_byte, 99) / 1e3, "ms", 1e3 * model.percentile(99)
        ),
    ]
