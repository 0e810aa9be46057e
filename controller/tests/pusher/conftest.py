# SPDX-License-Identifier: Apache-2.0
"""A link of its own for each test. $HECTOGRAPH_PUSHER names another build of the program."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for pusherlab

from pusherlab import Lab

from hectograph.testbed import Testbed


@pytest.fixture
def lab(testbed: Testbed) -> Lab:
    return Lab(testbed)


@pytest.fixture
def data() -> bytes:
    """689 segments and an odd rest, the same in every run."""
    return random.Random(1).randbytes(1_000_503)
