# SPDX-License-Identifier: Apache-2.0
"""Packet-out and packet-in. kinds.p4 echoes what is sent to the CPU port (510)."""

import asyncio

import pytest
from finsy.proto import p4i, p4r, p4t, rpc_code
from hypothesis import given
from hypothesis import strategies as st
from p4client import DEVICE_ID, Controller, load_config

from hectograph.switch.arbitration import OUTBOX_MESSAGES, Client
from hectograph.switch.native import Switch
from hectograph.switch.packetio import PacketHeader
from hectograph.switch.service import P4RuntimeService
from hectograph.switch.translation import Ports, Translations

Code = rpc_code

FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)


def packet_out(*metadata: tuple[int, bytes], payload: bytes = FRAME) -> p4r.PacketOut:
    return p4r.PacketOut(
        payload=payload,
        metadata=[p4r.PacketMetadata(metadata_id=i, value=value) for i, value in metadata],
    )


ECHO = packet_out((7, b"\x01\xfe"), (8, b"\x05"))


async def test_packet_out_comes_back_as_packet_in(kinds: Controller) -> None:
    await kinds.send(packet=ECHO)
    packet = (await kinds.receive()).packet
    assert packet.payload == FRAME
    assert {m.metadata_id: m.value for m in packet.metadata} == {
        1: b"\x01\xfe",
        2: b"\x05",
        3: b"\x05",
    }


async def test_order_of_metadata_does_not_matter(kinds: Controller) -> None:
    await kinds.send(packet=packet_out((8, b"\x00\x00\x05"), (7, b"\x01\xfe")))
    assert (await kinds.receive()).packet.payload == FRAME


PACKET_ERRORS: dict[str, tuple[p4r.PacketOut, str]] = {
    "none": (packet_out(), "metadata egress_port is missing"),
    "one missing": (packet_out((7, b"\x01")), "metadata note is missing"),
    "unknown": (packet_out((7, b"\x01"), (8, b"\x01"), (1, b"\x01")), "no metadata 1"),
    "twice": (packet_out((7, b"\x01"), (7, b"\x01")), "egress_port is given twice"),
    "too wide": (packet_out((7, b"\x02\x00"), (8, b"\x01")), "wider than 9 bits"),
    "empty": (packet_out((7, b""), (8, b"\x01")), "an empty value"),
    "too long": (
        packet_out((7, b"\x01"), (8, b"\x01"), payload=bytes(10_000)),
        "a packet of 10000 bytes",
    ),
}


@pytest.mark.parametrize(("packet", "what"), PACKET_ERRORS.values(), ids=PACKET_ERRORS.keys())
async def test_bad_packet_out(kinds: Controller, packet: p4r.PacketOut, what: str) -> None:
    await kinds.send(packet=packet)
    error = (await kinds.receive()).error
    assert error.canonical_code == Code.INVALID_ARGUMENT
    assert what in error.message
    assert error.WhichOneof("details") == "packet_out"
    if len(packet.payload) < 10_000:
        assert error.packet_out.packet_out == packet
    # The stream goes on.
    await kinds.send(packet=ECHO)
    assert (await kinds.receive()).HasField("packet")


async def test_backup_may_not_send_and_gets_nothing(address: str, kinds: Controller) -> None:
    async with Controller(address) as backup:
        await backup.send(packet=ECHO)  # not even a client yet
        assert (await backup.receive()).error.canonical_code == Code.PERMISSION_DENIED
        await backup.bid(0)
        await backup.told()
        await backup.send(packet=ECHO)
        assert (await backup.receive()).error.canonical_code == Code.PERMISSION_DENIED
        await kinds.send(packet=ECHO)
        assert (await kinds.receive()).HasField("packet")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await backup.stream.read()


async def test_without_a_pipeline(primary: Controller) -> None:
    await primary.send(packet=ECHO)
    assert (await primary.receive()).error.canonical_code == Code.FAILED_PRECONDITION


