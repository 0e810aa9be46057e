# SPDX-License-Identifier: Apache-2.0
"""Which files may be served, as ``controller`` and ``up`` have it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hectograph.config import Settings

Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--content-root",
        help="Files beneath it may be served; repeat it.",
        show_default="the working directory and /srv, files that everybody may read",
    ),
]


def words(settings: "Settings") -> list[str]:
    """The options that say so to a controller."""
    return [word for root in settings.content_root for word in ("--content-root", str(root))]
