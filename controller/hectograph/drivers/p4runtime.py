# SPDX-License-Identifier: Apache-2.0
"""P4Runtime over gRPC, with finsy's client and codec.

finsy's Switch class is not used: it sets the pipeline in a task of its own, whose
failure arrives as a cancellation (finsy 0.28), and waits 10 s before it connects again.
Other quirks of finsy 0.28, as of 2026-11:

* a read ends at gRPC's default of 4 MiB for a message, so it is done table by table;
* delete_all() and delete_many() skip multicast groups when the program has a const
  table; stale entries are deleted one by one here anyway;
* receive() raises RuntimeError at the stream's end.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import finsy
from finsy import GRPCStatusCode as Code
from finsy import P4Client, P4ClientError, p4entity
from finsy.proto import p4r

from hectograph.core.entities import Change, Tables
from hectograph.core.flows import FlowState
from hectograph.core.model import Switch
from hectograph.core.status import CounterValue
from hectograph.drivers import codec, tls
from hectograph.drivers.arbitration import Arbitration
from hectograph.drivers.base import (
    MAX_UPDATES,
    PacketIn,
    Readings,
    Refusal,
    WriteResult,
)
from hectograph.drivers.decoder import Decoder, TableEntry
from hectograph.drivers.encoder import Encoder
from hectograph.errors import InvalidInput, Unavailable

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
DECODE_SLICE = 32
"""Entities that are decoded before others get their turn: half a millisecond."""
DIGEST_LIST = 128
DIGEST_NS = 100_000_000
DIGEST_ACK_NS = 1_000_000_000
"""A list of handshakes is sent when it has so many or is so old; unacknowledged ones, when."""
HANDSHAKE_QUEUE = 4096
PACKET_QUEUE = 256
"""Punted packets that wait for the controller; more are lost, and counted."""


class P4RuntimeDriver:
    """Connects to switches that shall run one compiled program."""

    def __init__(self, p4info: Path, device_config: Path) -> None:
        for path in (p4info, device_config):
            if not path.is_file():
                raise InvalidInput("the compiled pipeline is missing", where=str(path))
        self._schema = finsy.P4Schema(p4info, device_config)
        self._encoder = Encoder(self._schema)
        self._decoder = Decoder(self._schema)

    @asynccontextmanager
    async def __call__(self, switch: Switch) -> AsyncGenerator["P4RuntimeSession", None]:
        secured = await tls.read(switch.tls)
        client = P4Client(switch.address, secured and secured.credentials, wait_for_ready=False)
        session = P4RuntimeSession(
            switch.device_id, client, self._schema, self._encoder, self._decoder
        )
        try:
            async with tls.explained(secured, switch.address):
                await session.open()
            yield session
        finally:
            await session.close()


class P4RuntimeSession:
    def __init__(
        self,
        device_id: int,
        client: P4Client,
        schema: finsy.P4Schema,
        encoder: Encoder,
        decoder: Decoder,
    ) -> None:
        self._device_id = device_id
        self._client = client
        self._schema = schema
        self._encoder = encoder
        self._decoder = decoder
        self._sending = asyncio.Lock()
        self._arbitration = Arbitration(device_id)
        self._changed = asyncio.Event()
        self._packets: asyncio.Queue[PacketIn] = asyncio.Queue(PACKET_QUEUE)
        self.packets_lost = 0
        self._handshakes: asyncio.Queue[FlowState] = asyncio.Queue(HANDSHAKE_QUEUE)
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, bid for primacy, and hear the answer."""
        await self._client.open(schema=self._schema, complete_request=self._complete)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                with _unavailable("connect"):
                    await self._send(self._arbitration.bid())
                self._reader = asyncio.create_task(self._read_stream())
                await self.changed()
        except TimeoutError:
            raise Unavailable(f"no answer to arbitration within {CONNECT_SECONDS:g} s") from None

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._client.close()

    @property
    def is_primary(self) -> bool:
        return self._arbitration.is_primary

    async def changed(self) -> None:
        assert self._reader is not None
        heard = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({heard, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
        if self._reader.done():
            self._reader.result()
        self._changed.clear()

    async def ensure_pipeline(self) -> bool:
        try:
            reply = await self._client.request(
                p4r.GetForwardingPipelineConfigRequest(
                    device_id=self._device_id,
                    response_type=p4r.GetForwardingPipelineConfigRequest.COOKIE_ONLY,
                )
            )
        except P4ClientError as error:
            if error.code not in (Code.FAILED_PRECONDITION, Code.NOT_FOUND):
                raise Unavailable(f"read the pipeline's cookie: {_told(error)}") from error
        else:
            if reply.config.cookie.cookie == self._schema.p4cookie:
                await self._ask_for_handshakes()
                return False
        await self._set_pipeline()
        await self._ask_for_handshakes()
        return True

    async def _ask_for_handshakes(self) -> None:
        """It is answered ALREADY_EXISTS when an earlier controller has asked."""
        entry = finsy.P4DigestEntry(
            codec.HANDSHAKES,
            max_list_size=DIGEST_LIST,
            max_timeout_ns=DIGEST_NS,
            ack_timeout_ns=DIGEST_ACK_NS,
        )
        update = p4r.Update(type=p4r.Update.INSERT, entity=entry.encode(self._schema))
        await self._write(p4r.WriteRequest(device_id=self._device_id, updates=[update]))

    async def _set_pipeline(self) -> None:
        try:
            await self._client.request(
                p4r.SetForwardingPipelineConfigRequest(
                    device_id=self._device_id,
                    action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
                    config=self._schema.get_pipeline_config(),
                )
            )
        except P4ClientError as error:
            if error.code in _UNAVAILABLE_CODES:
                raise Unavailable(f"set the pipeline: {_told(error)}") from error
            raise InvalidInput(f"the switch refused the pipeline: {_told(error)}") from error

    async def read(self) -> Tables:
        tables = Tables()
        wanted = (
            *map(finsy.P4TableEntry, codec.TABLES),
            finsy.P4MulticastGroupEntry(),
            finsy.P4TableEntry(codec.SECRETS_TABLE, is_default_action=True),
            *map(finsy.P4MeterEntry, codec.METERS),
        )
        for request in wanted:
            async for message in self._read(request):
                entity = self._decoder.entity(message)
                if entity is not None:
                    tables.put(entity)
        return tables

    async def write(self, changes: Sequence[Change], *, at_once: int = MAX_UPDATES) -> WriteResult:
        refusals: list[Refusal | None] = []
        requests = written = 0
        for start in range(0, len(changes), at_once):
            request = self._encoder.write_request(changes[start : start + at_once])
            request.device_id = self._device_id
            requests += 1
            written += request.ByteSize()
            refusals += await self._write(request)
        return WriteResult(refusals, requests, written)

    async def _write(self, request: p4r.WriteRequest) -> list[Refusal | None]:
        refusals: list[Refusal | None] = [None] * len(request.updates)
        try:
            await self._client.request(request)
        except P4ClientError as error:
            if not error.details:
                raise Unavailable(f"write: {_told(error)}") from error
            for index, detail in error.details.items():
                code = detail.canonical_code
                refusals[index] = Refusal(
                    f"{code.name}: {detail.message}" if detail.message else code.name,
                    stale=code in (Code.ALREADY_EXISTS, Code.NOT_FOUND),
                )
        return refusals

    async def read_counters(self) -> Readings:
        return Readings(
            ingress_drops=await self._read_indirect("ingress_drops"),
            egress_drops=await self._read_indirect("egress_drops"),
            trees=await self.read_pushes(),
            members={
                (entry.key["group"], entry.key["instance"]): entry.counter
                async for entry in self._read_counted("member")
            },
            contents=await self._read_contents(),
        )

    async def read_pushes(self) -> dict[int, CounterValue]:
        return {
            entry.key["group"]: entry.counter async for entry in self._read_counted("push_group")
        }

    async def _read_contents(self) -> dict[int, CounterValue]:
        """Of all its addresses together."""
        found: dict[int, CounterValue] = {}
        async for entry in self._read_counted("service"):
            number = entry.args["content"]
            found[number] = found.get(number, CounterValue()) + entry.counter
        return found

    async def packets(self) -> AsyncIterator[PacketIn]:
        while True:
            yield await self._packets.get()

    async def handshakes(self) -> AsyncIterator[FlowState]:
        while True:
            yield await self._handshakes.get()

    async def send(self, port: int, frame: bytes) -> None:
        packet = finsy.P4PacketOut(frame, egress_port=port)
        message = packet.encode_update(self._schema)
        assert isinstance(message, p4r.StreamMessageRequest)
        with _unavailable("packet-out"):
            await self._send(message)

    async def _read(self, entity: p4entity.P4Entity) -> AsyncIterator[p4r.Entity]:
        """Entities of one read; others get their turn while a long answer is decoded."""
        request = p4r.ReadRequest(device_id=self._device_id, entities=[entity.encode(self._schema)])
        with _unavailable("read"):
            async for reply in self._client.request_iter(request):
                for index, message in enumerate(reply.entities, 1):
                    if index % DECODE_SLICE == 0:
                        await asyncio.sleep(0)
                    yield message

    async def _read_counted(self, table: str) -> AsyncIterator[TableEntry]:
        """A table's entries with their direct counters."""
        data = finsy.P4CounterData()
        async for message in self._read(finsy.P4TableEntry(table, counter_data=data)):
            if not message.table_entry.is_default_action:
                yield self._decoder.entry(message)

    async def _read_indirect(self, counter: str) -> dict[int, CounterValue]:
        values: dict[int, CounterValue] = {}
        async for message in self._read(finsy.P4CounterEntry(counter)):
            entry = finsy.P4CounterEntry.decode(message, self._schema)
            if entry.index is not None:
                values[entry.index] = _value(entry.data)
        return values

    async def _read_stream(self) -> None:
        while True:
            try:
                message = await self._client.receive()
            except P4ClientError as error:
                if not error.is_election_id_used:
                    raise Unavailable(f"connection lost: {_told(error)}") from error
                self._arbitration.outbid()
                await self._bid()
            except RuntimeError as error:
                raise Unavailable("the switch closed the stream") from error
            else:
                await self._hear(message)

    async def _hear(self, message: p4r.StreamMessageResponse) -> None:
        match message.WhichOneof("update"):
            case "arbitration":
                if self._arbitration.update(message.arbitration):
                    await self._bid()
                else:
                    self._changed.set()
            case "packet":
                self._queue_packet(message)
            case "digest":
                await self._take_digest(message)
            case other:
                logger.warning("device %d: stream message %s", self._device_id, other)

    def _queue_packet(self, message: p4r.StreamMessageResponse) -> None:
        try:
            packet = finsy.P4PacketIn.decode(message, self._schema)
            heard = PacketIn(packet["ingress_port"], packet["reason"], packet.payload)
        except (KeyError, ValueError):
            logger.warning("device %d: packet-in without its metadata", self._device_id)
            return
        try:
            self._packets.put_nowait(heard)
        except asyncio.QueueFull:
            self.packets_lost += 1

    async def _take_digest(self, message: p4r.StreamMessageResponse) -> None:
        digests = finsy.P4DigestList.decode(message, self._schema)
        for flow in codec.decode_handshakes(digests):
            # A sample anyway: what does not fit goes on without being known.
            with suppress(asyncio.QueueFull):
                self._handshakes.put_nowait(flow)
        with _unavailable("acknowledge digests"):
            await self._send(digests.ack().encode_update(self._schema))

    async def _send(self, message: p4r.StreamMessageRequest) -> None:
        """A gRPC stream takes one write at a time: it ends with INTERNAL when two meet."""
        async with self._sending:
            await self._client.send(message)

    async def _bid(self) -> None:
        with _unavailable("arbitrate"):
            await self._send(self._arbitration.bid())

    def _complete(self, message: object) -> None:
        """finsy's hook: writers say which bid makes them primary."""
        if isinstance(message, p4r.WriteRequest | p4r.SetForwardingPipelineConfigRequest):
            message.election_id.CopyFrom(self._arbitration.election_id)


_UNAVAILABLE_CODES = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.PERMISSION_DENIED)


def _told(error: P4ClientError) -> str:
    return f"{error.code.name}: {error.message}" if error.message else error.code.name


@contextmanager
def _unavailable(what: str) -> Generator[None, None, None]:
    try:
        yield
    except P4ClientError as error:
        raise Unavailable(f"{what}: {_told(error)}") from error


def _value(data: finsy.P4CounterData | None) -> CounterValue:
    return CounterValue(data.packet_count, data.byte_count) if data else CounterValue()
