# SPDX-License-Identifier: Apache-2.0
"""A bar on a terminal, a line per change of state elsewhere."""

from io import StringIO

import pytest
from rich.console import Console

from hectograph.cli import progress
from hectograph.cli.progress import Step

TOTAL = 64 << 20
RATE = "99.6 Mbit/s"
STEPS = [
    Step("waiting", "host h1 is not there", 0, TOTAL, RATE),
    Step("running", None, 16 << 20, TOTAL, RATE),
    Step("running", None, 32 << 20, TOTAL, RATE),
    Step("done", None, TOTAL, TOTAL, RATE),
]


def _show(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    out = StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)

    def given(*, stderr: bool = False) -> Console:
        assert stderr
        return console

    monkeypatch.setattr(progress, "console", given)
    with progress.progress("news") as show:
        for step in STEPS:
            show(step)
    return out.getvalue()


def test_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _show(monkeypatch, terminal=False)
    assert capsys.readouterr().err.splitlines() == [
        "news: waiting: host h1 is not there",
        "news: running",
        "news: done",
    ]


def test_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _show(monkeypatch, terminal=True)
    assert "news done" in shown
    assert "64.0/64.0 MiB" in shown
    assert "99.6 Mbit/s" in shown
