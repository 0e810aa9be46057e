# SPDX-License-Identifier: Apache-2.0
"""The embedded switch and BMv2 side by side: the same entries and frames, the same of everything.

A switch's ingress ports do not wait for each other, so frames go into one port at a time;
what comes out is compared in order, port by port.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TypeVar

import finsy as fy
import pytest

from hectograph import wire
from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS
from packetlab.frames import describe
from packetlab.lab import CLIENT_PORTS, HOST_PORT, LIMITS, Lab, Outcome, running_lab
from packetlab.randomframes import damaged, random_frame
from packetlab.shrink import shortest
from packetlab.world import World, random_port, random_world

METERED = {"punt_meter", "unverified_meter", "reset_meter"}
"""Depends on the time."""
T = TypeVar("T")

SECONDS, SOAK_SECONDS = 15, 500
FRAMES = 300
"""Well-formed ones that a world is shown."""
DAMAGED = 9
"""How often each of them comes again, damaged."""
BATCH = min(limits.frames_at_once for limits in LIMITS.values())
"""The same for both: behind each goes a push that tells its end, which is counted, too."""
PACKET_OUTS = 20
DIGEST_SECONDS = 5
SHORTEN_SECONDS = 120
"""What is looked for a shorter run that differs, too."""
PACKET_OUT = 1 << 16
"""Beside the port of a step: it goes there from the controller."""
DIRECT_COUNTERS = ("push_group", "member", "service")


class Difference(AssertionError):
    """The two did not do the same."""


Step = tuple[int, bytes]
"""A frame, and the port that it goes into; with PACKET_OUT, that it leaves by."""


@dataclass(slots=True)
class Pair:
    """Two switches that must not be told apart."""

    labs: tuple[Lab, Lab]
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))
    worlds: int = 0
    sent: int = 0
    received: int = 0
    packet_ins: int = 0
    digests: int = 0
    reasons: set[str] = field(default_factory=set[str])
    """Why frames were dropped."""
    steps: list[Step] = field(default_factory=list[Step])
    """What the world was shown so far."""

    def write(self, world: World) -> None:
        self.steps.clear()
        self.both(world.write)

    def both(self, call: Callable[[Lab], T]) -> tuple[T, T]:
        ours, theirs = self.threads.map(call, self.labs)
        return ours, theirs

    def exchange(self, port: int, frames: Sequence[bytes]) -> None:
        self.steps += [(port, frame) for frame in frames]
        self._same(self.both(lambda lab: lab.outcome(port, frames)), port, frames)

    def packet_outs(self, frames: Sequence[tuple[int, bytes]]) -> None:
        self.steps += [(PACKET_OUT | port, frame) for port, frame in frames]
        outcomes = self.both(lambda lab: lab.outcome_of_packet_outs(frames))
        self._same(outcomes, 0, [frame for _, frame in frames])

    def same_counters(self) -> None:
        ours, theirs = self.both(lambda lab: lab.control.drops())
        _check_same("drops", ours, theirs)
        self.reasons |= {reason for reason, packets in ours.items() if packets}
        for table in DIRECT_COUNTERS:
            ours, theirs = self.both(lambda lab, table=table: lab.control.direct_counters(table))
            _check_same(f"counters of {table}", ours, theirs)

    def same_digests(self) -> None:
        """They come when they come."""
        deadline = time.monotonic() + DIGEST_SECONDS
        while True:
            ours, theirs = self.both(lambda lab: lab.control.digests())
            if ours == theirs or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        _check_same("digests", ours, theirs)
        self.digests = len(ours)

    def _same(self, outcomes: tuple[Outcome, Outcome], port: int, frames: Sequence[bytes]) -> None:
        ours, theirs = outcomes
        self.sent += len(frames)
        self.received += sum(map(len, ours.frames.values()))
        self.packet_ins += len(ours.packet_ins)
        if ours != theirs:
            raise Difference(self._culprits(port, frames))

    def _culprits(self, port: int, frames: Sequence[bytes]) -> str:
        """The frames that make the difference, each by itself; tables are still as they were."""
        text = [f"into port {port}, embedded and bmv2 differ:"]
        for frame in frames if port else ():
            ours, theirs = self.both(lambda lab, frame=frame: lab.outcome(port, [frame]))
            if ours != theirs:
                text += [f"for {describe(frame)}", f"  embedded: {_told(ours)}"]
                text += [f"  bmv2:     {_told(theirs)}"]
        return "\n".join(text)


def _check_same(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Difference(f"{what}: embedded {ours}, bmv2 {theirs}")


def _told(outcome: Outcome) -> str:
    frames = [f"port {port}: {list(map(describe, out))}" for port, out in outcome.frames.items()]
    return f"{frames} to the controller: {outcome.packet_ins}"


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    ours, theirs = TARGETS["embedded"], TARGETS["bmv2"]
    if reason := theirs.missing():
        pytest.skip(reason)
    with (
        Testbed() as testbed,
        running_lab(testbed, ours, "a") as one,
        running_lab(testbed, theirs, "b") as two,
    ):
        yield Pair((one, two))


def differs(pair: Pair, world: World, steps: Sequence[Step]) -> bool:
    """Shown this and no more, do the two differ in what leaves or in what they count?"""
    pair.both(world.write)
    before = pair.both(lambda lab: lab.control.drops())
    for port, group in groupby(steps, key=lambda step: step[0]):
        for frames in batched([frame for _, frame in group], BATCH):
            ours, theirs = pair.both(lambda lab, p=port, f=frames: _show(lab, p, f))
            if ours != theirs:
                return True
    after = pair.both(lambda lab: lab.control.drops())
    ours, theirs = (
        {reason: then[reason] - now[reason] for reason in then}
        for now, then in zip(before, after, strict=True)
    )
    return ours != theirs


def _show(lab: Lab, port: int, frames: Sequence[bytes]) -> Outcome:
    if port & PACKET_OUT:
        return lab.outcome_of_packet_outs([(port & ~PACKET_OUT, frame) for frame in frames])
    return lab.outcome(port, frames)


def shortened(pair: Pair, world: World, steps: Sequence[Step]) -> str:
    """The least of a world's writes and frames that shows the difference once more."""
    deadline = time.monotonic() + SHORTEN_SECONDS

    def still(world: World, steps: Sequence[Step]) -> bool:
        return time.monotonic() < deadline and differs(pair, world, steps)

    if not still(world, steps):
        return f"the same {len(steps)} frames into the same world made no difference again"
    steps = shortest(steps, lambda some: still(world, some))
    groups = shortest(world.groups, lambda some: still(replace(world, groups=tuple(some)), steps))
    world = replace(world, groups=tuple(groups))
    entries = shortest(
        world.entries, lambda some: still(replace(world, entries=tuple(some)), steps)
    )
    return "\n".join(
        [
            "the least that shows it:",
            *(f"  group {each}" for each in groups),
            *(f"  entry {each}" for each in entries),
            f"  secrets {world.secrets}, host port {world.host_port}",
            *(
                f"  {'packet-out to' if port & PACKET_OUT else 'into port'}"
                f" {port & ~PACKET_OUT}: {frame.hex()}"
                for port, frame in steps
            ),
        ]
    )


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _live_in(pair: Pair, world: World, dice: random.Random, deadline: float) -> None:
    """One world: its entries, its frames, its counters."""
    pair.write(world)
    before = pair.both(lambda lab: lab.control.drops())
    assert before[0] == before[1]
    waiting: dict[int, list[bytes]] = {port: [] for port in (HOST_PORT, *CLIENT_PORTS)}
    for _ in range(FRAMES):
        port, frame = random_frame(dice, world)
        for shown in (frame, *(damaged(dice, frame) for _ in range(DAMAGED))):
            into = port if dice.random() < 0.9 else dice.choice(list(waiting))
            waiting[into].append(shown)
            if len(waiting[into]) == BATCH:
                pair.exchange(into, waiting[into])
                waiting[into].clear()
        if time.monotonic() > deadline:
            break
    for port, frames in waiting.items():
        pair.exchange(port, frames)
    pair.packet_outs(
        [(random_port(dice), random_frame(dice, world)[1]) for _ in range(PACKET_OUTS)]
    )
    pair.same_counters()
    pair.same_digests()
    pair.worlds += 1


