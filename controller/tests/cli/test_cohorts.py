# SPDX-License-Identifier: Apache-2.0
"""What `hectograph cohorts` and `status` show of cohorts."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.cohorts import FakeCohort, cohort_member

from hectograph.api.client import Client
from hectograph.api.cohort_views import CohortHost, Cohorts, cohort_view, totals_view
from hectograph.core.cohort_status import ListedCohort, SwitchEntries, host_cohorts
from hectograph.core.cohorts import CohortEntry
from hectograph.core.histogram import Histogram
from hectograph.core.hosted_cohort import Refusal

Run = Callable[..., Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Of a controller that has one: how it was asked."""
    asked: list[dict[str, object]] = []

    def cohorts(_: Client, **wanted: object) -> Cohorts:
        asked.append(wanted)
        cohort = FakeCohort(7)
        cohort.join(cohort_member(1), cohort_member(2))
        cohort.enter(CohortEntry(7, (8192,), (1,)))
        counters = {"cohort_push_bytes": 1 << 20, "cohort_delivered_bytes": 3 << 20}
        counters |= {"cohort_left_behind": 3, "cohort_left_silent": 1}
        listed = ListedCohort("h1", "film", cohort.state(), tuple(cohort.member_states()))
        hosts = [host_cohorts("h1", None, [listed.state], counters)]
        entries = SwitchEntries("s1", 2, {Refusal.SWITCH: 5}, Histogram(()))
        return Cohorts(
            items=[cohort_view(listed)],
            totals=totals_view(hosts, [entries]),
            hosts=[CohortHost(host="h1", reason=None), CohortHost(host="h2", reason="gone")],
        )

    monkeypatch.setattr(Client, "cohorts", cohorts)
    return asked


def test_a_table_and_what_it_came_to(run: Run, asked: list[dict[str, object]]) -> None:
    outcome = run("cohorts", "--host", "h1")
    assert (outcome.status, outcome.err) == (0, "")
    assert asked == [{"content": None, "host": "h1", "members": 0}]
    heading, row, _, totals, missing = outcome.out.splitlines()
    assert heading.split()[:4] == ["host", "cohort", "content", "phase"]
    assert row.split()[:5] == ["h1", "7", "film", "running", "2"]
    assert "488.3 KiB of 976.6 KiB" in row
    assert totals == (
        "cohorts: 1 running, 0 forming, 2 members; "
        "1.0 MiB pushed, 3.0 MiB delivered, 0 B repaired: 3.0 for 1; "
        "left: 3 behind, 1 silent; refused: 5 switch"
    )
    assert missing == "none at host h2: gone"


def test_members(run: Run, asked: list[dict[str, object]]) -> None:
    outcome = run("cohorts", "--members", "2")
    assert asked[0]["members"] == 2
    rows = [line.split() for line in outcome.out.splitlines()]
    assert ["h1", "7", "1", "[2001:db8:2::1]:40001", "yes"] in [row[:5] for row in rows]
    assert ["h1", "7", "2", "10.1.0.2:40002", "no"] in [row[:5] for row in rows]


def test_json(run: Run, asked: list[dict[str, object]]) -> None:
    outcome = run("cohorts", "--json")
    assert asked
    found = json.loads(outcome.out)
    assert found["items"][0]["slowest"][1]["lag"] == 249_998
    assert found["totals"]["gain"] == 3.0


def test_a_controller_without_any(ask: Run) -> None:
    added = ("switches", "add", "s1", "--host-port", "1", "--address", "127.0.0.1:1")
    assert ask(*added).status == 0
    assert ask("hosts", "add", "h1", "--port", "1", "--control", "/run/p.sock").status == 0
    outcome = ask("cohorts")
    assert "0 running" in outcome.out
    assert "none at host h1: switch s1 is not ready" in outcome.out
    assert json.loads(ask("status", "--json").out)["cohorts"]["running"] == 0
