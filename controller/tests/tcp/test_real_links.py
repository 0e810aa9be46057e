# SPDX-License-Identifier: Apache-2.0
"""Whole downloads where everything is at once that real networks have (reallinks.py)."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cohortlab import Counted, controlled, serve
from reallinks import PLACES, Fetched, lab_of_real_links, real_links
from tcplab import Lab

from hectograph.core.cohorts import CohortSettings
from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

MB = 1_000_000
EACH_ALONE = CohortSettings(window_seconds=0)
PATIENCE_SECONDS = 8
"""With a cohort's window, the second of silence, and a machine that is busy with other tests.
Downloads that hang take 24 s and more, or never end."""
DROPPED_MOST = 0.05
"""Of a line's frames. Linux drops 0.1 to 0.6 %."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    with Testbed() as testbed, lab_of_real_links(testbed, TARGETS["embedded"]) as lab:
        yield lab


async def test_flows(lab: Lab, tmp_path: Path) -> None:
    """Everybody has the file, about as soon as its line carries it; no queue is flooded."""
    size = 5 * MB
    async with controlled(lab, tmp_path / "controller.db", EACH_ALONE) as service:
        served = await serve(service, tmp_path, "film", size)
        with real_links(lab) as links:
            fetched = await links.fetch(served.urls[:1])
            dropped = links.dropped()
    assert [each.sha256 for each in fetched] == [served.sha256] * len(PLACES)
    assert late(fetched, size) == {}
    assert {name: share for name, share in dropped.items() if share > DROPPED_MOST} == {}


async def test_a_crowd(lab: Lab, tmp_path: Path) -> None:
    """The same of two clients in each place, who are served together, over IPv6 and IPv4."""
    size = 5 * MB
    async with controlled(lab, tmp_path / "controller.db") as service:
        served = await serve(service, tmp_path, "film", size)
        counted = await Counted.begin(lab)
        with real_links(lab) as links:
            fetched = await links.fetch(served.urls)
            dropped = links.dropped()
        counters = await counted.now()
    assert [each.sha256 for each in fetched] == [served.sha256] * 2 * len(PLACES)
    assert counters["cohorts_run"] >= 1
    assert late(fetched, 2 * size) == {}
    assert {name: share for name, share in dropped.items() if share > DROPPED_MOST} == {}


def late(fetched: Sequence[Fetched], size: int) -> dict[str, float]:
    """Who took more than three times what its line takes for so much, and PATIENCE_SECONDS."""
    return {
        place.name: each.seconds
        for place, each in zip(PLACES * (len(fetched) // len(PLACES)), fetched, strict=True)
        if each.seconds > PATIENCE_SECONDS + 3 * 8e-6 * size / place.rate
    }
