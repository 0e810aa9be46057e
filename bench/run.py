# SPDX-License-Identifier: Apache-2.0
"""Run the benchmarks: a table on standard output, JSON rows under build/bench/.

python bench/run.py PROGRAMS [NAME[:ONLY]...]

PROGRAMS: where meson put the C programs. ONLY: what the names of its cases have in them,
where a benchmark takes long and has many (faults:no-sack, faults:100M/20ms/60kB).
"""

import importlib
import sys
from importlib.resources import files
from pathlib import Path

from rich.console import Console

import rows
from hectograph.testbed.isolation import run_isolated

BENCHMARKS = {
    "replicas": "Replicas in memory, one core",
    "tables": "Lookups and memory of tables",
    "delivery": "Copies delivered over veth pairs",
    "capture": "Copies while they are captured",
    "start": "Start-up until the first copy",
    "entries": "Entries written, and those of a cohort's members",
    "group_push": "Runs to many TCP clients: one push for all, beside a push for each",
    "faults": "Downloads over bad links, and over lines with a rate and a queue",
    "tcp": "Downloads over TCP",
    "cohorts": "Many downloads from one push",
    "crowd": "A crowd that comes bit by bit, beside the model of it",
}
RESULTS = Path("build/bench")


def main(arguments: list[str]) -> int:
    programs, *names = arguments
    artifacts = Path(str(files("hectograph"))) / "artifacts" / "v1model"
    console = Console(width=120)  # also into a pipe
    for chosen in names or BENCHMARKS:
        name, _, only = chosen.partition(":")
        benchmark = importlib.import_module(name)
        if reason := benchmark.missing():
            console.print(f"{BENCHMARKS[name]}: not measured, {reason}\n", highlight=False)
            continue
        narrowed = {"only": only} if only else {}
        measured = benchmark.measure(Path(programs).resolve(), artifacts, **narrowed)
        rows.keep(RESULTS / f"{name}.json", measured)
        rows.show(console, BENCHMARKS[name], measured)
    return 0


if __name__ == "__main__":
    sys.exit(run_isolated(lambda: main(sys.argv[1:])))
