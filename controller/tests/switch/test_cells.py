# SPDX-License-Identifier: Apache-2.0
"""Indirect counters and meters."""

import pytest
from finsy.proto import p4r, rpc_code
from p4client import Controller, delete, entity, insert, modify

Code = rpc_code

CONFIG = "config { cir: 1 cburst: 2 pir: 3 pburst: 4 }"

WRITES: dict[str, tuple[p4r.Update, int]] = {
    "counter": (
        modify(entity("counter_entry { counter_id: $seen index { index: 3 } data {} }")),
        Code.OK,
    ),
    "all of a counter": (modify(entity("counter_entry { counter_id: $seen data {} }")), Code.OK),
    "no data": (modify(entity("counter_entry { counter_id: $seen index {} }")), Code.OK),
    "no counter": (modify(entity("counter_entry { data {} }")), Code.INVALID_ARGUMENT),
    "meter as counter": (modify(entity("counter_entry { counter_id: $gauge }")), 3),
    "counter's index too large": (
        modify(entity("counter_entry { counter_id: $seen index { index: 4 } data {} }")),
        Code.OUT_OF_RANGE,
    ),
    "counter's index far too large": (
        modify(entity("counter_entry { counter_id: $seen index { index: 9223372036854775807 } }")),
        Code.OUT_OF_RANGE,
    ),
    "counter's index negative": (
        modify(entity("counter_entry { counter_id: $seen index { index: -1 } data {} }")),
        Code.INVALID_ARGUMENT,
    ),
    "counter negative": (
        modify(entity("counter_entry { counter_id: $seen data { packet_count: -1 } }")),
        Code.INVALID_ARGUMENT,
    ),
    "counter inserted": (insert(entity("counter_entry { counter_id: $seen }")), 3),
    "counter deleted": (delete(entity("counter_entry { counter_id: $seen }")), 3),
    "meter": (
        modify(entity(f"meter_entry {{ meter_id: $gauge index {{ index: 3 }} {CONFIG} }}")),
        Code.OK,
    ),
    "no meter": (modify(entity(f"meter_entry {{ {CONFIG} }}")), Code.INVALID_ARGUMENT),
    "meter's index too large": (
        modify(entity(f"meter_entry {{ meter_id: $gauge index {{ index: 4 }} {CONFIG} }}")),
        Code.OUT_OF_RANGE,
    ),
    "meter's index negative": (
        modify(entity(f"meter_entry {{ meter_id: $gauge index {{ index: -1 }} {CONFIG} }}")),
        Code.INVALID_ARGUMENT,
    ),
    "rate negative": (modify(entity("meter_entry { meter_id: $gauge config { pir: -1 } }")), 3),
    "peak below committed rate": (
        modify(entity("meter_entry { meter_id: $gauge config { cir: 2 pir: 1 } }")),
        Code.INVALID_ARGUMENT,
    ),
    "excess burst": (
        modify(entity("meter_entry { meter_id: $gauge config { eburst: 1 } }")),
        Code.INVALID_ARGUMENT,
    ),
    "counters per colour": (
        modify(entity("meter_entry { meter_id: $gauge counter_data {} }")),
        Code.UNIMPLEMENTED,
    ),
    "meter inserted": (insert(entity("meter_entry { meter_id: $gauge }")), 3),
    "meter deleted": (delete(entity("meter_entry { meter_id: $gauge }")), 3),
}


@pytest.mark.parametrize(("update", "code"), WRITES.values(), ids=WRITES.keys())
async def test_write(kinds: Controller, update: p4r.Update, code: int) -> None:
    assert await kinds.write_codes(update) == [code]


def counter(index: int, packets: int) -> p4r.Entity:
    return entity(
        f"""counter_entry {{ counter_id: $seen index {{ index: {index} }}
            data {{ packet_count: {packets} byte_count: {packets * 10} }} }}"""
    )


async def test_counter_cells(kinds: Controller) -> None:
    await kinds.write(*[modify(counter(index, index + 1)) for index in range(4)])
    for wanted in ("counter_entry { counter_id: $seen }", "counter_entry {}"):
        assert await kinds.read(entity(wanted)) == [counter(i, i + 1) for i in range(4)]
    one = entity("counter_entry { counter_id: $seen index {} }")
    assert await kinds.read(one) == [counter(0, 1)]
    await kinds.write(modify(entity("counter_entry { counter_id: $seen data {} }")))
    answers = await kinds.read(entity("counter_entry {}"))
    assert answers == [counter(i, 0) for i in range(4)]


async def test_meter_cells(kinds: Controller) -> None:
    def cell(index: int, config: str) -> p4r.Entity:
        return entity(f"meter_entry {{ meter_id: $gauge index {{ index: {index} }} {config} }}")

    await kinds.write(modify(cell(2, CONFIG)))
    expected = [cell(0, ""), cell(1, ""), cell(2, CONFIG), cell(3, "")]
    for wanted in ("meter_entry { meter_id: $gauge }", "meter_entry {}"):
        assert await kinds.read(entity(wanted)) == expected
    assert await kinds.read(cell(2, "")) == [cell(2, CONFIG)]
    await kinds.write(modify(entity(f"meter_entry {{ meter_id: $gauge {CONFIG} }}")))
    assert await kinds.read(cell(0, "")) == [cell(0, CONFIG)]
    await kinds.write(modify(entity("meter_entry { meter_id: $gauge }")))
    assert await kinds.read(entity("meter_entry {}")) == [cell(i, "") for i in range(4)]


async def test_a_rate_of_nothing_is_a_configuration(kinds: Controller) -> None:
    """Everything is red then; only an unset config is green for all."""
    written = entity("meter_entry { meter_id: $gauge index {} config {} }")
    await kinds.write(modify(written))
    assert await kinds.read(entity("meter_entry { meter_id: $gauge index {} }")) == [written]
