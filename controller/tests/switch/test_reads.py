# SPDX-License-Identifier: Apache-2.0
"""Reads: wildcards, filters, single entities, and errors per element of a batch."""

from collections.abc import Callable

import grpc
import pytest
from finsy.proto import p4r, rpc_code
from p4client import (
    DEVICE_ID,
    IDS,
    Controller,
    batch_error,
    delete,
    entity,
    insert,
    load_config,
    modify,
    table,
)

from hectograph.switch.batches import Reading, answer_reads
from hectograph.switch.native import Switch
from hectograph.switch.service import P4RuntimeService

Code = rpc_code


def exact(port: int, extra: str = "") -> p4r.Entity:
    return table(
        rf"""table_id: $exact_table
        match {{ field_id: 1 exact {{ value: "\x01" }} }}
        match {{ field_id: 2 exact {{ value: "\x{port:02x}" }} }}
        action {{ action {{ action_id: $metered params {{ param_id: 1 value: "\x01" }} }} }}
        {extra}"""
    )


def ternary(priority: int, action: str, extra: str = "") -> p4r.Entity:
    return table(
        rf"""table_id: $ternary_table priority: {priority}
        match {{ field_id: 2 exact {{ value: "\x07" }} }}
        action {{ action {{ action_id: {action} params {{ param_id: 1 value: "\x05" }} }} }}
        {extra}"""
    )


@pytest.fixture
async def filled(kinds: Controller) -> Controller:
    await kinds.write(
        insert(exact(1, "controller_metadata: 1 counter_data { packet_count: 3 byte_count: 4 }")),
        insert(exact(2, 'metadata: "two" meter_config { cir: 1 cburst: 1 pir: 2 pburst: 2 }')),
        insert(ternary(1, "$mark", "counter_data { packet_count: 8 }")),
        insert(ternary(2, "$flood")),
    )
    return kinds


FILTERS: dict[str, tuple[str, int]] = {
    "every table": ("", 6),  # with the two constant entries
    "one table": ("table_id: $exact_table", 2),
    "empty table": ("table_id: $lpm_table", 0),
    "keyless table": ("table_id: $keyless_table", 0),
    "controller_metadata": ("table_id: $exact_table controller_metadata: 1", 1),
    "metadata": ('table_id: $exact_table metadata: "two"', 1),
    "no such metadata": ('table_id: $exact_table metadata: "three"', 0),
    "priority": ("table_id: $ternary_table priority: 2", 1),
    "no such priority": ("table_id: $ternary_table priority: 3", 0),
    "action": ("table_id: $ternary_table action { action { action_id: $mark } }", 1),
    "match of any priority": (
        r'table_id: $ternary_table match { field_id: 2 exact { value: "\x07" } }',
        2,
    ),
    "match and priority": (
        r'table_id: $ternary_table priority: 1 match { field_id: 2 exact { value: "\x07" } }',
        1,
    ),
    "match that is not there": (
        r'table_id: $ternary_table priority: 1 match { field_id: 2 exact { value: "\x08" } }',
        0,
    ),
    "default entry": ("table_id: $exact_table is_default_action: true", 1),
}


@pytest.mark.parametrize(("text", "count"), FILTERS.values(), ids=FILTERS.keys())
async def test_filter(filled: Controller, text: str, count: int) -> None:
    assert len(await filled.read(table(text))) == count


async def test_exact_match(filled: Controller) -> None:
    assert await filled.read(exact(1)) == [exact(1, "controller_metadata: 1")]
    assert await filled.read(exact(3)) == []


async def test_default_entries_say_so(filled: Controller) -> None:
    (answer,) = await filled.read(table("table_id: $exact_table is_default_action: true"))
    assert answer == table(
        "table_id: $exact_table is_default_action: true action { action { action_id: $drop } }"
    )
    (answer,) = await filled.read(table("table_id: $ternary_table is_default_action: true"))
    assert answer.table_entry.is_const


