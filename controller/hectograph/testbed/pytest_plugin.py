# SPDX-License-Identifier: Apache-2.0
"""For conftest.py: ``pytest_plugins = ("hectograph.testbed.pytest_plugin",)``.

The whole test run leaves the machine's network, so that no test can touch it.
"""

from collections.abc import Iterator

import pytest

from hectograph.errors import Unavailable
from hectograph.testbed.isolation import isolate
from hectograph.testbed.network import Namespace
from hectograph.testbed.testbed import Testbed

_refused: Unavailable | None = None


def pytest_configure() -> None:
    """Early: a user namespace can only be entered while there is one thread."""
    global _refused
    try:
        isolate()
        Namespace.current().close()  # loopback up
    except Unavailable as error:
        _refused = error


@pytest.fixture
def testbed() -> Iterator[Testbed]:
    """A test that needs a network fails, and says why, where the system gives it none."""
    if _refused:
        pytest.fail(str(_refused))
    with Testbed() as bed:
        yield bed
