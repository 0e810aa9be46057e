# SPDX-License-Identifier: Apache-2.0
"""From the start of a switch's process to the first copy that a client gets, with pushes
coming all the time: the program starts, a client sets the pipeline and writes its entries.

The shipped pipeline's shared object comes with the package. That of any other is compiled
once and then comes from the cache: the same pipeline by another name stands for those. The
peer is BMv2 with the same artifact, which interprets it.
"""

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

from copies_lab import copies_lab
from hectograph.testbed.targets import TARGETS, Target
from rows import Row, row

ROUNDS = 5
PAYLOAD = 1400
PUSHES_PER_SECOND = 1000
SECONDS_MAX = 60.0
P4INFO = "hectograph.p4info.txtpb"
JSON = "hectograph.json"


def missing() -> str | None:
    return TARGETS["bmv2"].missing()


def measure(_programs: Path, artifacts: Path) -> list[Row]:
    with TemporaryDirectory() as directory:
        took: defaultdict[str, list[float]] = defaultdict(list)
        embedded = TARGETS["embedded"]
        for number in range(ROUNDS):
            renamed = _renamed(artifacts, Path(directory) / str(number))
            cache = {"XDG_CACHE_HOME": str(renamed)}
            took["shipped"].append(_milliseconds(embedded, artifacts, {}))
            took["compiled"].append(_milliseconds(embedded, renamed, cache))
            took["cached"].append(_milliseconds(embedded, renamed, cache))
            took["bmv2"].append(_milliseconds(TARGETS["bmv2"], artifacts, {}))
    median = {name: statistics.median(each) for name, each in took.items()}
    theirs = median.pop("bmv2")
    return [
        row(f"started until the first copy, {name}", its, "ms", "bmv2", theirs)
        for name, its in median.items()
    ]


def _renamed(artifacts: Path, directory: Path) -> Path:
    """The artifact as another program's, so that no shared object of it is there."""
    directory.mkdir()
    copy(artifacts / P4INFO, directory)
    pipeline = json.loads((artifacts / JSON).read_text())
    pipeline["program"] = str(directory)
    (directory / JSON).write_text(json.dumps(pipeline))
    return directory


def _milliseconds(target: Target, artifacts: Path, environment: Mapping[str, str]) -> float:
    with copies_lab() as lab:
        lab.bed.environment.update(environment)
        pusher = lab.pusher(target, PAYLOAD, PUSHES_PER_SECOND)
        begin = time.monotonic()
        with lab.running(target, artifacts):
            while lab.received(PAYLOAD) < 1:
                if time.monotonic() > begin + SECONDS_MAX:
                    raise TimeoutError(f"{target.name}: no copy within {SECONDS_MAX:g} s")
                time.sleep(0.001)
            took = time.monotonic() - begin
        pusher.stop()
        return took * 1e3
