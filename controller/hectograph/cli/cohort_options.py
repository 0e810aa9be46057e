# SPDX-License-Identifier: Apache-2.0
"""How cohorts are formed, as options of `controller` and `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hectograph.config import Settings

Window = Annotated[
    float | None,
    typer.Option(
        "--cohort-window",
        metavar="MS",
        help="How long a download waits for others; 0: no cohorts.",
        show_default="5",
    ),
]
Patience = Annotated[
    float | None,
    typer.Option(
        "--cohort-patience",
        metavar="MS",
        help="Beyond that, how long for its entry in the switch.",
        show_default="100",
    ),
]
Members = Annotated[
    int | None,
    typer.Option(
        "--cohort-members",
        help="Of one cohort, at most; 0: as many as the pusher can.",
        show_default="0",
    ),
]


def words(settings: Settings) -> list[str]:
    """The same for another process."""
    return [
        *("--cohort-window", f"{settings.cohort_window_ms:g}"),
        *("--cohort-patience", f"{settings.cohort_patience_ms:g}"),
        *("--cohort-members", str(settings.cohort_members)),
    ]
