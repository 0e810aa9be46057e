# SPDX-License-Identifier: Apache-2.0
"""How the embedded switch sends by its ports, as options of `switch` and `up`."""

from typing import Annotated

import typer

QUEUE_MS = 50
"""HG_PORT_QUEUE_MS of hg_switch.h, which is not loaded for a command's help."""
MAX_QUEUE_MS = 60_000

Queue = Annotated[
    int,
    typer.Option(
        "--port-queue",
        metavar="MS",
        min=1,
        max=MAX_QUEUE_MS,
        help="How long a frame waits for a port that is slower than what it is to send.",
    ),
]
