# SPDX-License-Identifier: Apache-2.0
"""The P4Runtime service: requests checked in the specification's order, and answered."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import grpc
from finsy.proto import p4r, p4r_grpc

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.arbitration import Arbiter, Client
from hectograph.switch.batches import (
    Reading,
    abort,
    abort_batch,
    answer_reads,
    refusal,
    write_all,
    write_at_once,
    write_each,
)
from hectograph.switch.configuration import Configuration
from hectograph.switch.native import MAX_FRAME_BYTES, Switch
from hectograph.switch.notifications import Notifier
from hectograph.switch.packetio import PacketIO

API_VERSION = "1.5.0"
"""Of P4Runtime."""

_DIGESTS = 256
"""Taken from the data plane before others get their turn."""

_FLUSH_SECONDS = 1.0
"""What a client that is being sent away gets to take what was sent before."""

_T = TypeVar("_T")
_Context = grpc.aio.ServicerContext[Any, Any]


class P4RuntimeService(p4r_grpc.P4RuntimeServicer):
    def __init__(self, switch: Switch, device_id: int) -> None:
        self.device_id = device_id
        self._switch = switch
        self.packets = PacketIO(switch)
        self._lock = asyncio.Lock()
        """Held while a request changes or reads what the switch holds, all of it."""
        self.notifier = Notifier(self._notify)
        self.configuration = Configuration(switch, self.packets, self._lock, self.notifier)
        self.arbiter = Arbiter(device_id)
        self._closing = asyncio.Event()
        self._work: set[asyncio.Task[Any]] = set()

    # ---- unary calls ---------------------------------------------------------

    async def Write(  # noqa: N802
        self, request: p4r.WriteRequest, context: _Context
    ) -> p4r.WriteResponse:
        try:
            results = await self._to_the_end(self._write(request))
        except Exception as error:
            await abort(context, refusal(error))
        await abort_batch(context, results)
        return p4r.WriteResponse()

    async def Read(  # noqa: N802
        self, request: p4r.ReadRequest, context: _Context
    ) -> AsyncIterator[p4r.ReadResponse]:
        try:
            messages, results = await self._read(request)
        except Exception as error:
            await abort(context, refusal(error))
        for message in messages:
            yield message
        await abort_batch(context, results)

    async def SetForwardingPipelineConfig(  # noqa: N802
        self, request: p4r.SetForwardingPipelineConfigRequest, context: _Context
    ) -> p4r.SetForwardingPipelineConfigResponse:
        try:
            self._check_writer(request)
            await self._to_the_end(
                self.configuration.set(request, lambda: self._check_writer(request))
            )
        except Exception as error:
            await abort(context, refusal(error))
        return p4r.SetForwardingPipelineConfigResponse()

    async def GetForwardingPipelineConfig(  # noqa: N802
        self, request: p4r.GetForwardingPipelineConfigRequest, context: _Context
    ) -> p4r.GetForwardingPipelineConfigResponse:
        try:
            self._check_device(request.device_id)
        except Refused as refused:
            await abort(context, refused)
        return self.configuration.get(request.response_type)

    async def Capabilities(  # noqa: N802
        self, request: p4r.CapabilitiesRequest, context: _Context
    ) -> p4r.CapabilitiesResponse:
        try:
            if request.device_id:
                self._check_device(request.device_id)
        except Refused as refused:
            await abort(context, refused)
        return p4r.CapabilitiesResponse(p4runtime_api_version=API_VERSION)

    # ---- checks ----------------------------------------------------------------

    def _check_device(self, device_id: int) -> None:
        if device_id != self.device_id:
            raise status.not_found(
                f"device {device_id} is not here; this is device {self.device_id}"
            )

    def _check_writer(
        self, request: p4r.WriteRequest | p4r.SetForwardingPipelineConfigRequest
    ) -> None:
        self._check_device(request.device_id)
        self._check_role(request.role)
        if request.role_id:  # pyright: ignore[reportDeprecated]
            raise status.not_found(f"device {self.device_id} has no roles by number")
        if not self.arbiter.is_primary(request):
            raise status.denied("the client with this election id is not the primary")

    def _check_role(self, role: str) -> None:
        if not self.arbiter.has_role(role):
            raise status.not_found(f"device {self.device_id} has no role {role}")

    # ---- batches ---------------------------------------------------------------

    async def _write(self, request: p4r.WriteRequest) -> list[Refused | None]:
        async with self._lock:
            self._check_writer(request)
            pipeline = self.configuration.pipeline
            if request.atomicity == p4r.WriteRequest.ROLLBACK_ON_ERROR:
                return await write_all(pipeline, request.updates)
            if request.atomicity == p4r.WriteRequest.DATAPLANE_ATOMIC:
                return write_at_once(self._switch, pipeline, request.updates)
            if request.atomicity != p4r.WriteRequest.CONTINUE_ON_ERROR:
                raise status.invalid(f"there is no atomicity {request.atomicity}")
            return await write_each(pipeline, request.updates)

    async def _read(
        self, request: p4r.ReadRequest
    ) -> tuple[list[p4r.ReadResponse], list[Refused | None]]:
        self._check_device(request.device_id)
        self._check_role(request.role)
        async with self._lock:
            pipeline = self.configuration.pipeline
            reads = [Reading(pipeline, entity) for entity in request.entities]
            if not all(read.is_snapshot for read in reads):
                return await answer_reads(reads)
        # What was there then is told; who writes meanwhile need not wait for that.
        return await answer_reads(reads)

    async def _to_the_end(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Finish what was begun, even when the client goes away in the middle of it."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    async def finish(self) -> None:
        """Wait for what was begun: it may be in the runtime, from a thread."""
        if self._work:
            await asyncio.wait(self._work)

    # ---- streams ---------------------------------------------------------------

    async def StreamChannel(  # pyright: ignore[reportIncompatibleMethodOverride] # noqa: N802
        self, request_iterator: AsyncIterator[p4r.StreamMessageRequest], context: _Context
    ) -> None:
        """Written to through the context: it is cancelled as soon as the client is gone,
        while a generator may be left waiting at its yield."""
        client = Client()
        sender = asyncio.create_task(_send(client, context))
        listener = asyncio.create_task(self._listen(client, request_iterator))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({listener, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.arbiter.leave(client)
            client.outbox.close()
            await asyncio.wait([sender], timeout=_FLUSH_SECONDS)
            for task in (sender, listener, closing):
                task.cancel()
        if not listener.done():
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the switch is stopping")
        if (refused := listener.result()) is not None:
            await abort(context, refused)

    def close_streams(self) -> None:
        """Streams have no end of their own; a server that stops gives them one."""
        self._closing.set()

    async def _listen(
        self, client: Client, requests: AsyncIterator[p4r.StreamMessageRequest]
    ) -> Refused | None:
        """Until the client ends its stream, or for a reason to end it."""
        try:
            async for request in requests:
                await client.outbox.room()
                await self._take_message(client, request)
        except Refused as refused:
            return refused
        return None

    async def _take_message(self, client: Client, request: p4r.StreamMessageRequest) -> None:
        match request.WhichOneof("update"):
            case "arbitration":
                await self._arbitrate(client, request.arbitration)
            case "packet":
                self._packet_out(client, request.packet)
            case "digest_ack":
                self._acknowledge(client, request.digest_ack)
            case "other":
                error = _stream_error(status.not_implemented("messages of other architectures"))
                error.other.SetInParent()
                _post_error(client, error)
            case None:
                error = _stream_error(status.invalid("a stream message without an update"))
                error.other.SetInParent()
                _post_error(client, error)

    async def _arbitrate(self, client: Client, update: p4r.MasterArbitrationUpdate) -> None:
        if self.arbiter.bid(client, update):
            async with self._lock:  # the last primary's writes end first
                self.arbiter.crown(client)
            if (pipeline := self.configuration.running) is not None:
                pipeline.digests.forget_sent()

    def _acknowledge(self, client: Client, ack: p4r.DigestListAck) -> None:
        try:
            if client not in self.arbiter.primaries:
                raise status.denied("only the primary may acknowledge digests")
            if (pipeline := self.configuration.running) is None:
                raise status.failed_precondition("no forwarding pipeline config is committed")
            pipeline.digests.acknowledge(ack)
        except Refused as refused:
            error = _stream_error(refused)
            error.digest_list_ack.digest_list_ack.CopyFrom(ack)
            _post_error(client, error)

    def _packet_out(self, client: Client, packet: p4r.PacketOut) -> None:
        try:
            if client not in self.arbiter.primaries:
                raise status.denied("only the primary may send packets")
            self.packets.send(packet)
        except Refused as refused:
            self.packets.counters.refused_packet_outs += 1
            error = _stream_error(refused)
            error.packet_out.SetInParent()
            if len(packet.payload) <= MAX_FRAME_BYTES:
                error.packet_out.packet_out.CopyFrom(packet)
            _post_error(client, error)

    def _notify(self, message: p4r.StreamMessageResponse) -> bool:
        """To the primary of every role that keeps up; False when there is none."""
        ready = [each for each in self.arbiter.primaries if not each.outbox.is_full]
        for primary in ready:
            primary.outbox.post(message)
        return bool(ready)

    def learn(self) -> None:
        """Take the digests that wait; called while their descriptor is readable."""
        pipeline = self.configuration.running
        if pipeline is not None:
            pipeline.digests.take(pipeline.loaded.receive_digests(_DIGESTS))

    def deliver(self, packet: p4r.PacketIn) -> None:
        """A packet from the CPU port: the primaries', as long as they keep up."""
        if self._notify(p4r.StreamMessageResponse(packet=packet)):
            self.packets.counters.packet_ins += 1
        elif any(self.arbiter.primaries):
            self.packets.counters.dropped_slow_primary += 1
        else:
            self.packets.counters.dropped_no_primary += 1


async def _send(client: Client, context: _Context) -> None:
    while (message := await client.outbox.get()) is not None:
        await context.write(message)


def _stream_error(refused: Refused) -> p4r.StreamError:
    return p4r.StreamError(canonical_code=refused.code, message=str(refused))


def _post_error(client: Client, error: p4r.StreamError) -> None:
    client.outbox.post(p4r.StreamMessageResponse(error=error))
