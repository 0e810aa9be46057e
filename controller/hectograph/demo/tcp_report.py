# SPDX-License-Identifier: Apache-2.0
"""What came of the downloads: a table for people, one object for programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hectograph.cli.units import bytes_text, rate_text
from hectograph.demo.downloads import Downloaded
from hectograph.demo.report import common


@dataclass(frozen=True, slots=True)
class TcpReport:
    target: str
    file_bytes: int
    sha256: str
    host_bytes: int
    """Sent, by the kernel's count of the host's interface."""
    delivered_bytes: int
    """By the kernel's counts of the clients' interfaces."""
    seconds: float
    """From the first client's start to the last one's end."""
    downloaded: Sequence[Downloaded]
    killed: Sequence[str] = ()
    resumed: tuple[int, int] = (0, 0)
    """Downloads that a restarted pusher found in its flow file, and that it took over from
    their positions alone."""

    @property
    def identical(self) -> int:
        return sum(each.identical for each in self.downloaded)

    def succeeded(self) -> bool:
        """Whatever was killed: TCP loses nothing."""
        return self.identical == len(self.downloaded)

    def as_json(self) -> str:
        values = common(
            target=self.target,
            mode="tcp",
            clients=len(self.downloaded),
            identical=self.identical,
            file_bytes=self.file_bytes,
            host_bytes=self.host_bytes,
            delivered_bytes=self.delivered_bytes,
            seconds=self.seconds,
        )
        return json.dumps(values | ({"killed": self.killed} if self.killed else {}))

    def show(self, console: Console) -> None:
        console.print(self._table())
        delivered = self.file_bytes * len(self.downloaded)
        console.print(
            f"host sent        {self.host_bytes:>15,} bytes  (its interface's counter)\n"
            f"clients received {self.delivered_bytes:>15,} bytes  (their interfaces' counters)\n"
            f"in {self.seconds:.1f} s: {bytes_text(delivered)} of files at "
            f"{rate_text(delivered * 8 / self.seconds)}"
        )
        console.print(self._verdict())

    def _table(self) -> Table:
        table = Table(title=f"{bytes_text(self.file_bytes)}, SHA-256 {self.sha256[:16]}…")
        for heading in ("client", "address", "from"):
            table.add_column(heading)
        table.add_column("bytes", justify="right")
        table.add_column("SHA-256")
        for each in self.downloaded:
            state = "[green]identical[/]"
            if not each.identical:
                state = f"[red]{escape(each.error or each.sha256[:16] + '…')}[/]"
            address = str(each.client.address)
            table.add_row(each.client.name, address, escape(each.url), f"{each.bytes:,}", state)
        return table

    def _verdict(self) -> str:
        count = len(self.downloaded)
        after = f" after kill -9 of {', then '.join(self.killed)}" if self.killed else ""
        if not self.succeeded():
            return f"[red]{self.identical} of {count} files are identical{after}[/]"
        verdict = f"[green]all {count} files are identical{after}[/]"
        if "pusher" in self.killed:
            restored, adopted = self.resumed
            verdict += (
                f"\nthe new pusher found {restored} downloads in its flow file and took over"
                f" {adopted} by what their acknowledgements say"
            )
        return verdict
