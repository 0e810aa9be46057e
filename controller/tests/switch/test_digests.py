# SPDX-License-Identifier: Apache-2.0
"""Digests: what the data plane sends, and the protocol of lists and acknowledgements."""

import asyncio
import json
import time

import learn_program
import pytest
from finsy.proto import p4d, p4r, rpc_code
from learn_program import MAC_LEARNED, SEEN, TUPLE
from p4client import Controller, delete, insert, modify

from hectograph.switch.compiler import find_or_build
from hectograph.switch.native import Switch

Code = rpc_code

PORT = 510
"""Frames come from the CPU port."""

MS = 1_000_000
LONG = 3600 * 1000 * MS


def frame(source: int, ether_type: int = 0x0800, destination: int = 0x0200_0000_0001) -> bytes:
    return destination.to_bytes(6) + source.to_bytes(6) + ether_type.to_bytes(2) + bytes(46)


def entry(digest: int, *, timeout: int = 0, size: int = 0, ack_timeout: int = 0) -> p4r.Entity:
    config = p4r.DigestEntry.Config(
        max_timeout_ns=timeout, max_list_size=size, ack_timeout_ns=ack_timeout
    )
    return p4r.Entity(digest_entry=p4r.DigestEntry(digest_id=digest, config=config))


def bits(value: int) -> p4d.P4Data:
    return p4d.P4Data(bitstring=value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def struct(*members: p4d.P4Data) -> p4d.P4Data:
    return p4d.P4Data(struct=p4d.P4StructLike(members=members))


def learned(source: int) -> p4d.P4Data:
    return struct(bits(source), bits(PORT))


class Learner:
    """The primary of a switch that learns."""

    def __init__(self, client: Controller, switch: Switch) -> None:
        self.client = client
        self._switch = switch

    def sees(self, *frames: bytes) -> None:
        for each in frames:
            self._switch.cpu_send(each)

    async def next_list(self, digest: int = MAC_LEARNED) -> p4r.DigestList:
        """The next one; packets come back, too."""
        while (message := await self.client.receive()).WhichOneof("update") == "packet":
            pass
        assert message.digest.digest_id == digest, message
        return message.digest

    async def data(self, digest: int = MAC_LEARNED) -> list[p4d.P4Data]:
        return list((await self.next_list(digest)).data)

    async def acknowledge(self, digests: p4r.DigestList) -> None:
        ack = p4r.DigestListAck(digest_id=digests.digest_id, list_id=digests.list_id)
        await self.client.stream.write(p4r.StreamMessageRequest(digest_ack=ack))
        await self.client.get_config()  # the stream's messages before it have been read by then

    async def silence(self) -> None:
        """Nothing but packets until one that is sent now has come back."""
        last = frame(0xFFFF)
        self.sees(last)
        while (message := await self.client.receive()).packet.payload != last:
            assert message.WhichOneof("update") == "packet", message


@pytest.fixture
async def learner(primary: Controller, native_switch: Switch) -> Learner:
    await primary.set_config(learn_program.config())
    return Learner(primary, native_switch)


# ---- what is sent ------------------------------------------------------------


async def test_a_struct_comes_as_p4info_describes_it(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED)))
    before = time.time_ns()
    learner.sees(frame(0x0200_0000_0009))
    found = await learner.next_list()
    assert list(found.data) == [learned(0x0200_0000_0009)]
    assert before <= found.timestamp <= time.time_ns()
    learner.sees(frame(0))
    assert await learner.data() == [learned(0)]


@pytest.mark.parametrize(
    ("ether_type", "balance"),
    [(0x0123, "0123"), (0x007F, "7f"), (0x0080, "0080"), (0x0F80, "80"), (0x0800 | 0x1000, "f800")],
)
async def test_structs_bools_and_signed_integers(
    learner: Learner, ether_type: int, balance: str
) -> None:
    """The value is that of the call: the program changes the first member right after it."""
    await learner.client.write(insert(entry(SEEN)))
    for first_byte, multicast in ((0x02, False), (0x03, True)):
        learner.sees(frame(1, ether_type, first_byte << 40))
        place = struct(bits(PORT), p4d.P4Data(bool=multicast))
        signed = p4d.P4Data(bitstring=bytes.fromhex(balance))
        assert await learner.data(SEEN) == [struct(bits(ether_type), place, signed)]


