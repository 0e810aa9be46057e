# SPDX-License-Identifier: Apache-2.0
"""RECONCILE_AND_COMMIT: what fits the new pipeline stays, what does not goes."""

import json

import learn_program
import state_program
from finsy.proto import p4r
from p4client import Controller, entity, insert, load_config, modify, table
from state_program import HOSTS, KNOWN, LAST, RULES

from hectograph.switch.native import Switch

RECONCILE = p4r.SetForwardingPipelineConfigRequest.RECONCILE_AND_COMMIT

ALL = (
    table("counter_data {} meter_config {}"),
    table("table_id: $exact_table counter_data {} meter_config {}"),
    table("table_id: $lpm_table is_default_action: true"),
    table("table_id: $keyless_table is_default_action: true"),
    entity("packet_replication_engine_entry { multicast_group_entry {} }"),
    entity("counter_entry {}"),
    entity("meter_entry {}"),
)

STATE = (
    insert(
        table(
            """table_id: $exact_table match { field_id: 1 exact { value: "\\x01" } }
               match { field_id: 2 exact { value: "\\x03" } } metadata: "mine"
               action { action { action_id: $metered params { param_id: 1 value: "\\x04" } } }
               counter_data { packet_count: 5 byte_count: 50 }
               meter_config { cir: 1 cburst: 2 pir: 3 pburst: 4 }"""
        )
    ),
    insert(
        table(
            """table_id: $range_table priority: 3
               match { field_id: 2 optional { value: "\\x11" } }
               action { action { action_id: $mark params { param_id: 1 value: "\\x07" } } }"""
        )
    ),
    modify(
        table(
            """table_id: $keyless_table is_default_action: true
               action { action { action_id: $mark params { param_id: 1 value: "\\x09" } } }"""
        )
    ),
    insert(
        entity(
            """packet_replication_engine_entry { multicast_group_entry {
                 multicast_group_id: 4 replicas { port: "\\x01" instance: 2 } } }"""
        )
    ),
    modify(
        entity("counter_entry { counter_id: $seen index { index: 2 } data { packet_count: 9 } }")
    ),
    modify(
        entity(
            """meter_entry { meter_id: $gauge index { index: 1 }
                 config { cir: 1 cburst: 2 pir: 3 pburst: 4 } }"""
        )
    ),
)


async def test_the_same_program_keeps_everything(kinds: Controller) -> None:
    await kinds.write(*STATE)
    before = await kinds.read(*ALL)
    await kinds.set_config(load_config("kinds", cookie=7), RECONCILE)
    assert await kinds.read(*ALL) == before
    assert (await kinds.get_config()).config.cookie.cookie == 7
    await kinds.set_config(load_config("kinds"))
    assert await kinds.read(*ALL) != before


async def test_it_may_be_the_first(primary: Controller) -> None:
    await primary.set_config(load_config("kinds"), RECONCILE)
    await primary.write(*STATE)


async def test_another_program_keeps_what_it_has(kinds: Controller) -> None:
    """Nothing of kinds.p4 is in the other one but the replication engine, which is any's."""
    await kinds.write(*STATE)
    await kinds.set_config(learn_program.config(), RECONCILE)
    groups = await kinds.read(
        entity("packet_replication_engine_entry { multicast_group_entry {} }")
    )
    assert groups == [STATE[3].entity]


def renamed(config: p4r.ForwardingPipelineConfig, old: str, new: str) -> None:
    """The same id, another meaning."""
    for info in (*config.p4info.tables, *config.p4info.actions, *config.p4info.registers):
        if info.preamble.name == old:
            info.preamble.name = new
    text = json.dumps(json.loads(config.p4_device_config)).replace(f'"{old}"', f'"{new}"')
    config.p4_device_config = text.encode()


def host(source: int) -> p4r.Entity:
    entry = p4r.TableEntry(table_id=HOSTS, idle_timeout_ns=10**15)
    entry.match.add(field_id=1).exact.value = bytes([source])
    entry.action.action.action_id = KNOWN
    entry.action.action.params.add(param_id=1, value=b"\x07")
    return p4r.Entity(table_entry=entry)


async def test_what_has_another_name_is_another_thing(primary: Controller) -> None:
    await primary.set_config(state_program.config())
    cell = entity(f"register_entry {{ register_id: {LAST} index {{ index: 3 }} }}")
    cell.register_entry.data.bitstring = b"\x05"
    rule = host(1)
    rule.table_entry.table_id, rule.table_entry.priority = RULES, 2
    rule.table_entry.match[0].ternary.value = b"\x01"
    rule.table_entry.match[0].ternary.mask = b"\xff"
    await primary.write(insert(host(1)), insert(rule), modify(cell))
    config = state_program.config()
    renamed(config, "hosts", "guests")
    await primary.set_config(config, RECONCILE)
    assert await primary.read(table(f"table_id: {HOSTS}")) == []
    assert await primary.read(table(f"table_id: {RULES}")) == [rule]
    wanted = entity(f"register_entry {{ register_id: {LAST} index {{ index: 3 }} }}")
    assert await primary.read(wanted) == [cell]


async def test_a_smaller_table_keeps_what_it_can_hold(primary: Controller) -> None:
    await primary.set_config(state_program.config())
    await primary.write(*[insert(host(source)) for source in range(10)])
    config = state_program.config()
    document = json.loads(config.p4_device_config)
    document["pipelines"][0]["tables"][0]["max_size"] = 4
    config.p4_device_config = json.dumps(document).encode()
    config.p4info.tables[0].size = 4
    await primary.set_config(config, RECONCILE)
    entries = await primary.read(table(f"table_id: {HOSTS}"))
    assert entries == [host(source) for source in range(4)]


async def test_digests_stay_enabled(primary: Controller, native_switch: Switch) -> None:
    await primary.set_config(learn_program.config())
    digest = entity("digest_entry { digest_id: 0x01000001 config { max_list_size: 1 } }")
    await primary.write(insert(digest))
    await primary.set_config(learn_program.config(), RECONCILE)
    assert await primary.read(entity("digest_entry {}")) == [digest]
    native_switch.cpu_send(bytes(12) + b"\x08\x00" + bytes(46))
    assert (await primary.receive()).digest.digest_id == 0x01000001


async def test_no_packet_is_lost_meanwhile(primary: Controller, native_switch: Switch) -> None:
    """Every frame comes back, whichever pipeline it went through."""
    await primary.set_config(state_program.config())
    entry = host(1)
    entry.table_entry.action.action.params[0].value = b"\x01\xfe"
    await primary.write(insert(entry))
    frame = bytes(6) + bytes(5) + b"\x01\x08\x00" + bytes(46)
    sent = 0
    for _ in range(10):
        for _ in range(20):
            native_switch.cpu_send(frame)
            sent += 1
        await primary.set_config(state_program.config(), RECONCILE)
    for _ in range(sent):
        assert (await primary.receive()).packet.payload == frame
    assert native_switch.stats().ingress_packets == sent
