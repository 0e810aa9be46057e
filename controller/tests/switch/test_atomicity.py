# SPDX-License-Identifier: Apache-2.0
"""ROLLBACK_ON_ERROR and DATAPLANE_ATOMIC: all of a batch, or nothing of it."""

import contextlib
import random
import threading
from collections.abc import Generator

import grpc
import learn_program
import pytest
import state_program
from finsy.proto import p4r, rpc_code
from p4client import Controller, delete, entity, insert, modify, table

from hectograph.switch.native import Switch

Code = rpc_code
ROLLBACK = p4r.WriteRequest.ROLLBACK_ON_ERROR
ATOMIC = p4r.WriteRequest.DATAPLANE_ATOMIC
BOTH = pytest.mark.parametrize("atomicity", [ROLLBACK, ATOMIC], ids=["rollback", "atomic"])

LPM = """table_id: $lpm_table
         match {{ field_id: 1 lpm {{ value: "\\x0a\\x00\\x00\\x00" prefix_len: {} }} }}"""
FORWARD = """action {{ action {{ action_id: $forward params {{ param_id: 1 value: "\\x01" }}
             params {{ param_id: 2 value: "\\x{:02x}" }} }} }}"""
EXACT = """table_id: $exact_table match {{ field_id: 1 exact {{ value: "\\x{:02x}" }} }}
           match {{ field_id: 2 exact {{ value: "\\x03" }} }}"""
METERED = """action { action { action_id: $metered params { param_id: 1 value: "\\x04" } } }"""
DROP = """action { action { action_id: $drop } }"""
CONFIG = "meter_config {{ cir: {0} cburst: {0} pir: {0} pburst: {0} }}"
GROUP = """packet_replication_engine_entry {{ multicast_group_entry {{ multicast_group_id: {}
             replicas {{ port: "\\x01" instance: {} }} }} }}"""

ALL = (
    table("counter_data {} meter_config {}"),
    table("table_id: $exact_table counter_data {} meter_config {}"),
    table("table_id: $lpm_table is_default_action: true"),
    table("table_id: $keyless_table is_default_action: true"),
    entity("packet_replication_engine_entry { multicast_group_entry {} }"),
    entity("counter_entry {}"),
    entity("meter_entry {}"),
)


async def everything(client: Controller) -> list[p4r.Entity]:
    return sorted(await client.read(*ALL), key=str)


def lpm(length: int, tag: int = 1) -> p4r.Entity:
    return table(LPM.format(length) + FORWARD.format(tag))


def exact(value: int, rate: int = 1, counter: str = "") -> p4r.Entity:
    return table(EXACT.format(value) + METERED + CONFIG.format(rate) + counter)


BAD = insert(table("table_id: 7"))

DEFAULTS = (
    modify(table("table_id: $keyless_table is_default_action: true")),
    modify(
        table(
            """table_id: $keyless_table is_default_action: true action { action {
                 action_id: $mark params { param_id: 1 value: "\\x09" } } }"""
        )
    ),
    modify(table("table_id: $lpm_table is_default_action: true " + DROP)),
    modify(entity("counter_entry { counter_id: $seen data { packet_count: 4 } }")),
    modify(entity("meter_entry { meter_id: $gauge index { index: 2 } config { cir: 1 pir: 1 } }")),
    modify(entity("meter_entry { meter_id: $gauge }")),
)


def change(choose: random.Random) -> p4r.Update:
    """One that may well succeed, or be about what is not there, or there already."""
    subject = choose.choice(
        [
            lpm(choose.randint(8, 20), choose.randint(1, 255)),
            exact(choose.randint(1, 6), choose.randint(1, 9)),
            entity(GROUP.format(choose.randint(1, 3), choose.randint(0, 9))),
            None,
        ]
    )
    if subject is None:
        return choose.choice(DEFAULTS)
    return choose.choice([insert, insert, modify, delete])(subject)


@BOTH
@pytest.mark.parametrize("seed", range(4))
async def test_a_batch_that_fails_leaves_no_trace(
    kinds: Controller, seed: int, atomicity: p4r.WriteRequest.Atomicity.ValueType
) -> None:
    """Whatever was there before, and whatever it would have done."""
    choose = random.Random(seed)
    attempted = 0
    for _ in range(20):
        await kinds.write_codes(*[change(choose) for _ in range(6)])
        before = await everything(kinds)
        codes = await kinds.write_codes(
            *[change(choose) for _ in range(choose.randint(1, 8))], BAD, atomicity=atomicity
        )
        attempted += codes.index(next(c for c in codes if c not in (Code.OK, Code.ABORTED)))
        assert await everything(kinds) == before
    assert attempted >= 10