async def test_a_tuple(learner: Learner) -> None:
    await learner.client.write(insert(entry(TUPLE)))
    learner.sees(frame(1, 0x88CC, 0x0180_C200_000E))
    members = [bits(0x0180_C200_000E), p4d.P4Data(bool=True), bits(7)]
    expected = p4d.P4Data(tuple=p4d.P4StructLike(members=members))
    assert await learner.data(TUPLE) == [expected]


async def test_one_packet_sends_every_digest_that_is_enabled(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED)), insert(entry(TUPLE)))
    learner.sees(frame(5, 0x88CC))
    assert (await learner.next_list(MAC_LEARNED)).list_id != (
        await learner.next_list(TUPLE)
    ).list_id


async def test_none_is_sent_before_it_is_enabled(learner: Learner) -> None:
    await learner.silence()
    await learner.client.write(insert(entry(MAC_LEARNED)))
    learner.sees(frame(3))
    assert await learner.data() == [learned(3)]
    await learner.client.write(delete(entry(MAC_LEARNED)))
    await learner.silence()


# ---- lists -------------------------------------------------------------------


async def test_a_list_is_sent_when_it_is_full_of_distinct_messages(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, timeout=LONG, size=3)))
    learner.sees(frame(1), frame(2), frame(1), frame(1), frame(2), frame(3), frame(4))
    assert await learner.data() == [learned(1), learned(2), learned(3)]
    await learner.silence()  # its frame is the second of the next list
    learner.sees(frame(5))
    assert await learner.data() == [learned(4), learned(0xFFFF), learned(5)]


async def test_a_list_is_sent_when_its_first_message_is_old(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, timeout=200 * MS)))
    began = time.monotonic()
    learner.sees(frame(1), frame(2))
    assert await learner.data() == [learned(1), learned(2)]
    assert time.monotonic() - began >= 0.2


async def test_a_list_of_one_goes_at_once(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, timeout=LONG, size=1)))
    learner.sees(frame(1), frame(2))
    assert await learner.data() == [learned(1)]
    assert await learner.data() == [learned(2)]


async def test_modify_changes_the_parameters(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, timeout=LONG, size=100)))
    learner.sees(frame(1))
    await learner.silence()
    await learner.client.write(modify(entry(MAC_LEARNED, timeout=LONG, size=1)))
    assert await learner.data() == [learned(1), learned(0xFFFF)]
    learner.sees(frame(2))
    assert await learner.data() == [learned(2)]


# ---- acknowledgements --------------------------------------------------------


async def test_what_is_not_acknowledged_is_not_sent_again(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, ack_timeout=LONG)))
    learner.sees(frame(1))
    first = await learner.next_list()
    learner.sees(frame(1), frame(2))
    assert await learner.data() == [learned(2)]
    await learner.acknowledge(first)
    learner.sees(frame(2), frame(1))
    assert await learner.data() == [learned(1)]


async def test_an_acknowledgement_is_waited_for_only_so_long(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, ack_timeout=100 * MS)))
    learner.sees(frame(1))
    await learner.next_list()
    await asyncio.sleep(0.2)
    learner.sees(frame(1))
    assert await learner.data() == [learned(1)]


async def test_without_an_ack_timeout_everything_is_sent(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED)))
    learner.sees(frame(1), frame(1))
    assert await learner.data() == [learned(1)]
    assert await learner.data() == [learned(1)]


