# SPDX-License-Identifier: Apache-2.0
"""``hectograph up`` from end to end: a file reaches its members, and what dies comes back."""

import os
import re
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from uplab import HECTOGRAPH, QUEUE_MS, Lab

from hectograph.testbed import End, Namespace, Program, Testbed

Run = Callable[..., Any]


def _alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def own_lab(testbed: Testbed, run: Run) -> Lab:
    """For tests that do not."""
    return Lab(testbed, run)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "news.bin"
    path.write_bytes(os.urandom(1_000_001))
    return path


def test_options_of_ports_reach_the_switch(lab: Lab) -> None:
    words = Path(f"/proc/{lab.children()['switch']}/cmdline").read_text().split("\0")
    assert words[words.index("--port-queue") + 1] == str(QUEUE_MS)


def test_a_file_reaches_every_member(lab: Lab, file: Path) -> None:
    content = file.read_bytes()
    stream: dict[str, Any] = {}

    def push() -> None:
        stream.update(lab.json("push", str(file), "--group", "news", "--rate", "80M"))

    assert lab.received_while(push, len(content)) == [content, content]
    status = stream["status"]
    assert (status["state"], status["payload_bytes"]) == ("done", len(content))
    assert status["pushes"] == -(-len(content) // status["segment_bytes"])
    assert lab.json("streams", "list") == [], "a push that is over leaves nothing"


def test_counters_say_how_many_copies_were_made(lab: Lab, file: Path) -> None:
    def copies() -> list[int]:
        """As read from the switch from now on."""
        now = datetime.now(UTC)
        shown: dict[str, Any] = {}

        def is_fresh() -> bool:
            shown.update(lab.json("group", "counters", "news"))
            return datetime.fromisoformat(shown["read_at"]) > now

        lab.up.wait_until(is_fresh)
        return [each["value"]["packets"] for each in shown["members"]]

    before = copies()
    pushes = lab.json("push", str(file), "--group", "news", "--rate", "80M")["status"]["pushes"]
    assert copies() == [count + pushes for count in before]


def test_standard_input_reaches_every_member(lab: Lab, file: Path) -> None:
    content = file.read_bytes()

    def push() -> None:
        with lab.start("push", "-", "--group", "news", "--pps", "5000") as push:
            out, err = push.communicate(content)
        assert push.returncode == 0, err
        assert re.fullmatch(rb"stdin-\w+: done, 976.6 KiB in .* to group news\n", out)

    assert lab.received_while(push, len(content)) == [content, content]
    assert list(Path("/run").rglob("push-*")) == [], "nor a FIFO"


def test_a_push_is_no_faster_than_the_switch(lab: Lab, file: Path) -> None:
    """It waits for one that stands still for a second, and nothing is lost on the way."""

    def status() -> Any:
        return lab.json("streams", "show", "endless")["status"]

    def waits() -> int:
        return lab.json("hosts", "show", "local")["status"]["counters"]["link_waits"]

    before, switch = waits(), lab.children()["switch"]
    # As fast as the switch takes it: in a second many times what its ring holds.
    with lab.start("push", str(file), "--group", "news", "--loop", "--name", "endless") as push:
        lab.up.wait_until(lambda: lab.run("streams", "show", "endless").status == 0)
        lab.up.wait_until(lambda: status()["pushes"] > 0)
        os.kill(switch, signal.SIGSTOP)
        time.sleep(1)
        os.kill(switch, signal.SIGCONT)
        lab.up.wait_until(lambda: waits() > before)
        push.send_signal(signal.SIGINT)
        push.communicate(timeout=20)
    time.sleep(1.1)  # what was read is kept for a second
    lost = lab.json("switches", "show", "local")["status"]["port_drops"]
    assert [each for each in lost if each["port"] == 1] == []


def test_status_says_what_may_be_on_the_way(lab: Lab) -> None:
    def answers() -> bool:
        return bool(lab.json("hosts", "show", "local")["status"]["link"]["answers"])

    lab.up.wait_until(answers)
    assert re.search(r"at most \d+ frames", lab.run("status").out)


def test_datagrams_that_fit_no_segment_are_told_of(lab: Lab) -> None:
    address = ("127.0.0.1", 7001)
    with lab.start("push", "udp://127.0.0.1:7001", "--group", "news", "--name", "big") as push:
        lab.up.wait_until(lambda: lab.run("streams", "show", "big").status == 0)
        lab.up.wait_until(
            lambda: lab.json("streams", "show", "big")["status"]["state"] == "running"
        )
        before = _dropped(lab)
        with lab.home.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(bytes(9000), address)
        lab.up.wait_until(lambda: _dropped(lab) == before + 1)
        time.sleep(2)  # it looks now and then
        push.send_signal(signal.SIGINT)
        _, err = push.communicate(timeout=30)
    assert b"1 datagrams dropped: empty, or longer than a segment of" in err


def _dropped(lab: Lab) -> int:
    return lab.json("hosts", "show", "local")["status"]["counters"]["source_dropped"]


def test_datagrams_reach_every_member(lab: Lab) -> None:
    address = "udp://127.0.0.1:7000"
    detached = lab.run("push", address, "--group", "news", "--name", "live", "--detach")
    assert detached.status == 0
    lab.up.wait_until(lambda: lab.json("streams", "show", "live")["status"]["state"] == "running")

    def push() -> None:
        with lab.home.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", ("127.0.0.1", 7000))

    assert lab.received_while(push, 5) == [b"hello", b"hello"]
    assert "runs already" in lab.run("push", address, "--group", "news", "--name", "live").err
    assert lab.run("streams", "rm", "live").status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_push(lab: Lab, file: Path, number: signal.Signals) -> None:
    with lab.start("push", str(file), "--group", "news", "--loop", "--name", "forever") as push:
        assert push.stderr is not None
        while b"running" not in push.stderr.readline():
            assert push.poll() is None
        push.send_signal(number)
        _, err = push.communicate(timeout=20)
    assert (push.returncode, b"Traceback" in err) == (130, False)
    assert lab.json("streams", "list") == []


def _nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_nothing, "No such file"),
        (Path.touch, "empty"),
        (Path.mkdir, "directory"),
    ],
)
def test_a_file_that_cannot_be_pushed(
    lab: Lab, tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "bad"
    make(path)
    outcome = lab.run("push", str(path), "--group", "news", "--name", "bad", "--json")
    assert (outcome.status, outcome.out) == (1, "")
    last = outcome.err.splitlines()[-1]
    assert last.startswith("hectograph: stream bad: ")
    assert str(path) in last
    assert said in last
    assert lab.json("streams", "list") == []


def test_what_dies_comes_back(own_lab: Lab, file: Path) -> None:
    content = file.read_bytes()
    before = own_lab.children()
    assert before.keys() == {"switch", "pusher", "controller"}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        now = own_lab.children()
        return now.keys() == before.keys() and not set(now.values()) & set(before.values())

    own_lab.up.wait_until(is_back)
    own_lab.wait_until_applied()

    def push() -> None:
        assert own_lab.run("push", str(file), "--group", "news", "--rate", "80M").status == 0

    assert own_lab.received_while(push, len(content)) == [content, content]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(own_lab: Lab, number: signal.Signals) -> None:
    children = own_lab.children()
    own_lab.up.signal(number)
    own_lab.up.wait(timeout=20)
    assert not any(map(_alive, children.values()))
    assert not list(own_lab.up.log.parent.rglob("*.sock"))
    assert "Traceback" not in own_lab.up.output()


def test_a_kill_leaves_nobody(own_lab: Lab) -> None:
    children = own_lab.children()
    own_lab.up.kill()
    _wait_until(lambda: not any(map(_alive, children.values())))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host-port", "1@nowhere", "--port", "2@lo"], "nowhere: there is no such interface"),
        (["--host-port", "1@lo", "--port", "2@lo"], "--host-interface: lo is no veth"),
        (["--host-port", "lo", "--port", "2@lo"], "--host-port: 'lo' is not PORT@INTERFACE"),
        (["--host-port", "1@lo", "--port", "2"], "--port: '2' is not PORT@INTERFACE"),
        (
            ["--host-port", "1@lo", "--port", "2@lo", "--listen", "[::1]:0"],
            "--listen: needs a port",
        ),
        (["--host-port", "1@lo", "--port", "2@lo", "--listen", "0.0.0.0:80"], "HECTOGRAPH_TOKEN"),
    ],
)
def test_what_cannot_be_run_is_one_line(run: Run, options: list[str], said: str) -> None:
    outcome = run("up", *options)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert said in outcome.err