def _compare(request: pytest.FixtureRequest, seconds: int) -> None:
    pair: Pair = request.getfixturevalue("pair")
    capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
    seed = request.config.getoption("--seed")
    seed = random.SystemRandom().getrandbits(32) if seed is None else int(seed)
    dice = random.Random(seed)
    pair.worlds = pair.sent = pair.received = pair.packet_ins = 0
    deadline = time.monotonic() + seconds
    # First of all: whatever ends the run, what it was is known.
    with capsys.disabled():
        print(f"\nembedded and bmv2, {seconds} s, --seed {seed}")
    while time.monotonic() < deadline:
        world = random_world(dice)
        try:
            _live_in(pair, world, dice, deadline)
        except Difference as difference:
            least = shortened(pair, world, list(pair.steps))
            pytest.fail(
                f"--seed {seed}, world {pair.worlds + 1}, {pair.sent} frames: {difference}\n{least}"
            )
    with capsys.disabled():
        print(
            f"embedded and bmv2, {seconds} s, --seed {seed}: {pair.sent} frames into "
            f"{pair.worlds} worlds, {pair.received} out of ports, {pair.packet_ins} packet-ins "
            f"and {pair.digests} digests compared"
        )
    assert min(pair.received, pair.packet_ins, pair.digests) > 0


def test_a_difference_is_shortened_to_what_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded switch beside itself, where one is never told of services."""
    ours = TARGETS["embedded"]
    with (
        Testbed() as testbed,
        running_lab(testbed, ours, "a") as one,
        running_lab(testbed, ours, "b") as two,
    ):
        insert = two.control.insert

        def insert_others(*entries: fy.P4TableEntry) -> None:
            insert(*(entry for entry in entries if entry.table_id != "service"))

        monkeypatch.setattr(two.control, "insert", insert_others)
        pair, dice = Pair((one, two)), random.Random(5)
        world = random_world(dice)
        with pytest.raises(Difference):
            _live_in(pair, world, dice, time.monotonic() + SECONDS)
        seen = len(pair.steps)
        least = shortened(pair, world, list(pair.steps))
    lines = least.splitlines()
    assert lines[0] == "the least that shows it:"
    assert sum("into port" in line for line in lines) == 1 <= seen
    assert sum("  entry " in line for line in lines) <= 3
    assert "service" in least


@pytest.mark.timeout(SECONDS + SHORTEN_SECONDS + 60)
def test_both_make_the_same_of_everything(request: pytest.FixtureRequest) -> None:
    _compare(request, SECONDS)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_SECONDS + SHORTEN_SECONDS + 60)
def test_both_make_the_same_for_minutes(request: pytest.FixtureRequest) -> None:
    _compare(request, SOAK_SECONDS)
    pair: Pair = request.getfixturevalue("pair")
    assert pair.reasons == set(wire.DROP_REASONS.values()) - METERED
