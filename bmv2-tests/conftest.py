# SPDX-License-Identifier: Apache-2.0
"""`pytest bmv2-tests --target embedded|bmv2`: which switch the pipeline runs on."""

import itertools
from collections.abc import Iterator

import pytest

from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS
from packetlab.lab import Lab, running_lab
from packetlab.site import Site, make_site


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", choices=sorted(TARGETS), default="embedded")
    parser.addoption("--seed", type=int, help="of test_differential.py, as a failure names it")


def pytest_report_header(config: pytest.Config) -> str:
    return f"bmv2-tests target: {config.getoption('--target')}"


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Lab]:
    target = TARGETS[str(request.config.getoption("--target"))]
    if reason := target.missing():
        pytest.skip(reason)
    with Testbed() as testbed, running_lab(testbed, target) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.prepare()
    return running


_sites = itertools.count()


@pytest.fixture
def site(lab: Lab) -> Site:
    return make_site(lab, next(_sites))
