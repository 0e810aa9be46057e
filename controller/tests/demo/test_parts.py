# SPDX-License-Identifier: Apache-2.0
"""What the demonstration decides by itself: which file, what is missing, whether it worked."""

import json
from io import BytesIO, StringIO
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from rich.console import Console

from hectograph.demo import content
from hectograph.demo.downloads import Downloaded
from hectograph.demo.gaps import Gap, find_gaps
from hectograph.demo.receivers import Received
from hectograph.demo.report import Report
from hectograph.demo.serve import Watch
from hectograph.demo.tcp_report import TcpReport
from hectograph.demo.topology import Client
from hectograph.errors import InvalidInput
from hectograph.testbed import Namespace

ORIGINAL = b"".join(bytes([number]) * 10 for number in range(10)) + b"rest"


@pytest.mark.parametrize(
    ("received", "gaps"),
    [
        (ORIGINAL, []),
        (b"", [Gap(0, 11)]),
        (ORIGINAL[30:], [Gap(0, 3)]),
        (ORIGINAL[:70], [Gap(70, 4)]),
        (ORIGINAL[:20] + ORIGINAL[50:], [Gap(20, 3)]),
        (ORIGINAL[:10] + ORIGINAL[20:40] + ORIGINAL[90:], [Gap(10, 1), Gap(40, 5)]),
        (ORIGINAL[:20] + b"nonsense!!" + ORIGINAL[30:], None),
        (ORIGINAL + b"more", None),
        (ORIGINAL[:20] + ORIGINAL[10:], None),  # something came twice
    ],
)
def test_gaps(received: bytes, gaps: list[Gap] | None) -> None:
    assert find_gaps(BytesIO(ORIGINAL), BytesIO(received), 10) == gaps


def report(*, identical: bool, killed: bool = False, gaps: list[Gap] | None = None) -> Report:
    client = Client("client-1", 2, "02:00:00:00:00:01", IPv4Address("10.1.0.1"), Namespace("", -1))
    received = Received(client, 104, 11, "abcd", identical, buffer_drops=3, checksum_drops=0)
    return Report(
        target="embedded",
        file_bytes=104,
        sha256="abcd",
        segment_bytes=10,
        host_bytes=434,
        delivered_bytes=566,
        seconds=0.5,
        received=[received],
        killed=("switch",) if killed else (),
        gaps=[gaps] if killed else (),
    )


@pytest.mark.parametrize(
    ("made", "succeeded"),
    [
        (report(identical=True), True),
        (report(identical=False), False),
        (report(identical=False, killed=True, gaps=[Gap(20, 3)]), True),
        (report(identical=True, killed=True, gaps=[]), True),
        (report(identical=False, killed=True, gaps=[Gap(20, 9)]), False),  # to the end
        (report(identical=False, killed=True, gaps=None), False),  # something else arrived
    ],
)
def test_success(made: Report, succeeded: bool) -> None:
    assert made.succeeded() is succeeded


def test_json_is_what_is_promised() -> None:
    assert json.loads(report(identical=True).as_json()) == {
        "target": "embedded",
        "mode": "udp",
        "clients": 1,
        "identical": 1,
        "file_bytes": 104,
        "host_bytes": 434,
        "delivered_bytes": 566,
        "seconds": 0.5,
    }


def tcp_report(*errors: str, killed: tuple[str, ...] = ()) -> TcpReport:
    """A client for each; an empty one is none."""
    client = Client("client-1", 2, "02:00:00:00:00:01", IPv6Address("fd00::1"), Namespace("", -1))
    url = "http://[fd00::c:0:0:1]/"
    return TcpReport(
        target="embedded",
        file_bytes=104,
        sha256="abcd",
        host_bytes=434,
        delivered_bytes=566,
        seconds=0.5,
        downloaded=[Downloaded(client, url, 104, "abcd", not error, error) for error in errors],
        killed=killed,
        resumed=(2, 1),
    )


def test_tcp_json_has_the_same_shape() -> None:
    values = json.loads(tcp_report("", "").as_json())
    assert values.keys() == json.loads(report(identical=True).as_json()).keys()
    assert (values["mode"], values["clients"], values["identical"]) == ("tcp", 2, 2)
    assert json.loads(tcp_report("", killed=("pusher",)).as_json())["killed"] == ["pusher"]


def test_tcp_succeeds_when_every_file_is_identical_whatever_was_killed() -> None:
    assert tcp_report("", "").succeeded()
    assert tcp_report("", killed=("pusher",)).succeeded()
    assert not tcp_report("", "curl: (56) [reset]", killed=("pusher",)).succeeded()


def test_a_part_that_was_not_killed_in_time_is_an_error() -> None:
    """Success would prove nothing."""
    network: Any = SimpleNamespace(host_counters=lambda: Mock(tx_bytes=0), clients=[])
    over: Any = SimpleNamespace(finished=lambda: True, received=lambda: 5)
    watch = Watch(Mock(), network, [over], Console(file=StringIO()))
    watch.run(5, kill=())
    with pytest.raises(InvalidInput, match="all was over before switch, pusher could be killed"):
        watch.run(5, kill=("switch", "pusher"))


def test_the_tcp_table_says_what_went_wrong() -> None:
    out = StringIO()
    tcp_report("", "curl: (56) [reset]", killed=("pusher",)).show(Console(width=200, file=out))
    text = out.getvalue()
    assert "http://[fd00::c:0:0:1]/" in text
    assert "curl: (56) [reset]" in text
    assert "1 of 2 files are identical after kill -9 of pusher" in text
    out = StringIO()
    tcp_report("", killed=("pusher",)).show(Console(width=200, file=out))
    assert "found 2 downloads in its flow file and took over 1" in out.getvalue()


def test_the_table_says_where_datagrams_went() -> None:
    out = StringIO()
    report(identical=False).show(Console(width=200, file=out))
    assert "3 datagrams for want of buffer" in out.getvalue()


def test_gaps_are_told_by_receiver() -> None:
    out = StringIO()
    report(identical=False, killed=True, gaps=[Gap(20, 3)]).show(Console(width=200, file=out))
    assert "client-1 lacks 3 datagrams from byte 20 on" in out.getvalue()


def test_a_file_is_chosen_that_is_large_enough(tmp_path: Path) -> None:
    path, parts = content.choose(tmp_path)
    assert path.stat().st_size >= content.ENOUGH_BYTES
    assert path.stat().st_size == sum(part.stat().st_size for part in parts)


def test_small_files_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("a", 30), ("b", 50), ("c", 40)):
        (tmp_path / name).write_bytes(name.encode() * size)
    monkeypatch.setattr(content, "PLACES", (f"{tmp_path}/?",))
    monkeypatch.setattr(content, "ENOUGH_BYTES", 80)
    monkeypatch.setattr(content.sys, "prefix", str(tmp_path))
    path, parts = content.choose(tmp_path)
    assert [part.name for part in parts] == ["b", "c"]
    assert path.read_bytes() == b"b" * 50 + b"c" * 40


@pytest.mark.parametrize(
    ("name", "what"),
    [("nowhere", "No such file"), ("", "directory"), ("empty", "is empty")],
)
def test_a_file_that_cannot_be_pushed_is_refused(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(InvalidInput, match=what):
        content.check(tmp_path / name)
