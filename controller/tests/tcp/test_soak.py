# SPDX-License-Identifier: Apache-2.0
"""What takes minutes: many downloads, large ones, and processes that die in the middle of them.

`make soak` runs these; docs/benchmarks.md ("Faults") says what came out.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random

import many_downloads
import pytest
from many_downloads import AGAIN
from tcplab import Client, Content, Lab

from hectograph.core.flows import FlowPhase, FlowState

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

RATES = ("0.001", "0.01", "0.05")
DOWNLOADS = 200
AT_A_TIME = {"pusher": 20, "secrets": 8, "switch": 20, "all": 20}
"""Fewer are sooner over, so that secrets may rotate more often."""
LIVES = {"pusher": 1.0, "secrets": 0.5, "switch": 2.5}
"""At most this long until what has come back is killed again, or secrets rotate again. A
switch takes two or three seconds to come back, in which the timeouts of clients double
that have just sent a SYN or a request."""
SETTLE_SECONDS = 3.0
"""So long after a switch has died a request may still come that nobody has heard of: secrets
do not rotate twice before."""
STRIKES_MIN = 8
"""In the time that 200 downloads take on a fast machine."""


Popen = subprocess.Popen[bytes]


def start(client: Client, url: str, count: int, at_a_time: int, sha256: str) -> Popen:
    command = [sys.executable, many_downloads.__file__, url, str(count), str(at_a_time), sha256]
    with client.namespace.entered():
        return subprocess.Popen(command, stdout=subprocess.PIPE)


def outcomes(programs: list[Popen]) -> dict[str, int]:
    total: dict[str, int] = {}
    for program in programs:
        output, _ = program.communicate(timeout=1500)
        for outcome, count in json.loads(output).items():
            total[outcome] = total.get(outcome, 0) + count
    return total


@pytest.fixture
def clients(lab: Lab) -> Iterator[list[Client]]:
    with ExitStack() as links:
        yield [links.enter_context(lab.faulty(number)) for number in range(len(lab.clients))]


def on_all(clients: list[Client], content: Content, count: int, at_a_time: int) -> list[Popen]:
    """So many in all, half of them over IPv6."""
    share = len(clients)
    return [
        start(client, content.urls[n % 2], count // share, at_a_time // share, content.sha256)
        for n, client in enumerate(clients)
    ]


def test_500_at_once(lab: Lab, clients: list[Client], mebibyte: Content) -> None:
    assert outcomes(on_all(clients, mebibyte, 500, 500)) == {"ok": 500}
    assert lab.counters()["flows_timed_out"] == 0


def test_10_000_one_after_the_other(lab: Lab, clients: list[Client]) -> None:
    content = lab.add_content(Random(7).randbytes(1000))
    assert outcomes([start(clients[0], content.urls[0], 10_000, 1, content.sha256)]) == {
        "ok": 10_000
    }


def test_gibibyte(lab: Lab, clients: list[Client]) -> None:
    content = lab.add_content(b"".join(Random(n).randbytes(1 << 26) for n in range(16)))
    programs = [start(clients[n], content.urls[n], 1, 1, content.sha256) for n in range(2)]
    assert outcomes(programs) == {"ok": 2}
    lab.remove_content(content)  # others restart the pusher, which would prepare it each time


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("delay", ["0", "25"], ids=["near", "50 ms away"])
def test_faults_both_ways(lab: Lab, mebibyte: Content, rate: str, delay: str) -> None:
    """Loss, reordering and duplication, each at this rate in each direction, together."""
    faults = ("--loss", rate, "--reorder", rate, "--duplicate", rate, "--delay", delay)
    with ExitStack() as links:
        clients = [
            links.enter_context(lab.faulty(n, *faults, "--seed", str(n)))
            for n in range(len(lab.clients))
        ]
        assert outcomes(on_all(clients, mebibyte, 40, 20)) == {"ok": 40}


@pytest.mark.parametrize("victim", ["pusher", "switch", "secrets", "all"])
def test_killed_at_random(lab: Lab, clients: list[Client], large: Content, victim: str) -> None:
    """200 downloads, 20 at a time; what `victim` names is killed, or rotated, at random
    moments from the first to the last of them."""
    dice = Random(victim)
    settled_at = 0.0

    def kill_switch() -> None:
        nonlocal settled_at
        lab.kill_switch()
        settled_at = time.monotonic() + SETTLE_SECONDS

    def rotate_secrets() -> None:
        time.sleep(max(settled_at - time.monotonic(), 0))
        rotate(lab)

    victims: dict[str, Callable[[], None]] = {
        "pusher": lab.kill_pusher,
        "switch": kill_switch,
        "secrets": rotate_secrets,
    }
    programs = on_all(clients, large, DOWNLOADS, AT_A_TIME[victim])
    strikes: Counter[str] = Counter()
    while any(program.poll() is None for program in programs):
        name = victim if victim != "all" else dice.choice(sorted(victims))
        time.sleep(dice.uniform(0.05, LIVES[name]))
        victims[name]()
        strikes[name] += 1
    found = outcomes(programs)
    print(f"{dict(strikes)}, {found.pop(AGAIN, 0)} times {AGAIN}")
    assert found == {"ok": DOWNLOADS}
    assert strikes.total() >= STRIKES_MIN


def rotate(lab: Lab) -> None:
    """Not before the last download is over that a second rotation would end."""
    while any(flow.secret < lab.secrets for flow in lab.host.flows() if is_open(flow)):
        time.sleep(0.05)
    lab.rotate_secrets()


def is_open(flow: FlowState) -> bool:
    return flow.phase is not FlowPhase.CLOSING
