# SPDX-License-Identifier: Apache-2.0
"""Real switches, each in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from realswitch import ARTIFACTS, P4INFO, RealSwitch

from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.testbed.targets import target


@pytest.fixture(params=["embedded", "bmv2"])
async def switch(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RealSwitch]:
    kind = target(request.param)
    if missing := kind.missing():
        pytest.skip(missing)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    switch = RealSwitch(kind, tmp_path)
    await switch.start()
    yield switch
    await switch.kill()


@pytest.fixture
def driver() -> P4RuntimeDriver:
    return P4RuntimeDriver(P4INFO, ARTIFACTS / "hectograph.json")
