# SPDX-License-Identifier: Apache-2.0
"""Writes of TableEntry: one row for each thing the specification says of them."""

import asyncio

import grpc
import pytest
from finsy.proto import p4r, rpc_code
from p4client import (
    Controller,
    batch_error,
    delete,
    entity,
    insert,
    load_config,
    modify,
    table,
)

Code = rpc_code

EXACT = r"""table_id: $exact_table
    match { field_id: 1 exact { value: "\x01\x02\x03\x04\x05\x06" } }
    match { field_id: 2 exact { value: "\x05" } } """
LPM = r"""table_id: $lpm_table
    match { field_id: 1 lpm { value: "\n\x01\x00\x00" prefix_len: 16 } } """
TERNARY = r"""table_id: $ternary_table priority: 10
    match { field_id: 1 ternary { value: "\n\x00\x00\x00" mask: "\xff\x00\x00\x00" } }
    match { field_id: 2 exact { value: "\x07" } } """
RANGE = r"""table_id: $range_table priority: 3
    match { field_id: 1 range { low: "\x64" high: "\x03\xe8" } }
    match { field_id: 2 optional { value: "\x06" } } """
CONST = r"""table_id: $const_table priority: 2
    match { field_id: 1 ternary { value: "\x08\x00" mask: "\xff\xff" } } """

METERED = r"""action { action { action_id: $metered params { param_id: 1 value: "\x03" } } } """
DROP = "action { action { action_id: $drop } } "
FORWARD = r"""action { action { action_id: $forward params { param_id: 1 value: "\x03" }
    params { param_id: 2 value: "\x0f\xff" } } } """
MARK = r"""action { action { action_id: $mark params { param_id: 1 value: "\x05" } } } """
FLOOD = r"""action { action { action_id: $flood params { param_id: 1 value: "\x05" } } } """

