# SPDX-License-Identifier: Apache-2.0
"""A P4Runtime client for tests: raw stubs, so that every wrong request can be made."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from finsy.proto import U128, p4i, p4r, p4r_grpc, rpc_status
from google.protobuf import text_format

DEVICE_ID = 1
PROGRAMS = Path(__file__).parent / "programs"
SHIPPED = Path(__file__).parents[3] / "p4" / "build" / "v1model"

SECONDS = 10.0


@dataclass(frozen=True)
class BatchError:
    """A failed batch: what `grpc-status-details-bin` said of each element."""

    errors: Sequence[p4r.Error]

    @property
    def codes(self) -> list[int]:
        return [error.canonical_code for error in self.errors]


def load_config(program: str, *, cookie: int | None = None) -> p4r.ForwardingPipelineConfig:
    folder = SHIPPED if program == "hectograph" else PROGRAMS
    text = (folder / f"{program}.p4info.txtpb").read_text()
    config = p4r.ForwardingPipelineConfig(
        p4info=text_format.Parse(text, p4i.P4Info()),
        p4_device_config=(folder / f"{program}.json").read_bytes(),
    )
    if cookie is not None:
        config.cookie.cookie = cookie
    return config


def batch_error(error: grpc.RpcError) -> BatchError:
    assert isinstance(error, grpc.aio.AioRpcError)
    metadata = dict(error.trailing_metadata() or ())
    packed_status = metadata["grpc-status-details-bin"]
    assert isinstance(packed_status, bytes)
    details = rpc_status.Status.FromString(packed_status)
    assert error.code() == grpc.StatusCode.UNKNOWN
    assert details.code == error.code().value[0]
    assert details.message == error.details()
    errors: list[p4r.Error] = []
    for packed in details.details:
        unpacked = p4r.Error()
        assert packed.Unpack(unpacked)
        errors.append(unpacked)
    return BatchError(errors)


class Controller:
    """One channel and at most one stream."""

    def __init__(
        self,
        address: str,
        *,
        role: str = "",
        device_id: int = DEVICE_ID,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        options = [("grpc.max_metadata_size", 1 << 20)]
        if credentials is None:
            self.channel = grpc.aio.insecure_channel(address, options=options)
        else:
            self.channel = grpc.aio.secure_channel(address, credentials, options=options)
        self.role = role
        self.device_id = device_id
        self.stub = p4r_grpc.P4RuntimeStub(self.channel)
        self.stream = self.stub.StreamChannel()
        self.election_id = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stream.cancel()
        await self.channel.close()

    # ---- the stream ------------------------------------------------------------

    async def send(self, **update: p4r.MasterArbitrationUpdate | p4r.PacketOut) -> None:
        await self.stream.write(p4r.StreamMessageRequest(**update))  # pyright: ignore[reportArgumentType]

    async def bid(self, election_id: int | None, *, device_id: int | None = None) -> None:
        wanted = self.device_id if device_id is None else device_id
        update = p4r.MasterArbitrationUpdate(device_id=wanted)
        if self.role:
            update.role.name = self.role
        if election_id is not None:
            update.election_id.CopyFrom(U128.encode(election_id))
            self.election_id = election_id
        await self.send(arbitration=update)

    async def receive(self) -> p4r.StreamMessageResponse:
        async with asyncio.timeout(SECONDS):
            message = await self.stream.read()
        assert isinstance(message, p4r.StreamMessageResponse), await self.stream.code()
        return message

    async def told(self) -> tuple[int, int | None]:
        """The next arbitration notice: its status and election id."""
        update = (await self.receive()).arbitration
        assert (update.device_id, update.role.name) == (self.device_id, self.role)
        known = update.HasField("election_id")
        return update.status.code, U128.decode(update.election_id) if known else None

    async def become_primary(self, election_id: int = 1) -> None:
        await self.bid(election_id)
        assert await self.told() == (0, election_id)

    async def end_of_stream(self) -> grpc.StatusCode:
        async with asyncio.timeout(SECONDS):
            try:
                while isinstance(await self.stream.read(), p4r.StreamMessageResponse):
                    pass
            except grpc.aio.AioRpcError:
                pass
            return await self.stream.code()

    # ---- calls -----------------------------------------------------------------

    async def set_config(
        self,
        config: p4r.ForwardingPipelineConfig | None,
        action: p4r.SetForwardingPipelineConfigRequest.Action.ValueType = (
            p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT
        ),
    ) -> None:
        await self.stub.SetForwardingPipelineConfig(
            p4r.SetForwardingPipelineConfigRequest(
                device_id=self.device_id,
                election_id=U128.encode(self.election_id),
                role=self.role,
                action=action,
                config=config,
            ),
            timeout=60,
        )

    async def get_config(
        self,
        kind: p4r.GetForwardingPipelineConfigRequest.ResponseType.ValueType = (
            p4r.GetForwardingPipelineConfigRequest.ALL
        ),
    ) -> p4r.GetForwardingPipelineConfigResponse:
        return await self.stub.GetForwardingPipelineConfig(
            p4r.GetForwardingPipelineConfigRequest(device_id=self.device_id, response_type=kind)
        )

    def write_request(
        self,
        *updates: p4r.Update,
        atomicity: p4r.WriteRequest.Atomicity.ValueType = p4r.WriteRequest.CONTINUE_ON_ERROR,
    ) -> p4r.WriteRequest:
        return p4r.WriteRequest(
            device_id=self.device_id,
            election_id=U128.encode(self.election_id),
            role=self.role,
            updates=updates,
            atomicity=atomicity,
        )

    async def write(
        self,
        *updates: p4r.Update,
        atomicity: p4r.WriteRequest.Atomicity.ValueType = p4r.WriteRequest.CONTINUE_ON_ERROR,
    ) -> None:
        await self.stub.Write(self.write_request(*updates, atomicity=atomicity), timeout=60)

    async def write_codes(
        self,
        *updates: p4r.Update,
        atomicity: p4r.WriteRequest.Atomicity.ValueType = p4r.WriteRequest.CONTINUE_ON_ERROR,
    ) -> list[int]:
        """The canonical code of each update."""
        try:
            await self.write(*updates, atomicity=atomicity)
        except grpc.aio.AioRpcError as error:
            return batch_error(error).codes
        return [0] * len(updates)

    async def read(self, *entities: p4r.Entity) -> list[p4r.Entity]:
        answers: list[p4r.Entity] = []
        await self.read_into(answers, *entities)
        return answers

    async def read_into(self, answers: list[p4r.Entity], *entities: p4r.Entity) -> None:
        """What came before an error is there all the same."""
        request = p4r.ReadRequest(device_id=self.device_id, entities=entities)
        async for message in self.stub.Read(request):
            answers += message.entities


def insert(entity: p4r.Entity) -> p4r.Update:
    return p4r.Update(type=p4r.Update.INSERT, entity=entity)


def modify(entity: p4r.Entity) -> p4r.Update:
    return p4r.Update(type=p4r.Update.MODIFY, entity=entity)


def delete(entity: p4r.Entity) -> p4r.Update:
    return p4r.Update(type=p4r.Update.DELETE, entity=entity)


def table(text: str) -> p4r.Entity:
    """A table entry from the text of its message, `$NAME` standing for an id of kinds.p4."""
    for name, number in IDS.items():
        text = text.replace(f"${name}", str(number))
    return p4r.Entity(table_entry=text_format.Parse(text, p4r.TableEntry()))


def entity(text: str) -> p4r.Entity:
    for name, number in IDS.items():
        text = text.replace(f"${name}", str(number))
    return text_format.Parse(text, p4r.Entity())


def _ids() -> dict[str, int]:
    info = load_config("kinds").p4info
    objects = (
        *info.tables,
        *info.actions,
        *info.counters,
        *info.direct_counters,
        *info.meters,
        *info.direct_meters,
    )
    ids = {item.preamble.alias: item.preamble.id for item in objects}
    return dict(sorted(ids.items(), key=lambda pair: -len(pair[0])))


IDS = _ids()
"""By alias, the longest first, so that no name is replaced by its beginning."""
