# SPDX-License-Identifier: Apache-2.0
"""What `--pcap` costs the embedded switch while it captures, and what it captures whole.

The peer is the same switch without it, in turns at each push rate. Files are where temporary
files are; each run's are removed after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from copies_lab import MEMBERS, CopiesLab, Delivery, copies_lab, most
from hectograph.testbed.targets import TARGETS
from rows import Row, row

PAYLOADS = (64, 1400)
PUSHES_PER_SECOND = (1000, 4000, 16000, 64000, 256000)
METRICS = ("127.0.0.1", 9100)
NOT_CAPTURED = ("port_capture_lost_total", "port_capture_unwritten_total")


@dataclass(frozen=True, slots=True)
class Captured:
    delivery: Delivery
    missing: float
    """Frames and super-frames that are in no file."""


def missing() -> None:
    """Nothing: it is the switch alone."""


def measure(_programs: Path, artifacts: Path) -> list[Row]:
    rows: list[Row] = []
    for payload in PAYLOADS:
        without: list[Delivery] = []
        capturing: list[Captured] = []
        for rate in PUSHES_PER_SECOND:
            without.append(_run(payload, rate, artifacts, ()).delivery)
            with TemporaryDirectory() as directory:
                capturing.append(_run(payload, rate, artifacts, ("--pcap", directory)))
        name = f"--pcap, {payload} bytes, group of {MEMBERS}"
        bare, ours = most(without), most(each.delivery for each in capturing)
        rows.append(row(name, ours.copies, "copies/s", "without", bare.copies))
        rows.append(row(name, ours.per_cpu, "copies per CPU s", "without", bare.per_cpu))
        whole = [each.delivery.copies for each in capturing if not each.missing]
        most_whole = max(whole, default=0.0)
        rows.append(row(f"{name}, all captured", most_whole, "copies/s", "without", bare.copies))
    return rows


def _run(payload: int, rate: int, artifacts: Path, options: Sequence[str]) -> Captured:
    target = TARGETS["embedded"]
    options = (*options, "--metrics", ":".join(map(str, METRICS)))
    with copies_lab() as lab, lab.running(target, artifacts, options) as program:
        pusher = lab.pusher(target, payload, rate)
        delivery = lab.observed(payload, program.pid, pusher)
        return Captured(delivery, _not_captured(lab))


def _not_captured(lab: CopiesLab) -> float:
    with lab.switch.entered():
        connection = HTTPConnection(*METRICS, timeout=10)
        connection.connect()
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    names = tuple(f"hectograph_switch_{name}{{" for name in NOT_CAPTURED)
    values = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(names)]
    assert values, f"/metrics has no {' or '.join(NOT_CAPTURED)}"
    return sum(values)
