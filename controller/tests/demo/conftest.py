# SPDX-License-Identifier: Apache-2.0
"""What is delivered."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(os.urandom(8 << 20) + b"an odd end.")
    return path