# Each inserted into an empty table: what comes back.
INSERTS: dict[str, tuple[str, int]] = {
    "exact": (EXACT + METERED, Code.OK),
    "lpm": (LPM + FORWARD, Code.OK),
    "ternary": (TERNARY + MARK, Code.OK),
    "range and optional": (RANGE + MARK, Code.OK),
    "ternary left out": (
        r'table_id: $ternary_table priority: 1 match { field_id: 2 exact { value: "\x07" } }'
        + MARK,
        Code.OK,
    ),
    "all left out of lpm": ("table_id: $lpm_table " + FORWARD, Code.OK),
    "all left out of range": ("table_id: $range_table priority: 1 " + MARK, Code.OK),
    "table only action": (TERNARY + FLOOD, Code.OK),
    "no table": (METERED, Code.INVALID_ARGUMENT),
    "unknown table": ("table_id: 77 " + METERED, Code.INVALID_ARGUMENT),
    "id of an action as a table": ("table_id: $metered " + METERED, Code.INVALID_ARGUMENT),
    "exact field missing": (
        r'table_id: $exact_table match { field_id: 2 exact { value: "\x05" } }' + METERED,
        Code.INVALID_ARGUMENT,
    ),
    "unknown field": (
        EXACT + r'match { field_id: 9 exact { value: "\x01" } }' + METERED,
        Code.INVALID_ARGUMENT,
    ),
    "field twice": (
        EXACT + r'match { field_id: 2 exact { value: "\x01" } }' + METERED,
        Code.INVALID_ARGUMENT,
    ),
    "field without a value": (
        r"table_id: $lpm_table match { field_id: 1 }" + FORWARD,
        Code.INVALID_ARGUMENT,
    ),
    "field of another kind": (
        r'table_id: $lpm_table match { field_id: 1 exact { value: "\x01" } }' + FORWARD,
        Code.INVALID_ARGUMENT,
    ),
    "exact value too wide": (
        EXACT.replace(r"\x05\"", r"\x02\x00\"").replace(r'"\x05"', r'"\x02\x00"') + METERED,
        Code.INVALID_ARGUMENT,
    ),
    "exact value empty": (EXACT.replace(r'"\x05"', '""') + METERED, Code.INVALID_ARGUMENT),
    "exact value padded": (EXACT.replace(r'"\x05"', r'"\x00\x00\x00\x05"') + METERED, Code.OK),
    "widest exact value": (EXACT.replace(r'"\x05"', r'"\x01\xff"') + METERED, Code.OK),
    "lpm value beyond its prefix": (
        LPM.replace("prefix_len: 16", "prefix_len: 8") + FORWARD,
        Code.INVALID_ARGUMENT,
    ),
    "lpm prefix 0": (LPM.replace("prefix_len: 16", "prefix_len: 0") + FORWARD, 3),
    "lpm prefix negative": (LPM.replace("prefix_len: 16", "prefix_len: -1") + FORWARD, 3),
    "lpm prefix too long": (LPM.replace("prefix_len: 16", "prefix_len: 33") + FORWARD, 3),
    "ternary value beyond its mask": (TERNARY.replace(r"\n\x00", r"\n\x01") + MARK, 3),
    "ternary mask of zeros": (
        TERNARY.replace(r"\n\x00", r"\x00\x00").replace(r"\xff\x00\x00\x00", r"\x00") + MARK,
        Code.INVALID_ARGUMENT,
    ),
    "ternary mask too wide": (TERNARY.replace(r"\xff\x00", r"\x01\xff\x00") + MARK, 3),
    "range upside down": (RANGE.replace(r"\x03\xe8", r"\x63") + MARK, Code.INVALID_ARGUMENT),
    "range of everything": (
        RANGE.replace(r"\x64", r"\x00").replace(r"\x03\xe8", r"\xff\xff") + MARK,
        Code.INVALID_ARGUMENT,
    ),
    "range of one": (RANGE.replace(r"\x03\xe8", r"\x64") + MARK, Code.OK),
    "optional empty": (RANGE.replace(r'"\x06"', '""') + MARK, Code.INVALID_ARGUMENT),
    "priority missing": (TERNARY.replace("priority: 10", "") + MARK, Code.INVALID_ARGUMENT),
    "priority negative": (TERNARY.replace("priority: 10", "priority: -1") + MARK, 3),
    "priority where there is none": (EXACT + "priority: 1 " + METERED, Code.INVALID_ARGUMENT),
    "priority with lpm": (LPM + "priority: 1 " + FORWARD, Code.INVALID_ARGUMENT),
    "no action": (EXACT, Code.INVALID_ARGUMENT),
    "empty action": (EXACT + "action {}", Code.INVALID_ARGUMENT),
    "action of id 0": (EXACT + "action { action {} }", Code.INVALID_ARGUMENT),
    "action of another table": (EXACT + MARK, Code.INVALID_ARGUMENT),
    "action profile member": (EXACT + "action { action_profile_member_id: 1 }", 3),
    "action profile group": (EXACT + "action { action_profile_group_id: 1 }", 3),
    "one shot": (EXACT + "action { action_profile_action_set {} }", Code.INVALID_ARGUMENT),
    "default only action": (LPM + DROP, Code.PERMISSION_DENIED),
    "parameter missing": (EXACT + "action { action { action_id: $metered } }", 3),
    "parameter unknown": (EXACT + METERED.replace("param_id: 1", "param_id: 2"), 3),
    "parameter twice": (
        LPM + FORWARD.replace("param_id: 2", "param_id: 1"),
        Code.INVALID_ARGUMENT,
    ),
    "parameter too wide": (LPM + FORWARD.replace(r"\x0f", r"\x10"), Code.INVALID_ARGUMENT),
    "parameter empty": (EXACT + METERED.replace(r"\x03", ""), Code.INVALID_ARGUMENT),
    "parameter nobody asked for": (
        EXACT + DROP.replace("$drop", r'$drop params { param_id: 1 value: "\x01" }'),
        Code.INVALID_ARGUMENT,
    ),
    "default entry": (
        "table_id: $exact_table is_default_action: true " + DROP,
        Code.INVALID_ARGUMENT,
    ),
    "keyless table": ("table_id: $keyless_table " + MARK, Code.INVALID_ARGUMENT),
    "const table": (CONST + MARK, Code.PERMISSION_DENIED),
    "is_const": (EXACT + METERED + "is_const: true", Code.INVALID_ARGUMENT),
    "counter": (EXACT + METERED + "counter_data { packet_count: 5 }", Code.OK),
    "counter that is not there": (LPM + FORWARD + "counter_data {}", Code.INVALID_ARGUMENT),
    "negative counter": (EXACT + METERED + "counter_data { byte_count: -1 }", 3),
    "meter": (EXACT + METERED + "meter_config { cir: 1 cburst: 2 pir: 3 pburst: 4 }", Code.OK),
    "meter that is not there": (LPM + FORWARD + "meter_config {}", Code.INVALID_ARGUMENT),
    "negative meter": (EXACT + METERED + "meter_config { pburst: -1 }", Code.INVALID_ARGUMENT),
    "peak below committed rate": (EXACT + METERED + "meter_config { cir: 2 pir: 1 }", 3),
    "excess burst of two rates": (EXACT + METERED + "meter_config { eburst: 1 }", 3),
    "counters per colour": (EXACT + METERED + "meter_counter_data {}", Code.UNIMPLEMENTED),
    "idle timeout": (EXACT + METERED + "idle_timeout_ns: 5", Code.INVALID_ARGUMENT),
    "time since last hit": (EXACT + METERED + "time_since_last_hit {}", Code.INVALID_ARGUMENT),
}