@pytest.fixture
def home(testbed: Testbed) -> Namespace:
    home = testbed.namespace("home")
    testbed.veth(End(home, "push0", ipv6=False), End(home, "port1", ipv6=False))
    testbed.veth(End(home, "eth0", ipv6=False), End(home, "port2", ipv6=False))
    return home


def _fails(testbed: Testbed, home: Namespace, taken: int, *options: str) -> str:
    """The last line of one whose TCP port is taken."""
    command = [*HECTOGRAPH, "up", "--host-port", "1@port1", "--port", "2@port2", *options]
    with home.entered(), socket.create_server(("127.0.0.1", taken)):
        up = testbed.start("up", command, home)
        assert up.popen.wait(timeout=60) == 1
    return up.output().splitlines()[-1]


def test_another_controller_there_is_left_alone(testbed: Testbed, home: Namespace) -> None:
    line = _fails(testbed, home, taken=8080)
    assert line == "hectograph: 127.0.0.1:8080: cannot listen: Address already in use"


def test_a_part_that_ends_at_once_ends_all(testbed: Testbed, home: Namespace) -> None:
    line = _fails(testbed, home, 9559, "--grpc-addr", "127.0.0.1:9559")
    assert line.startswith("hectograph: switch ended at once: ")
    assert "9559" in line


