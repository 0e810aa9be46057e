# SPDX-License-Identifier: Apache-2.0
"""The C program, as it lies in the package."""

import os
from pathlib import Path

from hectograph.errors import NotFound

VARIABLE = "HECTOGRAPH_PUSHER"
"""Names another build of it: one with sanitizers, say."""


def program_path() -> Path:
    """The installed program, or the one that $HECTOGRAPH_PUSHER names."""
    path = Path(os.environ.get(VARIABLE) or Path(__file__).parents[1] / "bin" / "hectograph-pusher")
    if not os.access(path, os.X_OK):
        raise NotFound("the pusher's program is not there; install the package", where=str(path))
    return path