async def test_saved_config_does_not_change_packets(kinds: Controller) -> None:
    """What runs decides about the headers, not what waits for its commit."""
    await kinds.set_config(
        load_config("hectograph"), p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_SAVE
    )
    await kinds.send(packet=ECHO)
    assert (await kinds.receive()).packet.payload == FRAME


async def test_packets_follow_the_primary(address: str, kinds: Controller) -> None:
    async with Controller(address) as other:
        await other.become_primary(5)
        await kinds.told()
        await other.send(packet=ECHO)
        assert (await other.receive()).packet.payload == FRAME


STREAM_ERRORS = {
    "digest ack": (
        p4r.StreamMessageRequest(digest_ack=p4r.DigestListAck(digest_id=3, list_id=4)),
        "digest_list_ack",
        Code.FAILED_PRECONDITION,
    ),
    "nothing": (p4r.StreamMessageRequest(), "other", Code.INVALID_ARGUMENT),
}


@pytest.mark.parametrize(
    ("request_", "details", "code"), STREAM_ERRORS.values(), ids=STREAM_ERRORS.keys()
)
async def test_stream_error(
    primary: Controller, request_: p4r.StreamMessageRequest, details: str, code: int
) -> None:
    await primary.stream.write(request_)
    error = (await primary.receive()).error
    assert error.canonical_code == code
    assert error.WhichOneof("details") == details


async def test_many_packets(kinds: Controller) -> None:
    """In order, none lost while the primary keeps up."""
    for number in range(300):
        payload = FRAME + number.to_bytes(2, "big")
        await kinds.send(packet=packet_out((7, b"\x01\xfe"), (8, b"\x05"), payload=payload))
        assert (await kinds.receive()).packet.payload == payload


async def test_burst(kinds: Controller) -> None:
    """More than are taken from the CPU port at a time."""
    for number in range(200):
        payload = FRAME + number.to_bytes(2, "big")
        await kinds.send(packet=packet_out((7, b"\x01\xfe"), (8, b"\x05"), payload=payload))
    for number in range(200):
        assert (await kinds.receive()).packet.payload == FRAME + number.to_bytes(2, "big")


async def test_packets_that_nobody_takes_are_counted(native_switch: Switch) -> None:
    service = P4RuntimeService(native_switch, DEVICE_ID)
    counters = service.packets.counters
    service.deliver(p4r.PacketIn())
    assert counters.dropped_no_primary == 1
    primary = Client()
    update = p4r.MasterArbitrationUpdate(device_id=DEVICE_ID, election_id=p4r.Uint128(low=1))
    assert service.arbiter.bid(primary, update)
    service.arbiter.crown(primary)
    for _ in range(OUTBOX_MESSAGES + 10):
        service.deliver(p4r.PacketIn())
    assert counters.packet_ins == OUTBOX_MESSAGES - 1  # a notice was there before them
    assert counters.dropped_slow_primary == 11
    assert await primary.outbox.get() is not None
    service.deliver(p4r.PacketIn())
    assert counters.packet_ins == OUTBOX_MESSAGES


@given(st.lists(st.integers(1, 64), min_size=1, max_size=8), st.data())
def test_header_round_trip(widths: list[int], data: st.DataObject) -> None:
    """Whatever the fields' widths: unpack gives back what pack was given, shortest form."""
    info = p4i.ControllerPacketMetadata()
    for number, bits in enumerate(widths, 1):
        info.metadata.add(id=number, bitwidth=bits)
    ports = Ports(None, lambda _: None)
    header = PacketHeader(info, Translations(p4t.P4TypeInfo(), {}, ports, lambda: None))
    values = [data.draw(st.integers(0, (1 << bits) - 1)) for bits in widths]
    metadata = [
        p4r.PacketMetadata(
            metadata_id=number, value=value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
        )
        for number, value in enumerate(values, 1)
    ]
    packed = header.pack(metadata)
    expected = "".join(f"{value:0{bits}b}" for value, bits in zip(values, widths, strict=True))
    expected += "0" * (-len(expected) % 8)  # p4c's own
    assert int.from_bytes(packed, "big") == int(expected, 2)
    assert len(packed) * 8 == len(expected)
    assert header.unpack(packed + FRAME) == metadata
