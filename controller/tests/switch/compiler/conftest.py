# SPDX-License-Identifier: Apache-2.0
"""Programs compiled for these tests must not draw one warning."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for compiled

from hectograph.switch.compiler import build


@pytest.fixture(scope="session", autouse=True)
def _strict() -> Iterator[None]:
    """Warnings are errors, and undefined behaviour traps."""
    with pytest.MonkeyPatch.context() as patch:
        strict = ("-Werror", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
        patch.setattr(build, "FLAGS", (*build.FLAGS, *strict))
        yield
