# SPDX-License-Identifier: Apache-2.0
"""Resource commands against a controller whose switches and hosts are not there."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[..., Any]

CA = ["--tls-ca", "ca.pem"]
IDENTITY = ["--tls-cert", "c.pem", "--tls-key", "c.key"]
MEMBER = ["--port", "2", "--mac", "02:00:00:00:01:02", "--address", "192.0.2.2"]


@pytest.fixture
def switch(ask: Ask) -> str:
    assert ask("switches", "add", "s1", "--host-port", "1", "--address", "127.0.0.1:1").status == 0
    return "s1"


@pytest.fixture
def group(ask: Ask, switch: str) -> None:
    added = ask("group", "add", "news", "--switch", switch, "--source-ipv4", "192.0.2.1")
    assert added.status == 0


def _json(ask: Ask, *words: str) -> Any:
    outcome = ask(*words, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


def test_a_whole_desired_state(ask: Ask) -> None:
    added = ["--host-port", "1", "--host-port", "9", "--address", "127.0.0.1:1"]
    assert _json(ask, "switches", "add", "s1", *added)["host_ports"] == [1, 9]
    assert _json(ask, "hosts", "add", "h1", "--port", "9", "--control", "/run/p.sock") == (
        _json(ask, "hosts", "show", "h1")
    )
    # --switch may be left out: there is one.
    assert _json(ask, "group", "add", "news", "--source-ipv6", "2001:db8::1")["switch"] == "s1"
    member = ["--port", "2", "--mac", "02:00:00:00:01:02", "--address", "2001:db8::2"]
    assert _json(ask, "member", "add", "news", "m1", *member, "--udp-port", "6000")["vlan"] is None
    stream = _json(
        ask, "push", "/srv/f", "--group", "news", "--name", "f", "--pps", "5", "--detach"
    )
    assert stream["rate"] == {"bits_per_second": None, "packets_per_second": 5}
    assert stream["status"]["state"] == "waiting"

    everything = _json(ask, "status")
    assert everything.pop("cohorts")["members"] == 0
    assert {kind: [each["name"] for each in found] for kind, found in everything.items()} == {
        "switches": ["s1"],
        "hosts": ["h1"],
        "contents": [],
        "groups": ["news"],
        "streams": ["f"],
    }
    table = ask("status")
    assert table.status == 0
    assert all(word in table.out for word in ("s1", "h1", "news", "waiting", "connecting"))
    assert not any(line.endswith(" " * 10) for line in table.out.splitlines())

    for words in (["streams", "rm", "f"], ["group", "rm", "news"], ["hosts", "rm", "h1"]):
        assert ask(*words).status == 0
    assert ask("switches", "rm", "s1").status == 0
    assert "nothing yet" in ask("status").out


def test_a_switch_over_tls(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named from here, and the controller says what is wrong with them."""
    monkeypatch.chdir(tmp_path)
    ca, certificate, key = (str(tmp_path / name) for name in ("ca.pem", "c.pem", "c.key"))
    added = _json(ask, "switches", "add", "s1", "--host-port", "1", *CA, *IDENTITY)
    assert added["tls"] == {"ca": ca, "certificate": certificate, "key": key}
    added = _json(ask, "switches", "add", "s1", "--host-port", "1", *CA)
    assert added["tls"] == {"ca": ca, "certificate": None, "key": None}
    while (status := _json(ask, "switches", "show", "s1")["status"])["state"] == "connecting":
        time.sleep(0.01)
    assert status["reason"] == f"{ca}: cannot be read: No such file or directory"


