# SPDX-License-Identifier: Apache-2.0
"""The bar that a demonstration shows on a terminal."""

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


def progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}   "), BarColumn(), DownloadColumn(binary_units=True))
    return Progress(*columns, TransferSpeedColumn(), console=console, transient=True)