async def test_direct_resources_come_when_asked_for(filled: Controller) -> None:
    """And in a read of all tables only where there are any."""
    answers = await filled.read(table("counter_data {} meter_config {}"))
    by_table = {IDS["exact_table"]: 2, IDS["ternary_table"]: 2, IDS["const_table"]: 2}
    counted = [e.table_entry.table_id for e in answers if e.table_entry.HasField("counter_data")]
    assert len(answers) == sum(by_table.values())
    assert sorted(counted) == sorted([IDS["exact_table"]] * 2 + [IDS["ternary_table"]] * 2)
    (metered,) = [e for e in answers if e.table_entry.HasField("meter_config")]
    assert metered.table_entry.metadata == b"two"
    for answer in await filled.read(table("")):
        assert not answer.table_entry.HasField("counter_data")
        assert not answer.table_entry.HasField("meter_config")


DIRECT_COUNTS: dict[str, tuple[str, int]] = {
    "every counter": ("direct_counter_entry { table_entry {} }", 4),
    "a table's counters": ("direct_counter_entry { table_entry { table_id: $exact_table } }", 2),
    "every meter": ("direct_meter_entry { table_entry {} }", 2),
    "a table's meters": ("direct_meter_entry { table_entry { table_id: $exact_table } }", 2),
    "a default entry's counter": (
        "direct_counter_entry { table_entry { table_id: $exact_table is_default_action: true } }",
        1,
    ),
}


@pytest.mark.parametrize(("text", "count"), DIRECT_COUNTS.values(), ids=DIRECT_COUNTS.keys())
async def test_direct_wildcards(filled: Controller, text: str, count: int) -> None:
    assert len(await filled.read(entity(text))) == count


KEY = r"""table_entry { table_id: $exact_table
    match { field_id: 1 exact { value: "\x01" } } match { field_id: 2 exact { value: "\x01" } } }"""


async def test_direct_counter(filled: Controller) -> None:
    (answer,) = await filled.read(entity(f"direct_counter_entry {{ {KEY} }}"))
    data = "data { packet_count: 3 byte_count: 4 }"
    assert answer == entity(f"direct_counter_entry {{ {KEY} {data} }}")
    written = entity(f"direct_counter_entry {{ {KEY} data {{ packet_count: 1 }} }}")
    await filled.write(modify(written))
    assert await filled.read(written) == [written]
    # Without data it is left as it is.
    await filled.write(modify(entity(f"direct_counter_entry {{ {KEY} }}")))
    assert await filled.read(written) == [written]


async def test_direct_meter(filled: Controller) -> None:
    wanted = entity(f"direct_meter_entry {{ {KEY} }}")
    assert await filled.read(wanted) == [wanted]
    config = "config { cir: 10 cburst: 20 pir: 30 pburst: 40 }"
    written = entity(f"direct_meter_entry {{ {KEY} {config} }}")
    await filled.write(modify(written))
    assert await filled.read(wanted) == [written]
    # Without a configuration it is put back to green for all.
    await filled.write(modify(wanted))
    assert await filled.read(wanted) == [wanted]


OTHER_KEY = KEY.replace(r'"\x01"', r'"\x09"')

DIRECT_WRITES: dict[str, tuple[str, int]] = {
    "counter of no entry": (f"direct_counter_entry {{ {OTHER_KEY} data {{}} }}", Code.NOT_FOUND),
    "nothing for no entry": (f"direct_counter_entry {{ {OTHER_KEY} }}", Code.NOT_FOUND),
    "meter of no entry": (f"direct_meter_entry {{ {OTHER_KEY} }}", Code.NOT_FOUND),
    "counter without entry": ("direct_counter_entry {}", Code.INVALID_ARGUMENT),
    "meter without entry": ("direct_meter_entry {}", Code.INVALID_ARGUMENT),
    "counter without table": ("direct_counter_entry { table_entry {} }", Code.INVALID_ARGUMENT),
    "table without counter": (
        "direct_counter_entry { table_entry { table_id: $lpm_table } }",
        Code.INVALID_ARGUMENT,
    ),
    "table without meter": (
        "direct_meter_entry { table_entry { table_id: $lpm_table } }",
        Code.INVALID_ARGUMENT,
    ),
    "negative counter": (f"direct_counter_entry {{ {KEY} data {{ byte_count: -1 }} }}", 3),
    "negative rate": (f"direct_meter_entry {{ {KEY} config {{ cir: -1 }} }}", 3),
    "colours": (f"direct_meter_entry {{ {KEY} counter_data {{}} }}", Code.UNIMPLEMENTED),
    "counter of a default entry": (
        """direct_counter_entry { table_entry { table_id: $exact_table is_default_action: true }
           data { packet_count: 4 } }""",
        Code.OK,
    ),
    "default entry with a match": (
        f"direct_counter_entry {{ {KEY[:-1]} is_default_action: true }} }}",
        Code.INVALID_ARGUMENT,
    ),
}


