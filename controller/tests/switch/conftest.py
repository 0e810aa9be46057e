# SPDX-License-Identifier: Apache-2.0
"""A switch without interfaces, served over gRPC on a loopback port of its own."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for p4client and switchlab

from p4client import DEVICE_ID, Controller, load_config
from switchlab import Lab, link_ports

from hectograph.switch.compiler import build
from hectograph.switch.native import Switch
from hectograph.switch.server import P4RuntimeServer
from hectograph.testbed import Testbed


@pytest.fixture(scope="session", autouse=True)
def _compiled_pipelines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kept for the run, and not in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _strict() -> Iterator[None]:
    """Of programs that tests compile, warnings are errors, and undefined behaviour traps."""
    with pytest.MonkeyPatch.context() as patch:
        strict = ("-Werror", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
        patch.setattr(build, "FLAGS", (*build.FLAGS, *strict))
        yield


@pytest.fixture
def native_switch() -> Iterator[Switch]:
    switch = Switch(cpu_port=510)
    switch.start()
    yield switch
    switch.close()


@pytest.fixture
async def address(native_switch: Switch) -> AsyncIterator[str]:
    server = P4RuntimeServer(native_switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0")
    yield f"127.0.0.1:{port}"
    await server.stop()


@pytest.fixture
async def controller(address: str) -> AsyncIterator[Controller]:
    """A client that has opened no stream yet."""
    async with Controller(address) as client:
        yield client


@pytest.fixture
async def primary(controller: Controller) -> Controller:
    await controller.become_primary()
    return controller


@pytest.fixture
async def kinds(primary: Controller) -> Controller:
    """The primary of a switch that runs kinds.p4."""
    await primary.set_config(load_config("kinds"))
    return primary


@pytest.fixture
async def shipped(primary: Controller) -> Controller:
    """The primary of a switch that runs the shipped pipeline."""
    await primary.set_config(load_config("hectograph"))
    return primary


@pytest.fixture
def lab(testbed: Testbed) -> Lab:
    inside, outside = testbed.namespace("inside"), testbed.namespace("outside")
    link_ports(testbed, inside, outside)
    return Lab(testbed, inside, outside)
