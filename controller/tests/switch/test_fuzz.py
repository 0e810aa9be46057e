# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in: an answer, and a server that goes on."""

import asyncio
import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from finsy.proto import p4r, rpc_code
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from p4client import DEVICE_ID, IDS, Controller, batch_error, load_config

from hectograph.switch import configuration
from hectograph.switch.compiler import find_or_build, to_c

ROUNDS = 60

_NEVER = {rpc_code.INTERNAL, rpc_code.UNKNOWN}

_INTERESTING = (0, 1, 2, 3, 7, 8, 255, 511, 512, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
_BYTES = (b"", b"\0", b"\x01", b"\xff", b"\0\0\0\x01", b"\x01\xff", b"\xff" * 17, bytes(300))


class _Random:
    """Messages of any type, with fields that are often nearly right."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ids = tuple(IDS.values())

    def fill(self, message: Message, depth: int = 0) -> None:
        for field in cast("list[FieldDescriptor]", message.DESCRIPTOR.fields):
            if self._random.random() < 0.45 or depth > 6:
                continue
            if field.is_repeated:
                for _ in range(self._random.randrange(4)):
                    self._add(message, field, depth)
            elif field.message_type is not None:
                getattr(message, field.name).SetInParent()
                self.fill(getattr(message, field.name), depth + 1)
            else:
                setattr(message, field.name, self._scalar(field))

    def mutate(self, message: Message) -> None:
        """Another value for one field, anywhere within."""
        while True:
            present = [field for field, _ in message.ListFields()]
            field = self._random.choice(present)
            value = getattr(message, field.name)
            if field.is_repeated and self._random.random() < 0.2:
                self._add(message, field, 0) if self._random.random() < 0.5 else value.pop()
                return
            if field.message_type is None:
                if not field.is_repeated:
                    setattr(message, field.name, self._scalar(field))
                return
            message = self._random.choice(value) if field.is_repeated else value
            if not message.ListFields():
                return

    def _add(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        values = getattr(message, field.name)
        if field.message_type is None:
            values.append(self._scalar(field))
        elif not field.message_type.GetOptions().map_entry:
            self.fill(values.add(), depth + 1)

    def _scalar(self, field: FieldDescriptor) -> object:
        kinds = FieldDescriptor
        if field.type == kinds.TYPE_BYTES:
            return self._random.choice(_BYTES)
        if field.type == kinds.TYPE_STRING:
            return self._random.choice(("", "x", "KindsIngress.lpm_table", "packet_in"))
        if field.type == kinds.TYPE_BOOL:
            return self._random.random() < 0.3
        if field.type == kinds.TYPE_ENUM:
            return self._random.randrange(6)
        return self._number(field)

    def _number(self, field: FieldDescriptor) -> int:
        kinds = FieldDescriptor
        number = self._random.choice(self._ids if field.name.endswith("_id") else _INTERESTING)
        if field.type in (kinds.TYPE_INT32, kinds.TYPE_INT64):
            number = min(number, 2**31 - 1)
            return -number if self._random.random() < 0.2 else number
        return number


def _seeds(count: int) -> Iterator[int]:
    return iter(range(count))


async def test_random_updates(kinds: Controller) -> None:
    """Each gets a code of its own, and none is the server's fault."""
    for seed in _seeds(ROUNDS):
        source = _Random(seed)
        request = kinds.write_request()
        for _ in range(50):
            source.fill(request.updates.add())
        try:
            await kinds.stub.Write(request)
        except grpc.aio.AioRpcError as error:
            codes = batch_error(error).codes
            assert len(codes) == len(request.updates)
            assert not _NEVER & set(codes), f"seed {seed}"
    assert await kinds.read(p4r.Entity(table_entry=p4r.TableEntry())) != []


async def test_random_reads(kinds: Controller) -> None:
    for seed in _seeds(ROUNDS):
        source = _Random(seed)
        request = p4r.ReadRequest(device_id=DEVICE_ID)
        for _ in range(50):
            source.fill(request.entities.add())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in kinds.stub.Read(request):
                pass
        assert not _NEVER & set(batch_error(caught.value).codes), f"seed {seed}"


async def test_random_p4infos(primary: Controller) -> None:
    """A valid JSON, and a P4Info in which a few values are others."""
    accepted = 0
    for seed in _seeds(ROUNDS):
        source = _Random(seed)
        config = load_config("kinds")
        for _ in range(1 + seed % 3):
            source.mutate(config.p4info)
        code = grpc.StatusCode.OK
        try:
            await primary.set_config(config, p4r.SetForwardingPipelineConfigRequest.VERIFY)
            accepted += 1
        except grpc.aio.AioRpcError as error:
            code = error.code()
        assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), f"seed {seed}"
    assert 0 < accepted < ROUNDS


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything in a JSON value."""
    steps: list[Any] = []
    if isinstance(value, dict):
        steps = list(cast("dict[str, object]", value))
    elif isinstance(value, list):
        steps = list(range(len(cast("list[object]", value))))
    inner = [each for step in steps for each in _places(cast(Any, value)[step], (*path, step))]
    return [path, *inner] if path else inner


_REMOVED = object()
_JUNK: tuple[Any, ...] = (
    _REMOVED,
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "",
    "x",
    "0x1",
    [],
    {},
    [[]],
    {"name": "x"},
)

_NOBODYS_BUSINESS = re.compile(
    r"Traceback|(Key|Type|Value|Attribute|Index|Lookup|Assertion|Recursion|Unicode\w*)Error"
    r"|NoneType|\.so\b|\.cache|/tmp"
)
"""Neither Python's exceptions nor the switch's own files say anything about a program."""


async def test_jsons_with_something_missing_or_of_another_type(
    primary: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes out of the compiler is looked at elsewhere: here the C is not compiled."""
    config = load_config("kinds")
    built = find_or_build(config.p4_device_config)

    def only_to_c(json: bytes, **options: Any) -> Path:
        to_c(json, **options)
        return built

    monkeypatch.setattr(configuration, "find_or_build", only_to_c)
    program = json.loads(config.p4_device_config)
    source = random.Random(7)
    accepted = 0
    for path in source.sample(_places(program), 400):
        value = source.choice(_JUNK)
        made: Any = deepcopy(program)
        at = made
        for step in path[:-1]:
            at = at[step]
        if value is _REMOVED:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        config.p4_device_config = json.dumps(made).encode()
        code, details = grpc.StatusCode.OK, ""
        try:
            await primary.set_config(config, p4r.SetForwardingPipelineConfigRequest.VERIFY)
            accepted += 1
        except grpc.aio.AioRpcError as error:
            code, details = error.code(), error.details() or ""
        where = f"{path} = {value!r}: {details}"
        assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), where
        assert not _NOBODYS_BUSINESS.search(details), where
    assert 0 < accepted < 400