@pytest.mark.parametrize(("text", "code"), DIRECT_WRITES.values(), ids=DIRECT_WRITES.keys())
async def test_direct_write(filled: Controller, text: str, code: int) -> None:
    assert await filled.write_codes(modify(entity(text))) == [code]


@pytest.mark.parametrize("kind", ["direct_counter_entry", "direct_meter_entry"])
@pytest.mark.parametrize("update", [p4r.Update.INSERT, p4r.Update.DELETE])
async def test_direct_resources_can_only_be_modified(
    filled: Controller, kind: str, update: p4r.Update.Type.ValueType
) -> None:
    request = p4r.Update(type=update, entity=entity(f"{kind} {{ {KEY} }}"))
    assert await filled.write_codes(request) == [Code.INVALID_ARGUMENT]


BAD_READS: dict[str, tuple[p4r.Entity, int]] = {
    "nothing": (p4r.Entity(), Code.INVALID_ARGUMENT),
    "unknown table": (table("table_id: 5"), Code.INVALID_ARGUMENT),
    "filter without table": (table("priority: 5"), Code.INVALID_ARGUMENT),
    "default entries without table": (table("is_default_action: true"), Code.INVALID_ARGUMENT),
    "action of another table": (
        table("table_id: $lpm_table action { action { action_id: $mark } }"),
        Code.INVALID_ARGUMENT,
    ),
    "action profile member": (
        table("table_id: $lpm_table action { action_profile_member_id: 1 }"),
        Code.INVALID_ARGUMENT,
    ),
    "malformed match": (
        table("table_id: $lpm_table match { field_id: 1 lpm { prefix_len: 50 } }"),
        Code.INVALID_ARGUMENT,
    ),
    "idle time where there is none": (
        table("table_id: $lpm_table time_since_last_hit {}"),
        Code.INVALID_ARGUMENT,
    ),
    "counters per colour": (table("meter_counter_data {}"), Code.UNIMPLEMENTED),
    "counter of no entry": (entity(f"direct_counter_entry {{ {OTHER_KEY} }}"), Code.NOT_FOUND),
    "meter of no entry": (entity(f"direct_meter_entry {{ {OTHER_KEY} }}"), Code.NOT_FOUND),
    "counters of a table without": (
        entity("direct_counter_entry { table_entry { table_id: $lpm_table } }"),
        Code.INVALID_ARGUMENT,
    ),
    "meters of a table without": (
        entity("direct_meter_entry { table_entry { table_id: $lpm_table } }"),
        Code.INVALID_ARGUMENT,
    ),
}


