# SPDX-License-Identifier: Apache-2.0
"""Multicast groups and clone sessions."""

import pytest
from finsy.proto import p4r, rpc_code
from p4client import Controller, delete, entity, insert, load_config, modify

Code = rpc_code


def group(number: int, replicas: str = "") -> p4r.Entity:
    return entity(
        f"""packet_replication_engine_entry {{
          multicast_group_entry {{ multicast_group_id: {number} {replicas} }} }}"""
    )


PORT_1 = r'replicas { port: "\x01" instance: 1 } '
PORT_2 = r'replicas { port: "\x02" instance: 1 } '

WRITES: dict[str, tuple[p4r.Entity, int]] = {
    "two replicas": (group(1, PORT_1 + PORT_2), Code.OK),
    "no replicas": (group(1), Code.OK),
    "highest id": (group(65535, PORT_1), Code.OK),
    "id 0": (group(0, PORT_1), Code.INVALID_ARGUMENT),
    "id too high": (group(65536, PORT_1), Code.OUT_OF_RANGE),
    "neither group nor session": (entity("packet_replication_engine_entry {}"), 3),
    "deprecated port": (group(1, "replicas { egress_port: 1 instance: 1 }"), Code.OK),
    "deprecated port too wide": (group(1, "replicas { egress_port: 512 }"), Code.OUT_OF_RANGE),
    "padded port": (group(1, r'replicas { port: "\x00\x00\x00\x00\x00\x01" }'), Code.OK),
    "port too wide": (group(1, r'replicas { port: "\x02\x00" }'), Code.OUT_OF_RANGE),
    "very wide port": (group(1, f'replicas {{ port: "{"x" * 50}" }}'), Code.OUT_OF_RANGE),
    "empty port": (group(1, 'replicas { port: "" }'), Code.OUT_OF_RANGE),
    "no port": (group(1, "replicas { instance: 1 }"), Code.INVALID_ARGUMENT),
    "widest instance": (group(1, r'replicas { port: "\x01" instance: 65535 }'), Code.OK),
    "instance too wide": (group(1, r'replicas { port: "\x01" instance: 65536 }'), 3),
    "replica twice": (group(1, PORT_1 + PORT_1), Code.INVALID_ARGUMENT),
    "replica twice, spelt differently": (
        group(1, PORT_1 + "replicas { egress_port: 1 instance: 1 }"),
        Code.INVALID_ARGUMENT,
    ),
    "backup replicas": (
        group(1, r'replicas { port: "\x01" backup_replicas { port: "\x02" } }'),
        Code.UNIMPLEMENTED,
    ),
}


@pytest.mark.parametrize(("written", "code"), WRITES.values(), ids=WRITES.keys())
async def test_insert(kinds: Controller, written: p4r.Entity, code: int) -> None:
    assert await kinds.write_codes(insert(written)) == [code]


async def test_life_of_a_group(kinds: Controller) -> None:
    one = group(1, PORT_1 + 'metadata: "m"')
    other = group(1, PORT_2 + PORT_1)
    assert await kinds.write_codes(modify(one), delete(one)) == [Code.NOT_FOUND] * 2
    await kinds.write(insert(one))
    assert await kinds.write_codes(insert(other)) == [Code.ALREADY_EXISTS]
    assert await kinds.read(group(1)) == [one]
    await kinds.write(modify(other))
    assert await kinds.read(group(1)) == [other]
    await kinds.write(delete(group(1)))
    assert await kinds.read(group(0)) == []


async def test_failed_modification_changes_nothing(kinds: Controller) -> None:
    one = group(1, PORT_1)
    await kinds.write(insert(one))
    assert await kinds.write_codes(modify(group(1, PORT_2 + PORT_2))) == [Code.INVALID_ARGUMENT]
    assert await kinds.read(group(1)) == [one]


async def test_groups_are_read_in_order(kinds: Controller) -> None:
    await kinds.write(*[insert(group(number, PORT_1)) for number in (9, 3, 7)])
    answers = await kinds.read(group(0))
    numbers = [
        a.packet_replication_engine_entry.multicast_group_entry.multicast_group_id for a in answers
    ]
    assert numbers == [3, 7, 9]


