# SPDX-License-Identifier: Apache-2.0
"""Downloads by real clients, on each switch that is here."""

import shutil
from collections.abc import Iterator
from random import Random

import pytest
from tcplab import Content, Lab, running_lab

from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

MTUS = (1500, 1500, 1500, 9000)
"""Of the clients' links."""


@pytest.fixture(scope="package", params=sorted(TARGETS))
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    for client in ("curl", "wget"):
        if shutil.which(client) is None:
            pytest.skip(f"{client} is not on PATH")
    target = TARGETS[str(request.param)]
    if reason := target.missing():
        pytest.skip(reason)
    with Testbed() as testbed, running_lab(testbed, target, MTUS) as lab:
        yield lab


@pytest.fixture(scope="package")
def mebibyte(lab: Lab) -> Content:
    return lab.add_content(Random(1).randbytes(1 << 20))


@pytest.fixture(scope="package")
def large(lab: Lab) -> Content:
    return lab.add_content(Random(2).randbytes(12 << 20))