@pytest.mark.parametrize(("wanted", "code"), BAD_READS.values(), ids=BAD_READS.keys())
async def test_bad_read(filled: Controller, wanted: p4r.Entity, code: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await filled.read(wanted)
    assert batch_error(caught.value).codes == [code]


async def test_good_elements_of_a_bad_batch_are_answered(filled: Controller) -> None:
    answers: list[p4r.Entity] = []
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await filled.read_into(
            answers, table("table_id: $exact_table"), table("table_id: 5"), table("")
        )
    assert len(answers) == 2 + 6
    assert batch_error(caught.value).codes == [Code.OK, Code.INVALID_ARGUMENT, Code.OK]


REQUESTS: dict[str, tuple[p4r.ReadRequest, grpc.StatusCode]] = {
    "unknown device": (p4r.ReadRequest(device_id=2), grpc.StatusCode.NOT_FOUND),
    "role": (p4r.ReadRequest(device_id=1, role="sdn"), grpc.StatusCode.NOT_FOUND),
    "no pipeline": (p4r.ReadRequest(device_id=1), grpc.StatusCode.FAILED_PRECONDITION),
}


@pytest.mark.parametrize(("request_", "code"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_bad_request(
    controller: Controller, request_: p4r.ReadRequest, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in controller.stub.Read(request_):
            pass
    assert caught.value.code() == code


async def test_a_read_is_of_one_moment(native_switch: Switch) -> None:
    """What is written while it is being answered is not in it."""
    service = P4RuntimeService(native_switch, DEVICE_ID)
    set_config = p4r.SetForwardingPipelineConfigRequest(
        action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
        config=load_config("kinds"),
    )
    await service.configuration.set(set_config, lambda: None)
    pipeline = service.configuration.pipeline
    group = entity(
        "packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 } }"
    )
    before = [exact(1), exact(2, 'metadata: "two"'), group]
    for each in before:
        pipeline.write(insert(each))
    reads = [Reading(pipeline, table("")), Reading(pipeline, all_groups())]
    assert all(read.is_snapshot for read in reads)
    pipeline.write(modify(exact(2, 'metadata: "three"')))
    pipeline.write(delete(exact(1)))
    pipeline.write(delete(group))
    pipeline.write(insert(exact(3)))
    messages, refused = await answer_reads(reads)
    (found,) = messages
    assert [each for each in found.entities if each in before] == before
    assert len(found.entities) == 2 + 3  # with the two constant entries
    assert refused == [None, None]
    assert not Reading(pipeline, entity("register_entry {}")).is_snapshot
    service.configuration.close()


def all_groups() -> p4r.Entity:
    return entity("packet_replication_engine_entry { multicast_group_entry {} }")


async def test_reading_needs_no_stream(address: str, filled: Controller) -> None:
    assert filled.election_id == 1
    async with Controller(address) as onlooker:
        assert len(await onlooker.read(table(""))) == 6


@pytest.mark.parametrize(
    "text",
    [
        "action_profile_member {}",
        "action_profile_group {}",
        "packet_replication_engine_entry { clone_session_entry {} }",
    ],
)
async def test_what_cannot_be_there_is_read_as_nothing(kinds: Controller, text: str) -> None:
    assert await kinds.read(entity(text)) == []


async def test_messages_stay_below_grpcs_limit(kinds: Controller) -> None:
    """Entities that are large themselves do not share a message."""
    await kinds.write(*[insert(exact(port, f'metadata: "{"x" * 900_000}"')) for port in (1, 2, 3)])
    sizes: list[int] = []
    request = p4r.ReadRequest(device_id=DEVICE_ID, entities=[table("table_id: $exact_table")])
    async for message in kinds.stub.Read(request):
        sizes.append(message.ByteSize())
    assert len(sizes) == 3
    assert max(sizes) < 1 << 20


SYMMETRIC: list[Callable[[], p4r.Entity]] = [
    lambda: exact(255),
    lambda: ternary(2**31 - 1, "$mark"),
    lambda: table(
        r"""table_id: $range_table priority: 1
        match { field_id: 1 range { low: "\x00" high: "\xff\xfe" } }
        match { field_id: 2 optional { value: "\x00" } }
        action { action { action_id: $mark params { param_id: 1 value: "\x00" } } }"""
    ),
    lambda: table(
        r"""table_id: $lpm_table match { field_id: 1 lpm { value: "\x00" prefix_len: 1 } }
        action { action { action_id: $forward params { param_id: 1 value: "\x01\xff" }
                                              params { param_id: 2 value: "\x00" } } }"""
    ),
]


@pytest.mark.parametrize("make", SYMMETRIC)
async def test_what_is_written_is_read(kinds: Controller, make: Callable[[], p4r.Entity]) -> None:
    written = make()
    await kinds.write(insert(written))
    assert await kinds.read(table(f"table_id: {written.table_entry.table_id}")) == [written]
