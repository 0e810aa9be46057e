# SPDX-License-Identifier: Apache-2.0
"""What came of it: a table for people, one object for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from hectograph.cli.units import bytes_text, rate_text
from hectograph.demo.gaps import Gap
from hectograph.demo.receivers import Received


def common(
    *,
    target: str,
    mode: str,
    clients: int,
    identical: int,
    file_bytes: int,
    host_bytes: int,
    delivered_bytes: int,
    seconds: float,
) -> dict[str, object]:
    """What every demonstration's JSON has."""
    return {**locals(), "seconds": round(seconds, 3)}


@dataclass(frozen=True, slots=True)
class Report:
    target: str
    file_bytes: int
    sha256: str
    segment_bytes: int
    """Payload of a push."""
    host_bytes: int
    """Sent, by the kernel's count of the host's interface."""
    delivered_bytes: int
    """By the kernel's counts of the clients' interfaces."""
    seconds: float
    """From the first push to the last receiver's last datagram."""
    received: Sequence[Received]
    taken: int | None = None
    """Pushes that the switch took; where a file is not identical, and nothing was killed."""
    killed: Sequence[str] = ()
    gaps: Sequence[list[Gap] | None] = ()
    """Of each receiver, where something was killed."""

    @property
    def identical(self) -> int:
        return sum(each.identical for each in self.received)

    @property
    def missing(self) -> list[int]:
        """Datagrams that each receiver did not get."""
        return [self.segments - each.datagrams for each in self.received]

    @property
    def segments(self) -> int:
        """Pushes that the file takes."""
        return -(-self.file_bytes // self.segment_bytes)

    def succeeded(self) -> bool:
        """Identical everywhere; where something was killed, with what is missing in one piece."""
        if self.killed:
            return all(map(self._resumed, self.gaps))
        return self.identical == len(self.received)

    def _resumed(self, gaps: list[Gap] | None) -> bool:
        """It went on until the end of the file, and what came was right."""
        if gaps is None:
            return False
        return not gaps or gaps[-1].end(self.segment_bytes) < self.file_bytes

    def as_json(self) -> str:
        values = common(
            target=self.target,
            mode="udp",
            clients=len(self.received),
            identical=self.identical,
            file_bytes=self.file_bytes,
            host_bytes=self.host_bytes,
            delivered_bytes=self.delivered_bytes,
            seconds=self.seconds,
        )
        if self.killed:
            gaps = [gaps and [asdict(gap) for gap in gaps] for gaps in self.gaps]
            values |= {"killed": self.killed, "gaps": gaps}
        return json.dumps(values)

    def show(self, console: Console) -> None:
        console.print(self._table())
        ratio = self.delivered_bytes / self.host_bytes if self.host_bytes else 0
        rate = self.file_bytes * 8 / self.seconds
        console.print(
            f"host sent        {self.host_bytes:>15,} bytes  (its interface's counter)\n"
            f"clients received {self.delivered_bytes:>15,} bytes"
            f"  (their interfaces' counters), {ratio:.2f} times as much\n"
            f"in {self.seconds:.1f} s: {bytes_text(self.file_bytes)} at {rate_text(rate)}"
            f" to each of {len(self.received)} receivers"
        )
        console.print(self._verdict())

    def _table(self) -> Table:
        table = Table(title=f"{bytes_text(self.file_bytes)}, SHA-256 {self.sha256[:16]}…")
        for heading in ("receiver", "address"):
            table.add_column(heading)
        for heading in ("bytes", "datagrams", "missing"):
            table.add_column(heading, justify="right")
        table.add_column("SHA-256")
        for each, missing in zip(self.received, self.missing, strict=True):
            table.add_row(
                each.client.name,
                str(each.client.address),
                f"{each.bytes:,}",
                f"{each.datagrams:,}",
                f"{missing:,}" if missing else "",
                "[green]identical[/]" if each.identical else f"[red]{each.sha256[:16]}…[/]",
            )
        return table

    def _gaps_verdict(self) -> str:
        killed = ", then ".join(self.killed)
        if not self.succeeded():
            return f"[red]not every receiver went on after kill -9 of {killed}[/]"
        resumed = f"[green]delivery resumed by itself after kill -9 of {killed}[/]"
        lines = [
            f"{each.client.name} {_text(gaps)}"
            for each, gaps in zip(self.received, self.gaps, strict=True)
        ]
        return "\n".join([resumed, *lines])

    def _verdict(self) -> str:
        if self.killed:
            return self._gaps_verdict()
        if self.succeeded():
            return f"[green]all {len(self.received)} files are identical[/]"
        refused = 0 if self.taken is None else self.segments - self.taken
        full = sum(each.buffer_drops for each in self.received)
        wrong = sum(each.checksum_drops for each in self.received)
        return (
            f"[red]{self.identical} of {len(self.received)} files are identical[/]\n"
            f"the switch came too late for {refused:,} of {self.segments:,} pushes; the receivers'"
            f" kernels dropped {full:,} datagrams for want of buffer, {wrong:,} for their checksum"
        )


def _text(gaps: list[Gap] | None) -> str:
    if gaps is None:
        return "got something that was never sent"
    missing = [f"{gap.segments:,} datagrams from byte {gap.offset:,} on" for gap in gaps]
    return f"lacks {' and '.join(missing)}" if missing else "lacks nothing"