@pytest.mark.parametrize(("text", "code"), INSERTS.values(), ids=INSERTS.keys())
async def test_insert(kinds: Controller, text: str, code: int) -> None:
    assert await kinds.write_codes(insert(table(text))) == [code]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (EXACT.replace(r'"\x05"', r'"\x02\x00"') + METERED, "ingress_port: a value wider than 9"),
        (LPM + FORWARD.replace(r"\x0f", r"\x10"), "action KindsIngress.forward: parameter tag"),
        (LPM + DROP, "scope of action KindsIngress.drop is DEFAULT_ONLY"),
        ("table_id: 77", "no table 0x0000004d"),
    ],
)
async def test_errors_name_the_place(kinds: Controller, text: str, message: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await kinds.write(insert(table(text)))
    assert message in batch_error(caught.value).errors[0].message


async def test_life_of_an_entry(kinds: Controller) -> None:
    one, other = table(EXACT + METERED), table(EXACT + DROP)
    assert await kinds.write_codes(modify(one)) == [Code.NOT_FOUND]
    assert await kinds.write_codes(delete(one)) == [Code.NOT_FOUND]
    await kinds.write(insert(one))
    assert await kinds.write_codes(insert(other)) == [Code.ALREADY_EXISTS]
    assert await kinds.read(one) == [one]
    await kinds.write(modify(other))
    assert await kinds.read(other) == [other]
    # Nothing but the key matters to a deletion.
    await kinds.write(delete(table(EXACT + FLOOD + "idle_timeout_ns: 7 counter_data {}")))
    assert await kinds.read(table("table_id: $exact_table")) == []


async def test_zero_padding_does_not_make_another_entry(kinds: Controller) -> None:
    await kinds.write(insert(table(EXACT + METERED)))
    padded = table(EXACT.replace(r'"\x05"', r'"\x00\x00\x05"') + METERED)
    assert await kinds.write_codes(insert(padded)) == [Code.ALREADY_EXISTS]


async def test_priorities_distinguish_entries(kinds: Controller) -> None:
    entries = [table(TERNARY.replace("10", str(priority)) + MARK) for priority in (1, 2, 3)]
    await kinds.write(*map(insert, entries))
    assert await kinds.write_codes(insert(entries[1])) == [Code.ALREADY_EXISTS]
    await kinds.write(delete(entries[1]))
    left = await kinds.read(table("table_id: $ternary_table"))
    assert sorted(e.table_entry.priority for e in left) == [1, 3]


async def test_full_table(kinds: Controller) -> None:
    entries = [table(TERNARY.replace("10", str(priority)) + MARK) for priority in range(1, 7)]
    codes = await kinds.write_codes(*map(insert, entries))
    assert codes == [Code.OK] * 4 + [Code.RESOURCE_EXHAUSTED] * 2
    await kinds.write(delete(entries[0]), insert(entries[4]))


async def test_each_update_has_its_own_status(kinds: Controller) -> None:
    """And what comes after a failed one is still attempted."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await kinds.write(
            insert(table(EXACT + METERED)),
            insert(table(EXACT + METERED)),
            p4r.Update(entity=table(EXACT + METERED)),
            p4r.Update(type=p4r.Update.INSERT),
            insert(table(LPM + FORWARD)),
        )
    errors = batch_error(caught.value).errors
    assert [error.canonical_code for error in errors] == [
        Code.OK,
        Code.ALREADY_EXISTS,
        Code.INVALID_ARGUMENT,
        Code.INVALID_ARGUMENT,
        Code.OK,
    ]
    assert errors[0] == p4r.Error()
    assert "KindsIngress.exact_table" in errors[1].message
    assert len(await kinds.read(table("table_id: $lpm_table"))) == 1


async def test_unset_action_leaves_the_action(kinds: Controller) -> None:
    counted = table(EXACT + METERED + 'controller_metadata: 5 metadata: "a"')
    await kinds.write(insert(counted))
    await kinds.write(modify(table(EXACT + "counter_data { packet_count: 9 }")))
    answer = await kinds.read(table(EXACT + "counter_data {}"))
    counted.table_entry.counter_data.packet_count = 9
    assert answer == [counted]


async def test_counter_survives_a_modification_and_a_meter_does_not(kinds: Controller) -> None:
    meter = "meter_config { cir: 1 cburst: 2 pir: 3 pburst: 4 } "
    wanted = table(EXACT + "meter_config {} counter_data {}")
    await kinds.write(insert(table(EXACT + METERED + meter + "counter_data { byte_count: 6 }")))
    (answer,) = await kinds.read(wanted)
    assert answer == table(EXACT + METERED + meter + "counter_data { byte_count: 6 }")
    await kinds.write(modify(table(EXACT + METERED)))
    (answer,) = await kinds.read(wanted)
    assert answer == table(EXACT + METERED + "counter_data { byte_count: 6 }")


async def test_metadata_is_kept_and_replaced(kinds: Controller) -> None:
    for update, extra in (
        (insert, 'controller_metadata: 18446744073709551615 metadata: "\\001\\000x"'),
        (modify, "controller_metadata: 2"),
        (modify, 'metadata: "y"'),
    ):
        entry = table(EXACT + METERED + extra)
        await kinds.write(update(entry))
        assert await kinds.read(table("table_id: $exact_table")) == [entry]
    await kinds.write(delete(entry))
    await kinds.write(insert(table(EXACT + METERED)))
    assert await kinds.read(table("table_id: $exact_table")) == [table(EXACT + METERED)]


# ---- default entries -----------------------------------------------------------

KEYLESS = "table_id: $keyless_table is_default_action: true "

DEFAULTS: dict[str, tuple[p4r.Update, int]] = {
    "modify": (modify(table(KEYLESS + MARK)), Code.OK),
    "insert": (insert(table(KEYLESS + MARK)), Code.INVALID_ARGUMENT),
    "delete": (delete(table(KEYLESS)), Code.INVALID_ARGUMENT),
    "table only action": (modify(table(KEYLESS + FLOOD)), Code.PERMISSION_DENIED),
    "default only action": (
        modify(table("table_id: $lpm_table is_default_action: true " + DROP)),
        Code.OK,
    ),
    "constant": (
        modify(table("table_id: $ternary_table is_default_action: true " + MARK)),
        Code.PERMISSION_DENIED,
    ),
    "of a constant table": (
        modify(table("table_id: $const_table is_default_action: true " + MARK)),
        Code.OK,
    ),
    "with a match": (modify(table(EXACT + "is_default_action: true " + DROP)), 3),
    "with a priority": (modify(table(KEYLESS + "priority: 1 " + MARK)), Code.INVALID_ARGUMENT),
    "with an idle timeout": (modify(table(KEYLESS + "idle_timeout_ns: 1 " + MARK)), 3),
}


@pytest.mark.parametrize(("update", "code"), DEFAULTS.values(), ids=DEFAULTS.keys())
async def test_default_entry(kinds: Controller, update: p4r.Update, code: int) -> None:
    assert await kinds.write_codes(update) == [code]


async def test_default_entry_is_reset_to_the_programs(kinds: Controller) -> None:
    wanted = table(KEYLESS)
    before = await kinds.read(wanted)
    assert before[0].table_entry.action.action.params[0].value == b"\x05"
    changed = table(KEYLESS + FLOOD.replace("$flood", "$mark") + 'metadata: "m"')
    changed.table_entry.action.action.params[0].value = b"\x06"
    await kinds.write(modify(changed))
    assert await kinds.read(wanted) == [changed]
    await kinds.write(modify(wanted))
    assert await kinds.read(wanted) == before


# ---- constant tables -------------------------------------------------------------


async def test_constant_tables_are_read_only(kinds: Controller) -> None:
    entries = await kinds.read(table("table_id: $const_table"))
    assert [entry.table_entry.is_const for entry in entries] == [True, True]
    assert [entry.table_entry.priority for entry in entries] == [2, 1]
    with_action = p4r.Entity()
    with_action.CopyFrom(entries[0])
    with_action.table_entry.is_const = False
    key_alone = table(CONST)
    unknown = table(CONST.replace("priority: 2", "priority: 7"))
    codes = await kinds.write_codes(
        modify(with_action), delete(with_action), modify(key_alone), modify(unknown)
    )
    denied = Code.PERMISSION_DENIED
    assert codes == [denied, denied, Code.OK, Code.NOT_FOUND]
    assert await kinds.read(table("table_id: $const_table")) == entries


# ---- what is not there yet ---------------------------------------------------------

LATER = {
    "extern_entry {}": "externs",
}


@pytest.mark.parametrize(("text", "what"), LATER.items())
async def test_later_entities_are_refused_by_name(kinds: Controller, text: str, what: str) -> None:
    for call in (kinds.write(insert(entity(text))), kinds.read(entity(text))):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        (error,) = batch_error(caught.value).errors
        assert error.canonical_code == Code.UNIMPLEMENTED
        assert error.message == f"{what} are not implemented yet"


# ---- the shipped pipeline at its limit ---------------------------------------------


async def test_every_member_fits(shipped: Controller) -> None:
    """In batches above gRPC's 4 MiB default, and read back in messages below it."""
    info = load_config("hectograph").p4info
    (member,) = [t for t in info.tables if t.preamble.alias.endswith("member")]
    (action,) = [a for a in info.actions if a.preamble.alias.endswith("udp_ipv6")]
    entry = p4r.TableEntry(table_id=member.preamble.id, metadata=b"m" * 300)
    for field in member.match_fields:
        entry.match.add(field_id=field.id)
    entry.action.action.action_id = action.preamble.id
    for param in action.params:
        entry.action.action.params.add(param_id=param.id, value=b"\x01")

    def update(number: int) -> p4r.Update:
        entry.match[0].exact.value = bytes([number >> 8])
        entry.match[1].exact.value = (number & 0xFF | 0x100).to_bytes(2, "big")
        return insert(p4r.Entity(table_entry=entry))

    numbers = range(256, 256 + member.size)
    updates = [update(number) for number in numbers]
    await shipped.write(*updates)
    assert await shipped.write_codes(update(0xFFFF)) == [Code.RESOURCE_EXHAUSTED]
    read = await shipped.read(p4r.Entity(table_entry=p4r.TableEntry(table_id=entry.table_id)))
    assert {e.SerializeToString() for e in read} == {u.entity.SerializeToString() for u in updates}


async def test_others_are_served_during_a_long_batch(kinds: Controller) -> None:
    counter = entity("counter_entry { counter_id: $seen data { packet_count: 1 } }")
    writing = asyncio.ensure_future(kinds.write(*[modify(counter)] * 20_000))
    await asyncio.sleep(0.05)
    await kinds.stub.Capabilities(p4r.CapabilitiesRequest())
    assert not writing.done()
    await writing