def test_nobody_else_commands_the_switch(lab: Lab) -> None:
    """P4Runtime is on a socket of its user's, and on no port."""
    address = lab.json("switches", "show", "local")["address"]
    assert address.startswith("unix:/")
    path = Path(address.removeprefix("unix:"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with lab.home.entered():
        listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True)
    # The API's, and the switch's metrics.
    assert {line.split()[3] for line in listening.stdout.splitlines()} == {
        "127.0.0.1:8080",
        "127.0.0.1:9560",
    }


PORTS = ("--host-port", "1@port1", "--port", "2@port2")


@pytest.mark.parametrize("interface", ["push0", "port1", "port2"])
def test_nothing_is_ready_while_a_link_is_down(
    testbed: Testbed, home: Namespace, interface: str
) -> None:
    """As after a reboot; it begins when the link is there, however late."""
    _set_link(home, interface, "down")
    up = testbed.start("up", [*HECTOGRAPH, "up", *PORTS], home)
    up.wait_until(lambda: "not ready" in up.output(), timeout=90)
    assert f"link {interface}: is down" in up.output()
    assert "\nready\n" not in up.output()
    with home.entered():
        answer = httpx.get("http://127.0.0.1:8080/readyz")
    assert answer.status_code == 503
    assert f"link {interface}: is down" in answer.json()["reasons"]
    _set_link(home, interface, "up")
    up.wait_until(lambda: "\nready\n" in up.output(), timeout=60)
    _set_link(home, interface, "down")
    with home.entered():
        assert httpx.get("http://127.0.0.1:8080/readyz").status_code == 503
    assert up.stop(20) == 0


def _until_ready(up: Program) -> None:
    up.wait_until(lambda: "\nready\n" in up.output(), timeout=90)


def _set_link(home: Namespace, interface: str, state: str) -> None:
    with home.entered():
        subprocess.run(["ip", "link", "set", interface, state], check=True)


def test_contents_keep_their_addresses(
    testbed: Testbed, home: Namespace, tmp_path: Path, run: Callable[..., Any]
) -> None:
    """Whatever addresses `up` is started with next."""
    (tmp_path / "film").write_bytes(b"film")
    roots = ("--content-root", str(tmp_path))
    for prefix in ("2001:db8:1::/64", "2001:db8:2::/64"):
        command = [*HECTOGRAPH, "up", *PORTS, *roots, "--content-prefix", prefix]
        up = testbed.start(f"up-{prefix[9]}", command, home)
        _until_ready(up)
        with home.entered():
            added = run("content", "add", str(tmp_path / "film"), "--name", "film", "--json")
        assert added.status == 0, added.err
        assert "http://[2001:db8:1::1]/" in added.out
        assert up.stop(20) == 0
        assert ("keep their addresses" in up.output()) == (prefix == "2001:db8:2::/64")
