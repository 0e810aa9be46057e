# SPDX-License-Identifier: Apache-2.0
"""For every test here: the run leaves the machine's network before the first of them."""

import os
import signal
from collections import Counter

import pytest
from hypothesis import settings

pytest_plugins = ("hectograph.testbed.pytest_plugin",)

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("soak", deadline=None, max_examples=160)
# The same examples in each run: what chance finds, `make soak` finds, and not somebody's change.
settings.register_profile("always", deadline=None, derandomize=True, max_examples=40)

# What waits for a time, or has a network of several programs: with `-n 2` (make test) one after
# the other in one process. All others run beside them, and give way to them.
TIMED = tuple(
    f"controller/tests/{each}"
    for each in ("tcp", "demo", "pusher", "service", "testbed", "cli/test_up")
)
TIMED_GROUP = "timed"
NICE = 10


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


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    names = Counter(item.nodeid for item in items)
    if twice := [name for name, count in names.items() if count > 1]:
        raise pytest.UsageError(f"with -n 2 only one would run of those called {twice[0]}")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    if config.getoption("--soak"):
        return
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="--soak"))


def _group(item: pytest.Item) -> str:
    """One process runs all of a group."""
    path = item.path.relative_to(item.config.rootpath).as_posix()
    return TIMED_GROUP if path.startswith(TIMED) else path


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ or _group(item) == TIMED_GROUP:
        return
    if os.getpriority(os.PRIO_PROCESS, 0) < NICE:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