async def test_a_fault_of_the_switch_itself_is_told_as_such(
    primary: Controller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(configuration, "find_or_build", fail)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await primary.set_config(load_config("kinds"))
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert caught.value.details() == "a fault of the switch: its log says which"
    assert "KeyError: 'secret'" in caplog.text


async def test_random_stream_messages(address: str, kinds: Controller) -> None:
    """Only an arbitration update may end the stream, and with a code of the specification."""
    ends = {
        grpc.StatusCode.OK,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
    }
    for seed in _seeds(ROUNDS):
        source = _Random(seed)
        async with Controller(address) as client:
            for _ in range(20):
                message = p4r.StreamMessageRequest()
                source.fill(message)
                if message.HasField("arbitration"):
                    message.ClearField("arbitration")
                await client.stream.write(message)
                assert (await client.receive()).HasField("error"), f"seed {seed}"
            update = p4r.MasterArbitrationUpdate()
            source.fill(update)
            await client.send(arbitration=update)
            await client.stream.done_writing()
            assert await client.end_of_stream() in ends, f"seed {seed}"
    await kinds.stub.Capabilities(p4r.CapabilitiesRequest())


METHODS = ("Write", "Read", "SetForwardingPipelineConfig", "StreamChannel", "NoSuchMethod")


@pytest.mark.parametrize("method", METHODS)
async def test_bytes_that_are_no_message(controller: Controller, method: str) -> None:
    call = controller.channel.stream_stream(
        f"/p4.v1.P4Runtime/{method}",
        request_serializer=bytes,
        response_deserializer=bytes,
    )()
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it may have ended already
        await call.write(b"\xff" * 40)
        await call.done_writing()
    async with asyncio.timeout(10):
        assert await call.code() != grpc.StatusCode.OK
    await controller.become_primary()


async def test_bytes_that_are_no_http(address: str, controller: Controller) -> None:
    host, port = address.split(":")
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise)
        await writer.drain()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
    await controller.become_primary()
