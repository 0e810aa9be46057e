# SPDX-License-Identifier: Apache-2.0
"""For every test here: the run leaves the machine's network before the first of them."""

import signal

import pytest
from hypothesis import settings

pytest_plugins = ("hectograph.testbed.pytest_plugin",)

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("soak", deadline=None, max_examples=160)
# The same examples in each run: what chance finds, `make soak` finds, and not somebody's change.
settings.register_profile("always", deadline=None, derandomize=True, max_examples=40)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="also what takes minutes: make soak")
    parser.addoption(
        "--record-example",
        action="store_true",
        help="write the capture and the numbers of docs/stateless-tcp.md's example anew",
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("soak" if config.getoption("--soak") else "always")
    # A shell's background job begins with SIGINT ignored, and so would every program under test.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "soak: takes minutes, and runs with --soak only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="--soak"))