async def test_ports_are_read_as_they_were_written(kinds: Controller) -> None:
    """As bytes in their shortest form, or as the deprecated number."""
    await kinds.write(
        insert(group(1, r'replicas { port: "\x00\x01" } replicas { egress_port: 2 }'))
    )
    assert await kinds.read(group(1)) == [
        group(1, r'replicas { port: "\x01" } replicas { egress_port: 2 }')
    ]


async def test_large_group(kinds: Controller) -> None:
    replicas = "".join(
        f'replicas {{ port: "\\001" instance: {instance} }}' for instance in range(20_000)
    )
    written = group(1, replicas)
    await kinds.write(insert(written))
    assert await kinds.read(group(1)) == [written]


# ---- clone sessions -----------------------------------------------------------


def session(number: int, rest: str = "") -> p4r.Entity:
    return entity(
        f"""packet_replication_engine_entry {{
          clone_session_entry {{ session_id: {number} {rest} }} }}"""
    )


SESSIONS: dict[str, tuple[p4r.Entity, int]] = {
    "two replicas": (session(1, PORT_1 + PORT_2), Code.OK),
    "shortened": (session(1, PORT_1 + "packet_length_bytes: 100"), Code.OK),
    "highest id": (session(32767, PORT_1), Code.OK),
    "id 0": (session(0, PORT_1), Code.INVALID_ARGUMENT),
    "id too high": (session(32768, PORT_1), Code.OUT_OF_RANGE),
    "negative length": (session(1, PORT_1 + "packet_length_bytes: -1"), Code.INVALID_ARGUMENT),
    "class of service": (session(1, PORT_1 + "class_of_service: 1"), Code.INVALID_ARGUMENT),
    "instance too wide": (session(1, r'replicas { port: "\x01" instance: 65536 }'), 3),
    "replica twice": (session(1, PORT_1 + PORT_1), Code.INVALID_ARGUMENT),
}


@pytest.mark.parametrize(("written", "code"), SESSIONS.values(), ids=SESSIONS.keys())
async def test_insert_session(kinds: Controller, written: p4r.Entity, code: int) -> None:
    assert await kinds.write_codes(insert(written)) == [code]


async def test_life_of_a_session(kinds: Controller) -> None:
    """Its id may well be that of a group."""
    one, other = session(1, PORT_1), session(1, PORT_2 + "packet_length_bytes: 9")
    assert await kinds.write_codes(modify(one), delete(one)) == [Code.NOT_FOUND] * 2
    await kinds.write(insert(one), insert(session(7, PORT_2)), insert(group(1)))
    assert await kinds.write_codes(insert(other)) == [Code.ALREADY_EXISTS]
    await kinds.write(modify(other))
    assert await kinds.read(session(1)) == [other]
    assert await kinds.read(session(0)) == [other, session(7, PORT_2)]
    rollback = p4r.WriteRequest.ROLLBACK_ON_ERROR
    codes = await kinds.write_codes(delete(other), insert(one), insert(one), atomicity=rollback)
    assert codes == [Code.ABORTED, Code.ABORTED, Code.ALREADY_EXISTS]
    assert await kinds.read(session(1)) == [other]
    await kinds.write(delete(session(1)))
    assert await kinds.read(session(0)) == [session(7, PORT_2)]


async def test_sessions_of_a_saved_config_wait_for_its_commit(kinds: Controller) -> None:
    action = p4r.SetForwardingPipelineConfigRequest
    await kinds.set_config(load_config("kinds"), action.VERIFY_AND_SAVE)
    await kinds.write(insert(session(3, PORT_1)))
    await kinds.set_config(None, action.COMMIT)
    assert await kinds.read(session(3)) == [session(3, PORT_1)]
    await kinds.set_config(load_config("kinds"), action.RECONCILE_AND_COMMIT)
    await kinds.write(modify(session(3, PORT_2)))
    await kinds.set_config(load_config("kinds"))
    assert await kinds.read(session(0)) == []
