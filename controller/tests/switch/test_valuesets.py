# SPDX-License-Identifier: Apache-2.0
"""Parser value sets over P4Runtime: which way a packet takes, and what a client is told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from finsy.proto import p4r
from finsy.proto import rpc_code as Code  # noqa: N812
from google.protobuf import text_format
from p4client import DEVICE_ID, Controller, delete, insert, load_config, modify
from stillswitch import StillSwitch

from hectograph.switch.server import P4RuntimeServer

IDS = {each.preamble.alias: each.preamble.id for each in load_config("valuesets").p4info.value_sets}
KNOWN, TWICE, OTHER, PAIRED = 2, 4, 8, 16
"""States that leave their bit in a packet, beside the first one's."""


def kinds(*values: int) -> p4r.Entity:
    members = [f"""match {{ field_id: 1 exact {{ value: "{_octets(value)}" }} }}"""
               for value in values]  # fmt: skip
    return _entry("kinds", members)


def pairs(*values: tuple[int, int, int]) -> p4r.Entity:
    """Low, and high with its mask."""
    members: list[str] = []
    for low, high, mask in values:
        match = f"""match {{ field_id: 1 exact {{ value: "{_octets(low)}" }} }}"""
        if mask:
            ternary = f"""value: "{_octets(high)}" mask: "{_octets(mask)}" """
            match += f" match {{ field_id: 2 ternary {{ {ternary} }} }}"
        members.append(match)
    return _entry("pairs", members)


def _entry(name: str, members: list[str]) -> p4r.Entity:
    inside = " ".join(f"members {{ {each} }}" for each in members)
    text = f"value_set_entry {{ value_set_id: {IDS[name]} {inside} }}"
    return text_format.Parse(text, p4r.Entity())


def _octets(value: int) -> str:
    octets = value.to_bytes(2, "big").lstrip(b"\0") or b"\0"
    return "".join(f"\\x{octet:02x}" for octet in octets)


@dataclass(frozen=True)
class Lab:
    switch: StillSwitch
    client: Controller

    async def code(self, update: p4r.Update) -> int:
        return (await self.client.write_codes(update))[0]

    def way(self, kind: int, pair: int = 0, following: int = 0) -> int:
        frame = b"".join(value.to_bytes(2, "big") for value in (kind, pair))
        ((_, out),) = self.switch.inject(1, frame + b"\0" + following.to_bytes(2, "big"))
        assert out[4] & 1
        return out[4] & ~1


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    switch = StillSwitch(cpu_port=510)
    server = P4RuntimeServer(switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0")
    try:
        async with Controller(f"127.0.0.1:{port}") as client:
            await client.become_primary()
            await client.set_config(load_config("valuesets"))
            yield Lab(switch, client)
    finally:
        await server.stop()
        switch.close()


async def test_a_set_of_one_field_that_two_states_use(lab: Lab) -> None:
    assert lab.way(0x800) == OTHER
    assert await lab.code(modify(kinds(0x800, 0x806, 0xFFFF))) == 0
    assert lab.way(0x800) == KNOWN
    assert lab.way(0x800, following=0x806) == KNOWN | TWICE
    assert lab.way(0x801) == OTHER
    assert lab.way(0xFFFF) == 0  # the case before it is the program's own
    assert await lab.code(modify(kinds(0x801, 0x806))) == 0
    assert [lab.way(kind) for kind in (0x800, 0x801, 0x806)] == [OTHER, KNOWN, KNOWN]
    assert await lab.code(modify(kinds())) == 0
    assert [lab.way(kind) for kind in (0x800, 0x801, 0x806)] == [OTHER] * 3


async def test_a_set_of_two_fields_one_with_masks(lab: Lab) -> None:
    assert await lab.code(modify(pairs((1, 0x120, 0xFF0), (2, 0, 0), (15, 0, 0)))) == 0
    for pair, expected in (
        (0x1123, PAIRED),
        (0x1131, 0),
        (0x2FFF, PAIRED),
        (0x3123, 0),
        (0x0000, 0),  # cases stand in the program's order
        (0xF000, PAIRED),
    ):
        assert lab.way(1, pair) == OTHER | expected
    assert await lab.code(modify(pairs((1, 0x120, 0xFF0)))) == 0
    assert lab.way(1, 0xF000) == OTHER | TWICE


async def test_reads(lab: Lab) -> None:
    written = [kinds(0x800, 0x806), pairs((1, 0x120, 0xFF0), (2, 0, 0))]
    assert await lab.client.write_codes(*map(modify, written)) == [0, 0]
    everything = p4r.Entity(value_set_entry=p4r.ValueSetEntry())
    assert await lab.client.read(everything) == written
    assert await lab.client.read(kinds()) == written[:1]
    await lab.client.set_config(
        load_config("valuesets"), p4r.SetForwardingPipelineConfigRequest.RECONCILE_AND_COMMIT
    )
    assert await lab.client.read(everything) == written
    assert lab.way(0x806) == KNOWN


WRONG = {
    "kinds, but inserted": (insert(kinds(0x800)), Code.INVALID_ARGUMENT),
    "kinds, but deleted": (delete(kinds(0x800)), Code.INVALID_ARGUMENT),
    "more than it holds": (modify(kinds(1, 2, 3, 4, 5)), Code.RESOURCE_EXHAUSTED),
    "an exact field is missing": (
        modify(_entry("pairs", [""])),
        Code.INVALID_ARGUMENT,
    ),
    "a value that is too wide": (modify(pairs((16, 0, 0))), Code.INVALID_ARGUMENT),
    "another set": (
        modify(p4r.Entity(value_set_entry=p4r.ValueSetEntry(value_set_id=9))),
        Code.INVALID_ARGUMENT,
    ),
}


@pytest.mark.parametrize(("update", "code"), WRONG.values(), ids=WRONG)
async def test_refusals_change_nothing(lab: Lab, update: p4r.Update, code: int) -> None:
    there = kinds(0x800, 0x806)
    assert await lab.code(modify(there)) == 0
    assert await lab.code(update) == code
    assert await lab.client.read(kinds()) == [there]


async def test_a_batch_that_fails_leaves_the_sets_as_they_were(lab: Lab) -> None:
    there = kinds(0x800)
    assert await lab.code(modify(there)) == 0
    codes = await lab.client.write_codes(
        modify(kinds(0x801)), insert(kinds()), atomicity=p4r.WriteRequest.ROLLBACK_ON_ERROR
    )
    assert codes == [Code.ABORTED, Code.INVALID_ARGUMENT]
    assert await lab.client.read(kinds()) == [there]
    assert lab.way(0x800) == KNOWN
