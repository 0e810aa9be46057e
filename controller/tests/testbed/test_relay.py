# SPDX-License-Identifier: Apache-2.0
"""The relay keeps to its rate, its queue and what it says of them, on a busy machine too."""

import os
import signal
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from relays import Direction, Link, Relay
from tcplab import build_program

from hectograph.testbed import End, Namespace, Testbed

FRAME = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x01" + b"\x88\xb5" + bytes(1500)
"""To all, of an EtherType for experiments."""
FRAME_BITS = 8 * len(FRAME)
BURST = 200
MBIT = 1e6


class Ends:
    """The sockets at both ends of a relayed link."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near = near
        self.far = far

    def send(self, frames: int) -> float:
        """Seconds that it took."""
        begin = time.monotonic()
        for _ in range(frames):
            self.near.send(FRAME)
        return time.monotonic() - begin

    def receive(self, frames: int) -> list[float]:
        """When each came, in seconds of time.monotonic()."""
        came: list[float] = []
        for _ in range(frames):
            self.far.recv(len(FRAME))
            came.append(time.monotonic())
        return came


class Relayed:
    """Two links with a namespace at each end, of which a relay is the middle."""

    def __init__(self, testbed: Testbed, program: Path, sockets: ExitStack) -> None:
        self.testbed = testbed
        self.program = program
        self._sockets = sockets
        self.here = Namespace.current()
        self.ends = [Ends(self._end(f"near{pair}"), self._end(f"far{pair}")) for pair in range(2)]

    def _end(self, name: str) -> socket.socket:
        namespace = self.testbed.namespace(name)
        self.testbed.veth(
            End(self.here, name, ipv6=False), End(namespace, "eth", ipv6=False), mtu=1500
        )
        sock = self._sockets.enter_context(
            namespace.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        )
        sock.bind(("eth", 0x88B5))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.settimeout(20)
        return sock

    @contextmanager
    def by(self, link: Link, pairs: int = 1) -> Generator[Relay]:
        names = [f"{side}{pair}" for pair in range(pairs) for side in ("near", "far")]
        relay = self.testbed.start("relay", [str(self.program), *link.options, *names], self.here)
        relay.wait_until(lambda: relay.output().splitlines()[-1:] == ["ready"])
        try:
            yield Relay(relay)
        finally:
            relay.stop()


@pytest.fixture(scope="module")
def relayed() -> Iterator[Relayed]:
    with Testbed() as testbed, ExitStack() as sockets:
        yield Relayed(testbed, build_program(testbed.directory, "relay"), sockets)


def test_the_rate_is_that_of_the_line(relayed: Relayed) -> None:
    (ends, _) = relayed.ends
    with relayed.by(Link(rate=20)) as relay:
        begin = time.monotonic()
        sending = ends.send(BURST)
        took = ends.receive(BURST)[-1] - begin
        there = relay.stop()["there"]
    on_the_line = BURST * FRAME_BITS / (20 * MBIT)
    assert took >= on_the_line
    assert there["out"] == {"frames": BURST, "bytes": BURST * len(FRAME)}
    # The last one has waited for all that the line had not sent when it came.
    longest = there["queueing_ms"]["max"] / 1e3
    assert on_the_line - sending - FRAME_BITS / (20 * MBIT) <= longest < on_the_line


def test_late_is_not_slow(relayed: Relayed) -> None:
    """What came while the relay had no time waited for no longer than the line took."""
    (ends, _) = relayed.ends
    with relayed.by(Link(rate=20)) as relay:
        os.kill(relay.program.pid, signal.SIGSTOP)
        for _ in range(10):
            ends.send(10)
            time.sleep(0.02)  # three times what the line takes for them
        os.kill(relay.program.pid, signal.SIGCONT)
        ends.receive(100)
        assert relay.stop()["there"]["queueing_ms"]["max"] < 20


def test_a_full_queue_drops(relayed: Relayed) -> None:
    (ends, _) = relayed.ends
    with relayed.by(Link(rate=10, queue=30_000)) as relay:
        sending = ends.send(BURST)
        there = _settled(relay)
        passed = there["out"]["frames"]
        ends.receive(passed)
    room = 30_000 // len(FRAME)
    assert room <= passed <= room + 2 + sending * 10 * MBIT / FRAME_BITS
    assert there["dropped"]["queue"]["frames"] == BURST - passed
    assert there["queueing_ms"]["max"] <= 30_000 * 8 / (10 * MBIT) * 1e3


def test_flows_share_a_queue(relayed: Relayed) -> None:
    one, other = relayed.ends
    with relayed.by(Link(rate=10, queue=30_000), pairs=2) as relay:
        sending = sum(one.send(1) + other.send(1) for _ in range(BURST))
        there = _settled(relay)
    passed = [pair["out"]["frames"] for pair in there["pairs"]]
    one.receive(passed[0])
    other.receive(passed[1])
    room = 30_000 // len(FRAME)
    assert room <= sum(passed) <= room + 2 + sending * 10 * MBIT / FRAME_BITS
    assert sum(passed) == there["out"]["frames"]
    assert sum(pair["queue_dropped_frames"] for pair in there["pairs"]) == 2 * BURST - sum(passed)


def test_propagation_follows_the_line(relayed: Relayed) -> None:
    (ends, _) = relayed.ends
    with relayed.by(Link(rate=20, rtt=200)):
        begin = time.monotonic()
        ends.send(1)
        assert ends.receive(1)[0] - begin >= 0.1


def test_silence_lasts_a_second(relayed: Relayed) -> None:
    (ends, _) = relayed.ends
    with relayed.by(Link(silence=0.1)) as relay:
        ends.send(1)
        time.sleep(0.2)
        ends.send(1)
        time.sleep(1)
        ends.send(1)
        ends.receive(2)
        there = relay.stop()["there"]
    assert there["dropped"]["silence"]["frames"] == 1
    assert there["out"]["frames"] == 2


@pytest.mark.parametrize("words", [("--rate", "fast", "a", "b"), ("--loss", "2", "a", "b"), ("a",)])
def test_what_it_cannot_do_is_said(relayed: Relayed, words: tuple[str, ...]) -> None:
    relay = relayed.testbed.start("refused", [str(relayed.program), *words], relayed.here)
    assert relay.popen.wait(10) == 2
    assert any(word in relay.output() for word in (*words[:2], "pairs"))


def _settled(relay: Relay) -> Direction:
    """When the line has sent all that it had room for."""
    time.sleep(0.3)
    return relay.stop()["there"]
