# SPDX-License-Identifier: Apache-2.0
"""``hectograph cohorts``: clients that download one content together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.flows import end_text
from hectograph.cli.output import Columns, print_json, print_rows
from hectograph.cli.remote import Json, connect
from hectograph.cli.units import bytes_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hectograph.api.cohort_views import Cohort, CohortMember, Cohorts, CohortTotals
    from hectograph.core.cohorts import LeftReason
    from hectograph.core.hosted_cohort import Refusal

COLUMNS: Columns[Cohort] = {
    "host": lambda each: each.host,
    "cohort": lambda each: each.cohort,
    "content": lambda each: each.content,
    "phase": lambda each: each.phase,
    "members": lambda each: each.members,
    "sent": lambda each: f"{bytes_text(each.sent)} of {bytes_text(each.length)}",
    "lag": lambda each: bytes_text(each.lag),
    "window": lambda each: bytes_text(each.congestion_window),
    "rtt": lambda each: f"{each.rtt_seconds * 1000:.1f} ms",
    "pushes": lambda each: each.pushes,
    "repairs": lambda each: each.repairs + each.group_repairs,
    "left": lambda each: counts_text(each.left),
}
MEMBER_COLUMNS: Columns[tuple[Cohort, CohortMember]] = {
    "host": lambda row: row[0].host,
    "cohort": lambda row: row[0].cohort,
    "member": lambda row: row[1].instance,
    "client": lambda row: end_text(row[1].client, row[1].client_port),
    "entered": lambda row: "yes" if row[1].entered else "no",
    "lag": lambda row: bytes_text(row[1].lag),
    "window": lambda row: bytes_text(row[1].window),
    "repaired": lambda row: bytes_text(row[1].repair_bytes),
}


def cohorts(
    context: typer.Context,
    content: Annotated[str | None, typer.Option(help="Of this content only.")] = None,
    host: Annotated[str | None, typer.Option(help="Of this host only.")] = None,
    members: Annotated[
        int,
        typer.Option(min=0, max=10_000, help="How many of each, those that lag most first."),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Clients that download one content together, from one push of each segment."""
    with connect(context) as client:
        found = client.cohorts(content=content, host=host, members=members)
    if as_json:
        print_json(found)
        return
    print_rows(found.items, COLUMNS)
    if members:
        typer.echo()
        rows = [(cohort, member) for cohort in found.items for member in cohort.slowest]
        print_rows(rows, MEMBER_COLUMNS)
    typer.echo()
    for line in summary(found):
        typer.echo(line)


def summary(found: Cohorts) -> list[str]:
    """What all of them came to, and where none are formed."""
    missing = [f"none at host {each.host}: {each.reason}" for each in found.hosts if each.reason]
    return [totals_text(found.totals), *missing]


def totals_text(totals: CohortTotals) -> str:
    now = f"{totals.running} running, {totals.forming} forming, {totals.members} members"
    parts = [
        f"cohorts: {now}",
        f"{bytes_text(totals.pushed_bytes)} pushed, {bytes_text(totals.delivered_bytes)} "
        f"delivered, {bytes_text(totals.repair_bytes)} repaired: {totals.gain:.1f} for 1",
    ]
    if left := counts_text(totals.left):
        parts.append(f"left: {left}")
    if refused := counts_text(totals.refused):
        parts.append(f"refused: {refused}")
    return "; ".join(parts)


def counts_text(counts: Mapping[LeftReason, int] | Mapping[Refusal, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