@pytest.mark.usefixtures("group")
def test_members_can_be_replaced_by_a_list_of_them(ask: Ask, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        port = str(6000 + ord(name))
        assert ask("member", "add", "news", name, *MEMBER, "--udp-port", port).status == 0
    members = _json(ask, "member", "list", "news")
    assert [each["name"] for each in members] == ["a", "b", "c"]
    members[1]["vlan"] = 7
    file = tmp_path / "members.json"
    file.write_text(json.dumps(members[1:]))
    outcome = ask("member", "replace", "news", str(file))
    assert outcome.out == "0 added, 1 changed, 1 removed\n"
    assert _json(ask, "member", "show", "news", "b")["vlan"] == 7
    assert ask("member", "rm", "news", "b").status == 0
    assert [each["name"] for each in _json(ask, "member", "list", "news")] == ["c"]
    assert _json(ask, "group", "counters", "news")["group"] == "news"


@pytest.mark.usefixtures("group")
def test_show_is_a_line_per_field(ask: Ask) -> None:
    lines = [line.split() for line in ask("group", "show", "news").out.splitlines()]
    assert ["source.ipv4", "192.0.2.1"] in lines
    assert ["source.ipv6"] in lines
    assert ["status.members.total", "0"] in lines


@pytest.mark.usefixtures("switch")
def test_which_switch_must_be_said_when_there_are_two(ask: Ask) -> None:
    ask("switches", "add", "s2", "--host-port", "1", "--address", "127.0.0.1:2")
    outcome = ask("group", "add", "news", "--source-ipv4", "192.0.2.1")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err == "hectograph: --switch: say which switch: there are s1, s2\n"


ERRORS = [
    (["group", "show", "nothing"], "nothing"),
    (["group", "rm", "nothing"], "nothing"),
    (["group", "add", "No_Name", "--source-ipv4", "192.0.2.1"], "name"),
    (["group", "add", "g", "--source-ipv4", "192.0.2"], "ipv4"),
    (["group", "add", "g", "--source-ipv4", "192.0.2.1", "--source-mac", "02"], "mac"),
    (["group", "add", "g"], "neither an IPv4 nor an IPv6 address"),
    (["group", "add", "g", "--switch", "s9", "--source-ipv4", "192.0.2.1"], "s9"),
    (["member", "add", "none", "m", *MEMBER, "--udp-port", "1"], "none"),
    (["member", "add", "news", "m", *MEMBER, "--udp-port", "70000"], "udp_port"),
    (["member", "add", "news", "m", *MEMBER, "--udp-port", "1", "--priority", "3"], "VLAN"),
    (
        ["member", "add", "news", "m", *MEMBER, "--udp-port", "1", "--address", "nowhere"],
        "hectograph: address: 'nowhere' does not appear to be an IPv4 or IPv6 address",
    ),
    (["switches", "rm", "s1"], "news"),
    (["switches", "add", "s2", "--host-port", "1", *CA, "--tls-key", "k"], "both or neither"),
    (["switches", "add", "s2", "--host-port", "1", *IDENTITY], "needs --tls-ca"),
    (["push", "/srv/f", "--group", "news"], "--host"),
    (["push", "/srv/f", "--group", "news", "--rate", "fast"], "'fast'"),
    (["push", "/srv/f", "--group", "news", "--rate", "1M", "--pps", "1"], "--pps"),
    (["push", "-", "--group", "news", "--detach"], "--detach"),
    (["push", "udp://[::1", "--group", "news", "--host", "h"], "udp://[::1"),
    (["status", "--watch", "--json"], "--watch"),
]


@pytest.mark.usefixtures("group")
def test_an_error_is_one_line_that_names_it(ask: Ask, subtests: pytest.Subtests) -> None:
    for words, said in ERRORS:
        with subtests.test(" ".join(words)):
            outcome = ask(*words)
            assert (outcome.status, outcome.out) == (1, "")
            assert outcome.err.startswith("hectograph: ")
            assert outcome.err.count("\n") == 1
            assert said in outcome.err


LISTS = [
    ("nonsense", "JSON"),
    ('[{"name": "a"}]', "0.port"),
    ('[{"name": "a", "port": "2", "mac": "", "address": "", "udp_port": 1}]', "0.port"),
]


@pytest.mark.usefixtures("group")
def test_a_list_of_members_that_is_none(
    ask: Ask, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    file = tmp_path / "members.json"
    for text, said in LISTS:
        with subtests.test(text):
            file.write_text(text)
            outcome = ask("member", "replace", "news", str(file))
            assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
            assert said in outcome.err
            assert str(file) in outcome.err