async def test_a_list_that_is_unknown_by_now_may_be_acknowledged(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED)))
    await learner.acknowledge(p4r.DigestList(digest_id=MAC_LEARNED, list_id=99))
    learner.sees(frame(1))
    assert await learner.data() == [learned(1)]


async def test_an_unknown_digest_is_a_stream_error(learner: Learner) -> None:
    await learner.acknowledge(p4r.DigestList(digest_id=7, list_id=1))
    error = (await learner.client.receive()).error
    assert error.canonical_code == Code.INVALID_ARGUMENT
    assert error.digest_list_ack.digest_list_ack.digest_id == 7


@pytest.mark.usefixtures("learner")
async def test_only_the_primary_acknowledges(address: str) -> None:
    async with Controller(address) as backup:
        await backup.bid(None)
        await backup.told()
        ack = p4r.DigestListAck(digest_id=MAC_LEARNED, list_id=1)
        await backup.stream.write(p4r.StreamMessageRequest(digest_ack=ack))
        error = (await backup.receive()).error
        assert error.canonical_code == Code.PERMISSION_DENIED


async def test_a_new_primary_learns_anew(learner: Learner, address: str) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, ack_timeout=LONG)))
    learner.sees(frame(1))
    await learner.next_list()
    async with Controller(address) as other:
        await other.become_primary(2)
        learner.sees(frame(1))
        assert list((await other.receive()).digest.data) == [learned(1)]


# ---- entries -----------------------------------------------------------------


async def test_entries(learner: Learner) -> None:
    client, everything = learner.client, p4r.Entity(digest_entry=p4r.DigestEntry())
    first = entry(MAC_LEARNED, timeout=1, size=2, ack_timeout=3)
    named = p4r.Entity(digest_entry=p4r.DigestEntry(digest_id=MAC_LEARNED))
    assert await client.read(everything) == []
    codes = await client.write_codes(
        insert(first), insert(first), modify(entry(SEEN)), delete(entry(SEEN))
    )
    assert codes == [Code.OK, Code.ALREADY_EXISTS, Code.NOT_FOUND, Code.NOT_FOUND]
    assert await client.read(everything) == [first]
    assert await client.read(named) == [first]
    codes = await client.write_codes(
        insert(entry(9)), modify(entry(MAC_LEARNED, timeout=-1)), delete(first), insert(entry(SEEN))
    )
    assert codes == [Code.INVALID_ARGUMENT, Code.INVALID_ARGUMENT, Code.OK, Code.OK]
    assert await client.read(everything) == [entry(SEEN)]


async def test_another_pipeline_starts_with_none_enabled(learner: Learner) -> None:
    await learner.client.write(insert(entry(MAC_LEARNED, timeout=LONG)))
    learner.sees(frame(1))
    await learner.silence()
    await learner.client.set_config(learn_program.config())
    assert await learner.client.read(p4r.Entity(digest_entry=p4r.DigestEntry())) == []
    await learner.silence()


# ---- overload ----------------------------------------------------------------


def test_a_full_ring_drops_and_counts(native_switch: Switch) -> None:
    """Nobody takes what is sent here."""
    loaded = native_switch.load(find_or_build(json.dumps(learn_program.document())))
    native_switch.commit(loaded)
    loaded.want_digest(0, True)
    sent, deadline = 5000, time.monotonic() + 20
    for source in range(sent):
        while True:
            try:
                native_switch.cpu_send(frame(source))
                break
            except OSError:  # the CPU port's queue is full
                time.sleep(0.0005)
            assert time.monotonic() < deadline
    while native_switch.stats().ingress_packets < sent:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    taken = loaded.receive_digests(sent)
    assert [int.from_bytes(each.data[:6]) for each in taken] == list(range(len(taken)))
    assert len(taken) == 4096
    assert native_switch.stats().dropped_digests == sent - len(taken)
    native_switch.cpu_send(frame(7))
    while not (more := loaded.receive_digests(10)):
        assert time.monotonic() < deadline
    assert [each.data[:6] for each in more] == [bytes(5) + b"\x07"]
