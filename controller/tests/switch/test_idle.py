# SPDX-License-Identifier: Apache-2.0
"""Idle timeouts: notifications, and the time since an entry was last hit."""

import asyncio
import time

import pytest
import state_program
from finsy.proto import p4r, rpc_code
from p4client import Controller, delete, insert, modify
from state_program import HOSTS, KNOWN, RULES

from hectograph.switch.native import Switch

Code = rpc_code

MS = 1_000_000
PORT = 7
"""There is none: what goes there is dropped and counted."""


def frame(source: int, ether_type: int = 0x0800) -> bytes:
    return bytes(6) + source.to_bytes(6) + ether_type.to_bytes(2) + bytes(46)


def host(source: int, timeout_ns: int = 0, **more: int | bytes) -> p4r.Entity:
    entry = p4r.TableEntry(table_id=HOSTS, idle_timeout_ns=timeout_ns, **more)  # pyright: ignore[reportArgumentType]
    entry.match.add(field_id=1).exact.value = bytes([source])
    entry.action.action.action_id = KNOWN
    entry.action.action.params.add(param_id=1, value=bytes([PORT]))
    return p4r.Entity(table_entry=entry)


def rule(value: bytes, mask: bytes, timeout_ns: int) -> p4r.Entity:
    entity = host(1, timeout_ns, priority=5)
    entry = entity.table_entry
    entry.table_id = RULES
    del entry.match[:]
    match = entry.match.add(field_id=1)
    match.ternary.value, match.ternary.mask = value, mask
    return entity


async def expired(client: Controller) -> list[p4r.TableEntry]:
    notification = (await client.receive()).idle_timeout_notification
    assert abs(time.time_ns() - notification.timestamp) < 10**10
    assert notification.table_entry
    return list(notification.table_entry)


async def idle_ns(client: Controller, source: int) -> int:
    wanted = host(source)
    wanted.table_entry.ClearField("action")
    wanted.table_entry.time_since_last_hit.SetInParent()
    (entity,) = await client.read(wanted)
    return entity.table_entry.time_since_last_hit.elapsed_ns


@pytest.fixture
async def client(primary: Controller) -> Controller:
    await primary.set_config(state_program.config())
    return primary


async def test_an_idle_entry_is_told_with_its_key_and_what_is_the_clients(
    client: Controller,
) -> None:
    written = host(3, 100 * MS, metadata=b"mine", controller_metadata=9)
    other = rule(b"\x08\x00", b"\xff\x00", 10**15)
    await client.write(insert(written), insert(other))
    began = time.monotonic()
    (entry,) = await expired(client)
    assert 0.05 < time.monotonic() - began < 5
    written.table_entry.ClearField("action")
    assert entry == written.table_entry


async def test_it_is_told_once_for_each_timeout(client: Controller) -> None:
    await client.write(insert(host(3, 300 * MS)))
    began = time.monotonic()
    for times in (1, 2, 3):
        await expired(client)
        assert time.monotonic() - began >= 0.29 * times
    await client.write(delete(host(3)))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(client.stream.read(), 0.8)


async def test_packets_keep_an_entry_from_expiring(
    client: Controller, native_switch: Switch
) -> None:
    await client.write(insert(host(1, 400 * MS)), insert(host(2, 400 * MS)))
    deadline = time.monotonic() + 1.5
    reading = asyncio.create_task(expired(client))
    seen: list[bytes] = []
    while time.monotonic() < deadline:
        native_switch.cpu_send(frame(1))
        await asyncio.sleep(0.02)
        if reading.done():
            seen += [entry.match[0].exact.value for entry in reading.result()]
            reading = asyncio.create_task(expired(client))
    assert set(seen) == {b"\x02"}
    assert len(seen) >= 2
    seen.clear()
    for entry in await reading:
        seen.append(entry.match[0].exact.value)
    while b"\x01" not in seen:
        seen += [entry.match[0].exact.value for entry in await expired(client)]


async def test_ternary_entries_expire_too(client: Controller) -> None:
    await client.write(insert(rule(b"\x08\x00", b"\xff\x00", 50 * MS)))
    (entry,) = await expired(client)
    assert (entry.priority, entry.match[0].ternary.mask) == (5, b"\xff\x00")


async def test_the_time_since_the_last_hit(client: Controller, native_switch: Switch) -> None:
    await client.write(insert(host(1)))
    await asyncio.sleep(0.1)
    before = await idle_ns(client, 1)
    assert before >= 100 * MS
    native_switch.cpu_send(frame(1))
    deadline = time.monotonic() + 5
    while (after := await idle_ns(client, 1)) >= before:
        assert time.monotonic() < deadline
    assert after < before
    await asyncio.sleep(0.05)
    assert await idle_ns(client, 1) >= 50 * MS


async def test_it_is_only_read_when_asked_for(client: Controller) -> None:
    await client.write(insert(host(1, 5)))
    wanted = p4r.Entity(table_entry=p4r.TableEntry(table_id=HOSTS))
    (entity,) = await client.read(wanted)
    assert entity == host(1, 5)
    assert not entity.table_entry.HasField("time_since_last_hit")


async def test_modify_sets_another_timeout(client: Controller) -> None:
    await client.write(insert(host(1, 10**15)), modify(host(1, 50 * MS)))
    (entry,) = await expired(client)
    assert entry.idle_timeout_ns == 50 * MS


async def test_bad_timeouts(client: Controller) -> None:
    with_time = host(1)
    with_time.table_entry.time_since_last_hit.SetInParent()
    default = p4r.Entity(table_entry=p4r.TableEntry(table_id=HOSTS, is_default_action=True))
    default.table_entry.idle_timeout_ns = 1
    codes = await client.write_codes(insert(host(1, -1)), insert(with_time), modify(default))
    assert codes == [Code.INVALID_ARGUMENT] * 3


async def test_many_entries_are_told_in_messages_of_some(client: Controller) -> None:
    updates = [insert(host(1, 500 * MS)) for _ in range(2500)]
    for number, update in enumerate(updates):
        update.entity.table_entry.match[0].exact.value = number.to_bytes(2).lstrip(b"\0") or b"\0"
    await client.write(*updates)
    found: set[bytes] = set()
    while len(found) < 2500:
        entries = await expired(client)
        assert len(entries) <= 1000
        found |= {entry.match[0].exact.value for entry in entries}


async def test_another_pipeline_forgets_them(client: Controller) -> None:
    await client.write(insert(host(1, 200 * MS)))
    await client.set_config(state_program.config())
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(client.stream.read(), 0.5)
