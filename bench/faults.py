# SPDX-License-Identifier: Apache-2.0
"""Downloads over links as real ones are, beside nginx's: what is lost, late or doubled by
chance, and lines with a rate and a queue (paths.py).

The same client in the same namespace, behind the same relay with the same seed; its other
side is the embedded switch or nginx, in turn.
"""

from pathlib import Path

import paths
from path_lab import Link, Load, PathLab, congestion_controls, running
from path_lab import missing as missing
from rows import Row, row

ROUNDS = 3

MIB = 1 << 20
FAULTS: dict[str, tuple[int, Link]] = {
    "none": (64 * MIB, Link()),
    "loss 0.1 %": (32 * MIB, Link(loss=0.001)),
    "loss 1 %": (16 * MIB, Link(loss=0.01)),
    "loss 5 %": (4 * MIB, Link(loss=0.05)),
    "reordering 5 %, by 3 ms": (16 * MIB, Link(reorder=0.05)),
    "duplication 5 %": (32 * MIB, Link(duplicate=0.05)),
    "50 ms added": (32 * MIB, Link(rtt=50)),
    "50 ms added, loss 0.1 %": (8 * MIB, Link(rtt=50, loss=0.001)),
    "50 ms added, loss 1 %": (2 * MIB, Link(rtt=50, loss=0.01)),
    "50 ms added, loss 5 %": (MIB // 2, Link(rtt=50, loss=0.05)),
    "50 ms added, reordering 5 %": (8 * MIB, Link(rtt=50, reorder=0.05)),
}
"""Bytes, and what both directions suffer: few enough that a download takes seconds."""


def measure(programs: Path, artifacts: Path, only: str = "") -> list[Row]:
    """Of all cases, or of those that have `only` in their name."""
    del programs, artifacts  # running() finds its own
    rows: list[Row] = []
    faults = [name for name in FAULTS if only in name]
    if faults:
        with running(1, congestion_controls()) as lab:
            for name in faults:
                rows += _compare(lab, name)
    return rows + paths.measure(only)


def _compare(lab: PathLab, fault: str) -> list[Row]:
    """Each round downloads once from each; the time is that of all its downloads."""
    size, link = FAULTS[fault]
    seconds = dict.fromkeys((server.name for server in lab.servers), 0.0)
    with lab.published(size) as content:
        for number in range(ROUNDS):
            for server in lab.servers:
                load = Load([server], version=(4, 6)[number % 2])
                measured = lab.run([link], load, content, seed=number)
                seconds[server.name] += measured.whole_seconds
    goodput = {name: ROUNDS * size * 8e-6 / spent for name, spent in seconds.items()}
    return [
        row(fault, goodput[lab.ours.name], "Mbit/s", peer.name, goodput[peer.name])
        for peer in lab.nginx
    ]
