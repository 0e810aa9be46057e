# SPDX-License-Identifier: Apache-2.0
"""Where the tests find each other's helpers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for compiled