async def test_direct_resources_come_back(kinds: Controller) -> None:
    counted = "counter_data { packet_count: 9 byte_count: 99 }"
    await kinds.write(insert(exact(1, 5, counted)), insert(exact(2, 6, counted)))
    before = await everything(kinds)
    key = EXACT.format(1)
    direct = entity(
        f"direct_counter_entry {{ table_entry {{ {key} }} data {{ packet_count: 1 }} }}"
    )
    meter = entity(f"direct_meter_entry {{ table_entry {{ {key} }} config {{ cir: 7 pir: 7 }} }}")
    codes = await kinds.write_codes(
        modify(direct),
        modify(meter),
        modify(exact(1, 8, "counter_data {}")),
        delete(exact(1)),
        insert(exact(1, 2)),
        delete(exact(2)),
        BAD,
        atomicity=ROLLBACK,
    )
    assert codes == [Code.ABORTED] * 6 + [Code.INVALID_ARGUMENT]
    assert await everything(kinds) == before


@BOTH
async def test_a_batch_that_succeeds_is_there(
    kinds: Controller, atomicity: p4r.WriteRequest.Atomicity.ValueType
) -> None:
    await kinds.write(insert(lpm(8)), modify(lpm(8, 2)), insert(exact(3)), atomicity=atomicity)
    entities = await kinds.read(table("table_id: $lpm_table"), table("table_id: $exact_table"))
    assert len(entities) == 2


@BOTH
async def test_results_say_what_failed(
    kinds: Controller, atomicity: p4r.WriteRequest.Atomicity.ValueType
) -> None:
    before = await everything(kinds)
    codes = await kinds.write_codes(
        insert(lpm(8)), insert(lpm(8)), insert(lpm(9)), atomicity=atomicity
    )
    assert codes == [Code.ABORTED, Code.ALREADY_EXISTS, Code.ABORTED]
    assert await everything(kinds) == before


async def test_digests_and_registers_too(primary: Controller) -> None:
    await primary.set_config(learn_program.config())
    digest = entity("digest_entry { digest_id: 0x01000001 config { max_list_size: 3 } }")
    codes = await primary.write_codes(insert(digest), BAD, atomicity=ROLLBACK)
    assert codes == [Code.ABORTED, Code.INVALID_ARGUMENT]
    assert await primary.read(entity("digest_entry {}")) == []
    await primary.set_config(state_program.config())
    cell = f"register_entry {{ register_id: {state_program.LAST} %s data {{ bitstring: '%s' }} }}"
    await primary.write(modify(entity(cell % ("index { index: 2 }", "a"))))
    all_cells = entity(f"register_entry {{ register_id: {state_program.LAST} }}")
    before = await primary.read(all_cells)
    codes = await primary.write_codes(modify(entity(cell % ("", "b"))), BAD, atomicity=ATOMIC)
    assert codes == [Code.ABORTED, Code.INVALID_ARGUMENT]
    assert await primary.read(all_cells) == before


async def test_a_batch_too_long_to_be_atomic_is_refused(kinds: Controller) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await kinds.write(*[insert(lpm(8))] * 1025, atomicity=ATOMIC)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert await kinds.read(table("table_id: $lpm_table")) == []


@contextlib.contextmanager
def traffic(switch: Switch, frame: bytes) -> Generator[None]:
    """As many as the switch takes, from a thread."""
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):  # the CPU port's queue is full
                switch.cpu_send(frame)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def known(table_id: int, port: int) -> p4r.Entity:
    entry = p4r.TableEntry(table_id=table_id)
    entry.action.action.action_id = state_program.KNOWN
    entry.action.action.params.add(param_id=1, value=port.to_bytes(2).lstrip(b"\0"))
    match = entry.match.add(field_id=1)
    if table_id == state_program.HOSTS:
        match.exact.value = b"\x01"
    else:
        entry.priority = 1
        match.ternary.value, match.ternary.mask = b"\x08\x00", b"\xff\xff"
    return p4r.Entity(table_entry=entry)


async def test_no_packet_sees_the_middle_of_an_atomic_batch(
    primary: Controller, native_switch: Switch
) -> None:
    """Either a host's entry or a rule sends frames to the CPU; without both they go to no port."""
    await primary.set_config(state_program.config())
    host, rule = known(state_program.HOSTS, 510), known(state_program.RULES, 510)
    default = p4r.TableEntry(table_id=state_program.HOSTS, is_default_action=True)
    default.action.action.action_id = state_program.NONE
    # So that the batch takes longer than threads wait for each other.
    between = [modify(p4r.Entity(table_entry=default))] * 800
    await primary.write(insert(host))
    with traffic(native_switch, bytes(6) + bytes(5) + b"\x01\x08\x00" + bytes(46)):
        for _ in range(5):
            await primary.write(delete(host), *between, insert(rule), atomicity=ATOMIC)
            await primary.write(delete(rule), *between, insert(host), atomicity=ATOMIC)
    stats = native_switch.stats()
    assert stats.dropped_no_port == 0
    assert stats.ingress_packets > 1000
