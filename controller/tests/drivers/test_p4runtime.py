# SPDX-License-Identifier: Apache-2.0
"""The P4Runtime driver and the controller on it, against real switches without ports."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from fakes.examples import GROUP, SWITCH, member
from fakes.pusher import FakePusher
from fakes.waiting import until
from realswitch import ARTIFACTS, P4INFO, RealSwitch

from hectograph.core.diff import count_differences
from hectograph.core.entities import (
    Change,
    ContentAddress,
    Entity,
    FlowSecrets,
    HostPort,
    MulticastGroup,
    Operation,
    PuntMeter,
    PushGroup,
    Replica,
    Service,
    ServiceHost,
    Tables,
    TcpMemberEntry,
    TcpMeter,
    UdpMemberEntry,
    key,
)
from hectograph.core.status import ApplyState, CounterValue, SwitchState
from hectograph.drivers.base import Session
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.errors import InvalidInput, Unavailable
from hectograph.service import Service as Controller
from hectograph.testbed.targets import DEVICE_ID

IPV4 = UdpMemberEntry(
    group=5,
    instance=65535,
    dst_mac=0xFFFFFFFFFFFE,
    src_mac=0x020000000001,
    vlan_tci=7 << 13 | 4094,
    src_addr=IPv4Address("198.51.100.1"),
    dst_addr=IPv4Address("255.255.255.254"),
    hop_limit=255,
    src_port=65535,
    dst_port=1,
    member_sum=0xFFFF,
)
IPV6 = replace(
    IPV4,
    instance=1,
    vlan_tci=0,
    src_addr=IPv6Address("2001:db8::1"),
    dst_addr=IPv6Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    hop_limit=1,
)
TCP_IPV4 = TcpMemberEntry(
    group=65535,
    instance=1,
    dst_mac=1,
    src_mac=0xFFFFFFFFFFFE,
    vlan_tci=1,
    src_addr=IPv4Address("198.51.100.1"),
    dst_addr=IPv4Address("203.0.113.1"),
    src_port=80,
    dst_port=65535,
    sequence_base=2**32 - 1,
    ack_no=2**31,
    window=65535,
    member_sum=1,
)
TCP_IPV6 = replace(
    TCP_IPV4,
    instance=65535,
    src_addr=IPv6Address("2001:db8:1::1"),
    dst_addr=IPv6Address("::2"),
    sequence_base=0,
    ack_no=0,
    window=0,
)
ENTITIES: list[Entity] = [
    HostPort(509),
    PushGroup(5, 5),
    PushGroup(65535, 4095),
    IPV4,
    IPV6,
    TCP_IPV4,
    TCP_IPV6,
    MulticastGroup(5, frozenset({Replica(1, 1), Replica(509, 65535)})),
    MulticastGroup(6, frozenset()),
    Service(IPv6Address("::ffff:198.51.100.1"), 65535, 2**32 - 1, 2**31 - 128, 0xFFFF),
    Service(IPv6Address("2001:db8:1::1"), 80, 1, 256, 1),
    ContentAddress(IPv6Address("2001:db8:1::1"), 0x0200000000AA, 1),
    ServiceHost(1, 15, 509, 0x020000000001),
]
SETTINGS: list[Entity] = [
    PuntMeter(1, 500, 500),
    PuntMeter(2, 333, 7),
    PuntMeter(3, 50, 50),
    TcpMeter(1, 5000, 5000),
    FlowSecrets(2**64 - 1, 1, epoch=255, previous_epoch=254, mss=1440, number=255),
]
DEFAULT_SECRETS = FlowSecrets(0, 0, epoch=1, previous_epoch=1, mss=1220, number=0)
"""What the pipeline itself begins with (p4/shared/secrets.p4)."""


@pytest.fixture
async def session(switch: RealSwitch, driver: P4RuntimeDriver) -> AsyncIterator[Session]:
    async with driver(switch.record) as session:
        assert await session.ensure_pipeline()
        yield session


def inserts(entities: list[Entity]) -> list[Change]:
    return [Change(Operation.INSERT, entity) for entity in entities]


def tables(entities: list[Entity]) -> Tables:
    made = Tables()
    for entity in entities:
        made.put(entity)
    return made


async def test_the_pipeline_is_set_once(session: Session) -> None:
    assert session.is_primary
    assert not await session.ensure_pipeline()


async def test_what_was_written_is_read(session: Session) -> None:
    changes = inserts(ENTITIES) + [Change(Operation.MODIFY, meter) for meter in SETTINGS]
    result = await session.write(changes)
    assert list(result.refusals) == [None] * len(changes)
    assert result.requests == 1
    assert count_differences(tables(ENTITIES + SETTINGS), await session.read()) == 0


async def test_changes_and_deletions(session: Session) -> None:
    await session.write(inserts(ENTITIES))
    changed: list[Entity] = [
        replace(IPV4, dst_mac=1),
        replace(TCP_IPV4, sequence_base=5),
        MulticastGroup(5, frozenset({Replica(2, 1)})),
        Service(IPv6Address("2001:db8:1::1"), 80, 2, 512, 2),
        ServiceHost(1, 15, 1, 2),
    ]
    kept = {key(entity) for entity in changed}
    changes = [Change(Operation.MODIFY, entity) for entity in changed]
    changes += [Change(Operation.DELETE, e) for e in ENTITIES if key(e) not in kept]
    result = await session.write(changes)
    assert list(result.refusals) == [None] * len(changes)
    read = await session.read()
    read.meters.clear()
    assert count_differences(tables([*changed, DEFAULT_SECRETS]), read) == 0


async def test_a_partly_failed_batch_says_which(session: Session) -> None:
    await session.write(inserts([IPV4]))
    result = await session.write(
        [
            Change(Operation.INSERT, IPV4),
            Change(Operation.INSERT, IPV6),
            Change(Operation.DELETE, HostPort(3)),
            Change(Operation.INSERT, MulticastGroup(7, frozenset({Replica(1, 1)}))),
        ]
    )
    assert [refusal is not None for refusal in result.refusals] == [True, False, True, False]
    assert all(refusal.stale for refusal in result.refusals if refusal)
    read = await session.read()
    assert read.members[5].keys() == {1, 65535}
    assert 7 in read.trees


async def test_counters_begin_at_zero(session: Session) -> None:
    await session.write(inserts(ENTITIES))
    readings = await session.read_counters()
    assert readings.ingress_drops.keys() >= set(range(1, 11))
    assert readings.trees.keys() == {5, 65535}
    assert readings.members.keys() == {(5, 1), (5, 65535), (65535, 1), (65535, 65535)}
    assert {value.packets for value in readings.members.values()} == {0}
    assert readings.contents == {1: CounterValue(), 2**32 - 1: CounterValue()}


async def test_the_second_controller_waits_for_the_first(
    switch: RealSwitch, driver: P4RuntimeDriver
) -> None:
    async with AsyncExitStack() as first_stack:
        first = await first_stack.enter_async_context(driver(switch.record))
        await first.ensure_pipeline()
        async with driver(switch.record) as second:
            assert first.is_primary
            assert not second.is_primary
            with pytest.raises(Unavailable):
                await second.write(inserts([HostPort(1)]))
            await first_stack.aclose()
            async with asyncio.timeout(10):
                while not second.is_primary:
                    await second.changed()
            assert not await second.ensure_pipeline(), "it is there already"
            result = await second.write(inserts([HostPort(1)]))
            assert list(result.refusals) == [None]


async def test_a_lost_connection_is_noticed(session: Session, switch: RealSwitch) -> None:
    waiting = asyncio.create_task(session.changed())
    await asyncio.sleep(0.05)
    await switch.kill()
    with pytest.raises(Unavailable, match=r"connection lost|closed the stream"):
        await asyncio.wait_for(waiting, 10)
    with pytest.raises(Unavailable):
        await session.read()


async def test_packet_outs_that_meet(session: Session) -> None:
    await asyncio.gather(*(session.send(port, bytes(60)) for port in range(1, 200)))
    assert session.is_primary
    await session.read()


async def test_nobody_there(driver: P4RuntimeDriver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unavailable, match="connect"):
        async with driver(replace(SWITCH, address=free)):
            pass


async def test_somebody_who_does_not_speak_p4runtime(driver: P4RuntimeDriver) -> None:
    async def say_nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 418 I'm a teapot\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(say_nonsense, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    with pytest.raises(Unavailable):
        async with driver(replace(SWITCH, address=f"{host}:{port}")):
            pass
    server.close()
    await server.wait_closed()


ONLY_EMBEDDED = pytest.mark.parametrize("switch", ["embedded"], indirect=True)
"""simple_switch_grpc takes any device id and any JSON for its own (seen 2026-11)."""


@ONLY_EMBEDDED
async def test_another_device_id(switch: RealSwitch, driver: P4RuntimeDriver) -> None:
    with pytest.raises(Unavailable):
        async with driver(replace(switch.record, device_id=DEVICE_ID + 1)):
            pass


@ONLY_EMBEDDED
async def test_a_pipeline_that_the_switch_refuses(switch: RealSwitch, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.json"
    nonsense.write_text("{}")
    async with P4RuntimeDriver(P4INFO, nonsense)(switch.record) as session:
        with pytest.raises(InvalidInput, match="refused the pipeline"):
            await session.ensure_pipeline()


async def is_ready(service: Controller) -> bool:
    return not await service.ready()


async def test_the_whole_controller(switch: RealSwitch, tmp_path: Path) -> None:
    """Join, lose the switch, get it back empty, find everything there again."""
    service = Controller(tmp_path / "x.db", artifacts=ARTIFACTS, pusher_driver=FakePusher())
    async with service:
        await service.put_switch(switch.record)
        await service.put_group(GROUP)
        await service.put_members("g", [member(i) for i in range(1, 101)])
        await until(lambda: is_ready(service))
        assert (await service.group_status("g")).state is ApplyState.APPLIED

        await switch.kill()

        async def is_lost() -> bool:
            return (await service.switch_status("s1")).state is SwitchState.CONNECTING

        await until(is_lost)
        await service.delete_member("g", "m1")
        await switch.start()
        await until(lambda: is_ready(service))
        status = await service.group_status("g")
        assert (status.state, len(status.members)) == (ApplyState.APPLIED, 99)
        (counters,) = await service.counters()
        assert len(counters.members) == 99
