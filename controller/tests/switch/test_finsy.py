# SPDX-License-Identifier: Apache-2.0
"""A whole session with finsy's own Switch, unmodified: what a user's controller does."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

import finsy as fy
import learn_program
import pytest
from finsy import P4CounterData, P4DirectMeterEntry, P4MeterConfig
from finsy.p4entity import P4Replica
from google.protobuf import text_format
from p4client import PROGRAMS

from hectograph.switch.native import Switch


async def test_session(address: str) -> None:
    await run_finsy(address, PROGRAMS / "kinds.p4info.txtpb", PROGRAMS / "kinds.json", _session)


async def test_digests(address: str, tmp_path: Path, native_switch: Switch) -> None:
    config = learn_program.config()
    p4info, p4blob = tmp_path / "learn.p4info.txtpb", tmp_path / "learn.json"
    p4info.write_text(text_format.MessageToString(config.p4info))
    p4blob.write_bytes(config.p4_device_config)

    async def learn(sw: fy.Switch) -> None:
        digests = sw.read_digests("seen_t")
        await sw.insert([fy.P4DigestEntry("seen_t", max_list_size=2, max_timeout_ns=10**12)])
        for ether_type in (0x0806, 0x0806, 0x1FFF):
            frame = b"\x03" + bytes(11) + ether_type.to_bytes(2) + bytes(46)
            native_switch.cpu_send(frame)
        found = await anext(digests)
        place = {"port": 510, "multicast": True}
        assert list(found) == [
            {"ether_type": 0x0806, "place": place, "balance": -2042},
            {"ether_type": 0x1FFF, "place": place, "balance": -1},
        ]
        await sw.write([found.ack()])
        (entry,) = await read_all(sw, fy.P4DigestEntry())
        assert entry.max_list_size == 2
        await sw.delete_all()
        assert await read_all(sw, fy.P4DigestEntry()) == []
        sw.stash["finished"].set()

    await run_finsy(address, p4info, p4blob, learn)


async def run_finsy(
    address: str,
    p4info: Path,
    p4blob: Path,
    handler: Callable[[fy.Switch], Coroutine[Any, Any, None]],
) -> None:
    """Until the handler sets stash["finished"]."""
    options = fy.SwitchOptions(
        p4info=p4info, p4blob=p4blob, ready_handler=handler, device_id=1, fail_fast=True
    )
    switch = fy.Switch("sw", address, options)
    finished = asyncio.Event()
    switch.stash["finished"] = finished
    async with asyncio.timeout(30):
        running = asyncio.create_task(switch.run())
        waiting = asyncio.create_task(finished.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert finished.is_set()


async def _session(sw: fy.Switch) -> None:
    assert sw.is_primary
    assert str(sw.p4runtime_version) == "1.5.0"
    await _entries(sw)
    await _direct_resources(sw)
    await _groups(sw)
    await _packets(sw)
    await sw.delete_all()
    assert not await read_all(sw, fy.P4TableEntry("lpm_table"))
    sw.stash["finished"].set()


_E = TypeVar(
    "_E", fy.P4TableEntry, fy.P4MulticastGroupEntry, fy.P4DigestEntry, fy.P4CloneSessionEntry
)


async def read_all(sw: fy.Switch, wanted: _E) -> list[_E]:
    """finsy's read() is annotated as a coroutine, but is an asynchronous generator."""
    answers = cast("AsyncGenerator[_E]", sw.read(wanted))
    return [answer async for answer in answers]


async def _entries(sw: fy.Switch) -> None:
    entries = [
        fy.P4TableEntry(
            "lpm_table",
            match=fy.Match(dst_addr=(0x0A000000 | number << 16, 16)),
            action=fy.Action("forward", port=number, tag=number),
            metadata=b"finsy",
        )
        for number in range(1, 100)
    ]
    await sw.insert(entries)
    read = await read_all(sw, fy.P4TableEntry("lpm_table"))
    assert sorted(read, key=str) == sorted(entries, key=str)
    with pytest.raises(fy.P4ClientError) as caught:
        await sw.insert([entries[0], entries[1]])
    codes = [error.canonical_code.name for error in caught.value.details.values()]
    assert codes == ["ALREADY_EXISTS"] * 2


async def _direct_resources(sw: fy.Switch) -> None:
    key = fy.Match(dst_addr="00:00:00:00:00:01", ingress_port=3)
    await sw.insert(
        [fy.P4TableEntry("exact_table", match=key, action=fy.Action("metered", port=4))]
    )
    await sw.modify(
        [
            fy.P4DirectCounterEntry(
                "exact_counter",
                table_entry=fy.P4TableEntry("exact_table", match=key),
                data=P4CounterData(packet_count=7),
            ),
            P4DirectMeterEntry(
                table_entry=fy.P4TableEntry("exact_table", match=key),
                config=P4MeterConfig(cir=1, cburst=2, pir=3, pburst=4),
            ),
        ]
    )
    config = P4MeterConfig(cir=1, cburst=2, pir=3, pburst=4)
    wanted = fy.P4TableEntry("exact_table", counter_data=P4CounterData(), meter_config=config)
    (entry,) = await read_all(sw, wanted)
    assert entry.counter_data == P4CounterData(packet_count=7)
    assert entry.meter_config == config


async def _groups(sw: fy.Switch) -> None:
    group = fy.P4MulticastGroupEntry(
        5, replicas=(P4Replica(1, instance=2), P4Replica(300, instance=3))
    )
    await sw.insert([group])
    assert await read_all(sw, fy.P4MulticastGroupEntry()) == [group]
    session = fy.P4CloneSessionEntry(6, replicas=(P4Replica(1, instance=2),))
    await sw.insert([session])
    assert await read_all(sw, fy.P4CloneSessionEntry()) == [session]


async def _packets(sw: fy.Switch) -> None:
    frame = bytes(12) + b"\x08\x06" + bytes(46)
    packets = sw.read_packets()
    await sw.write([fy.P4PacketOut(frame, egress_port=510, note=3)])
    packet = await anext(packets)
    assert packet.payload == frame
    assert packet["ingress_port"] == 510
    assert packet["note"] == 3
