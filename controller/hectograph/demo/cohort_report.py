# SPDX-License-Identifier: Apache-2.0
"""What came of many downloads from one push."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from hectograph.demo.tcp_report import TcpReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReport(TcpReport):
    # A dataclass with slots is made twice: super() knows only the first.

    cohorts: int
    """That began to push."""
    pushes: int
    """To groups, by the pusher's count."""
    repairs: int
    """Pushes to single members, of what they had lost or come too late for."""
    reasons: Mapping[str, int]
    """Why members had to leave, and how many: they went on alone."""

    @property
    def evictions(self) -> int:
        return sum(self.reasons.values())

    @property
    def copies(self) -> float:
        """How many files the host sent, headers included."""
        return self.host_bytes / self.file_bytes

    def as_json(self) -> str:
        values = json.loads(TcpReport.as_json(self))
        more = ("cohorts", "pushes", "repairs", "evictions", "reasons")
        return json.dumps(
            values | {"mode": "cohort"} | {name: getattr(self, name) for name in more}
        )

    def show(self, console: Console) -> None:
        TcpReport.show(self, console)
        why = ", ".join(f"{count} {reason}" for reason, count in self.reasons.items())
        console.print(
            f"the host sent {self.copies:.3f} times the file, in {self.pushes:,} pushes to "
            f"{self.cohorts} cohort{'' if self.cohorts == 1 else 's'}; {self.repairs} repairs, "
            f"{self.evictions} members went on alone{why and f' ({why})'}"
        )
