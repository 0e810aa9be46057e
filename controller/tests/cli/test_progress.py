# SPDX-License-Identifier: Apache-2.0
"""A bar on a terminal, a line per change of state elsewhere."""

from io import StringIO

import pytest
from rich.console import Console

from hectograph.api.models import FileSource, Rate
from hectograph.api.views import Stream, StreamStatus
from hectograph.cli import progress
from hectograph.core.status import StreamState


def _stream(state: StreamState, offset: int, reason: str | None = None) -> Stream:
    return Stream(
        name="news",
        host="h1",
        group="g1",
        source=FileSource(path="/srv/news"),
        rate=Rate(bits_per_second=1),
        status=StreamStatus(
            state=state,
            reason=reason,
            error=None,
            trees=[1],
            segment_bytes=1400,
            offset=offset,
            total_bytes=64 << 20,
            rounds=0,
            pushes=0,
            payload_bytes=0,
            elapsed_seconds=1,
            bits_per_second=99_600_000,
            packets_per_second=0,
            late_seconds=0,
            advice=None,
        ),
    )


STATES = [
    _stream(StreamState.WAITING, 0, "host h1 is not there"),
    _stream(StreamState.RUNNING, 16 << 20),
    _stream(StreamState.RUNNING, 32 << 20),
    _stream(StreamState.DONE, 64 << 20),
]


def _show(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    out = StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)

    def given(*, stderr: bool = False) -> Console:
        assert stderr
        return console

    monkeypatch.setattr(progress, "console", given)
    with progress.progress("news") as show:
        for stream in STATES:
            show(stream)
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
