# SPDX-License-Identifier: Apache-2.0
"""Programs of our own on the embedded switch and on BMv2: the same out of every port.

What a program leaves undefined (a field of a header that is not valid, an index beyond a
stack's end) the frames avoid.
"""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import bmv2
import pytest
from p4client import DEVICE_ID, Controller, entity, insert, load_config
from profileworld import KEYS, PROFILES, TABLES, World, selector_frame
from stillswitch import StillSwitch

from hectograph.switch.server import P4RuntimeServer

SEED = 20
ROUNDS = 30
FRAMES = 16
"""At a time, so that BMv2's egress queues hold what comes out."""

GROUP = entity(
    """packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1
         replicas { egress_port: 1 instance: 1 } replicas { egress_port: 2 instance: 2 }
         replicas { egress_port: 3 instance: 3 } } }"""
)

Frame = tuple[int, bytes]
Maker = Callable[[random.Random], Frame]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two switches that must not be told apart, each with its client."""

    switch: StillSwitch
    ours: Controller
    bmv2: bmv2.Bmv2
    theirs: Controller

    async def same(self, frames: Sequence[Frame]) -> int:
        """How many frames came out of both."""
        expected = await self.bmv2.exchange(frames)
        for (port, frame), wanted in zip(frames, expected, strict=True):
            got = self.switch.inject(port, frame)
            assert by_port(got) == by_port(wanted), (port, frame.hex())
        return sum(map(len, expected))


def by_port(frames: Sequence[Frame]) -> list[Frame]:
    """BMv2's ports do not wait for each other."""
    return sorted(frames, key=lambda frame: frame[0])


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    if (why := bmv2.missing()) is not None:
        pytest.skip(why)
    switch = StillSwitch(cpu_port=510)
    server = P4RuntimeServer(switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0")
    try:
        async with (
            bmv2.running(DEVICE_ID, 510) as other,
            Controller(f"127.0.0.1:{port}") as ours,
            Controller(other.address) as theirs,
        ):
            for client in (ours, theirs):
                await client.become_primary()
            yield Pair(switch, ours, other, theirs)
    finally:
        await server.stop()
        switch.close()


def cut(frame: bytes, rng: random.Random) -> bytes:
    """Every fifth is shorter than it should be, every other longer."""
    if rng.random() < 0.2:
        return frame[: rng.randrange(1, len(frame))]
    return frame + rng.randbytes(rng.choice([0, rng.randrange(10)]))


def stacks(rng: random.Random) -> Frame:
    kinds = [rng.choice([0, 0x11, 0x12]) for _ in range(rng.randrange(5))]
    items = [bytes([kind]) + rng.randbytes(3) for kind in (*kinds, rng.choice([0x80, 0x92]))]
    if rng.random() < 0.2:  # two of them equal
        items.insert(0, items[0])
    operation, index = rng.randrange(18), rng.randrange(4)
    if operation in (9, 10, 17):  # reads any of the four
        items = [bytes([kind]) + rng.randbytes(3) for kind in (0, 1, 2, 0x80)]
    elif rng.random() < 0.5:
        items[-1] = items[-1][:2] + b"\xff\xff"
    tails = b"".join(rng.choice([b"\0\1", b"\0\2"]) for _ in range(rng.randrange(4)))
    frame = bytes([operation, index]) + rng.randbytes(2) + b"".join(items) + tails
    return rng.randrange(2, 6), frame if operation in (9, 10, 17) else cut(frame, rng)


def unions(rng: random.Random) -> Frame:
    sizes = {1: 1, 2: 2, 3: 4}
    kind = rng.randrange(6)
    firsts = [1, 3, 2] if kind == 4 else [kind] if kind in sizes else []
    operation = rng.randrange(11)
    # BMv2 keeps what a stack of unions pops, or pushes out at its end (docs/switch.md).
    most = {7: 2, 8: 0}.get(operation, 4)
    kinds = [*firsts, *rng.choices(list(sizes), k=rng.randrange(most + 1))]
    members = [bytes([each]) + rng.randbytes(sizes[each]) for each in kinds]
    frame = bytes([operation, kind]) + b"".join(members) + bytes(operation in (7, 8))
    return rng.randrange(2, 6), cut(frame, rng)


def varbits(rng: random.Random) -> Frame:
    bits = rng.choice([0, 8, 8, 16, 32, 64, 64, 72, 9, 80])
    octets = rng.choice([0, bits // 8, 1, 2, 8, 9, 20])
    first = bytes([rng.randrange(4)]) + rng.randbytes(bits // 8)
    second = bytes([rng.randrange(4)]) + rng.randbytes(octets)
    if rng.random() < 0.3:
        second = first
    more = b"".join(rng.choice([b"\0", b"\1"]) + rng.randbytes(bits // 8) for _ in range(4))
    odd = rng.randbytes(2 + (first[0] & 3))
    base = bytes([rng.randrange(7), bits, octets, 0]) + rng.randbytes(2)
    return rng.randrange(2, 6), cut(base + first + second + odd + more, rng)


def hashes(rng: random.Random) -> Frame:
    kind, size = rng.randrange(4), rng.randrange(5)
    base = bytes([rng.randrange(13), kind, size]) + rng.randbytes(17)
    frame = base + (rng.randbytes(3) if kind & 1 else b"") + rng.randbytes(size)
    return rng.randrange(2, 6), cut(frame + rng.randbytes(rng.randrange(40)), rng)


def again(rng: random.Random) -> Frame:
    """So that something comes out, which takes a byte."""
    operation = rng.randrange(10)
    left, length = rng.randrange(6), rng.choice([1, 2, rng.randrange(1, 60), 0x15, 0x2F])
    if operation == 5:
        left = max(left, 1)
    base = bytes([operation, left, length, 0])
    return rng.randrange(2, 6), base + rng.randbytes(rng.randrange(50))


MAKERS: dict[str, Maker] = {
    "again": again,
    "stacks": stacks,
    "unions": unions,
    "varbits": varbits,
    "hashes": hashes,
}


@pytest.mark.parametrize("name", MAKERS)
async def test_the_same_comes_out(name: str, pair: Pair) -> None:
    for client in (pair.ours, pair.theirs):
        await client.set_config(load_config(name))
        await client.write(insert(GROUP))
    rng = random.Random(SEED)
    compared = 0
    for _ in range(ROUNDS):
        compared += await pair.same([MAKERS[name](rng) for _ in range(FRAMES)])
    print(f"{name}: {compared} frames compared")


NUMBERS = {"second": 2, "crc16": 3, "identity": 4, "crc32": 5}
"""Of selectors.p4's tables: what a frame says to go there. BMv2 ends where a packet goes to
`first`, which shares its profile with `second`: p4c gives their actions two numbers each."""


# `second` has no selector, which an action set needs.
WORLDS = [
    (name, shot) for name in NUMBERS for shot in (False, True) if name != "second" or not shot
]


@pytest.mark.parametrize(("name", "one_shot"), WORLDS)
async def test_the_same_members_are_chosen(name: str, one_shot: bool, pair: Pair) -> None:
    table = TABLES[name]
    profiles = {each.preamble.id: each for each in PROFILES.values()}
    profile = profiles[table.implementation_id]
    for client in (pair.ours, pair.theirs):
        await client.set_config(load_config("selectors"))
    rng = random.Random(f"{SEED} {name}")
    world = World(table, profile, rng, one_shot)
    compared = 0
    for _ in range(ROUNDS):
        updates = [update for _ in range(6) if (update := world.change())]
        for client in (pair.ours, pair.theirs):
            assert await client.write_codes(*updates) == [0] * len(updates)
        # What `identity` does on a miss p4c leaves out, and so does BMv2.
        keys = list(world.entries) if name == "identity" else KEYS
        count = FRAMES if keys else 0
        frames = [(1, selector_frame(rng, NUMBERS[name], keys)) for _ in range(count)]
        compared += await pair.same(frames)
    print(f"{name}: {compared} frames compared")
