# SPDX-License-Identifier: Apache-2.0
"""simple_switch_grpc without interfaces: frames in and out over its own dataplane service."""

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROGRAM = "simple_switch_grpc"
SECONDS = 20.0
STRAGGLERS = 0.05
"""Seconds in which a frame's further copies come after its first."""

_U64, _U32, _BYTES, _ENUM = 4, 13, 12, 14
_TYPES = {"uint64": _U64, "uint32": _U32, "bytes": _BYTES}
_PACKET = [("id", "uint64"), ("device_id", "uint64"), ("port", "uint32"), ("packet", "bytes")]
_STATUS = [("device_id", "uint64"), ("port", "uint32"), ("oper_status", "uint32")]


def missing() -> str | None:
    """Why it cannot run here."""
    return None if shutil.which(PROGRAM) else f"{PROGRAM} is not on PATH"


def _messages() -> dict[str, Any]:
    """p4.bm.DataplaneInterface's, whose enum is a number like any other."""
    file = descriptor_pb2.FileDescriptorProto(
        name="hectograph_tests_bmv2.proto", package="hectograph.tests", syntax="proto3"
    )
    shapes = {"Packet": _PACKET, "Status": _STATUS, "Nothing": []}
    for name, shape in shapes.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(shape, 1):
            message.field.add(name=field, number=number, type=_TYPES[kind], label=1)  # pyright: ignore[reportArgumentType]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # pyright: ignore[reportAttributeAccessIssue]
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"hectograph.tests.{name}")
        )
        for name in shapes
    }


_MESSAGES = _messages()
_SERVICE = "/p4.bm.DataplaneInterface"


class Bmv2:
    """One that runs; `address` is where it serves P4Runtime."""

    def __init__(self, address: str, device_id: int, channel: grpc.aio.Channel) -> None:
        self.address = address
        self._device_id = device_id
        packet = _MESSAGES["Packet"]
        self._open: Any = channel.stream_stream(
            f"{_SERVICE}/PacketStream",
            request_serializer=packet.SerializeToString,
            response_deserializer=packet.FromString,
        )
        self._stream: Any = None
        self._set_status: Any = channel.unary_unary(
            f"{_SERVICE}/SetPortOperStatus",
            request_serializer=_MESSAGES["Status"].SerializeToString,
            response_deserializer=_MESSAGES["Nothing"].FromString,
        )
        self._next = 1
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def _open_stream(self) -> None:
        """It is refused until there is a pipeline."""
        async with asyncio.timeout(SECONDS):
            while self._stream is None or self._stream.done():
                self._stream = self._open()
                await asyncio.sleep(STRAGGLERS)
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """A read that is given up would end the stream."""
        async for answer in self._stream:
            self._answers.put_nowait(answer)

    async def close(self) -> None:
        if self._reader is not None:
            self._stream.cancel()
            await asyncio.wait([self._reader])

    async def exchange(self, frames: Sequence[tuple[int, bytes]]) -> list[list[tuple[int, bytes]]]:
        """What comes out, for each frame that goes into a port; at least one frame must.

        A port's egress queue holds 64 frames: no more than that may leave at once.
        """
        if self._stream is None:
            await self._open_stream()
        stream: Any = self._stream
        first, self._next = self._next, self._next + len(frames)
        for number, (port, frame) in enumerate(frames, first):
            values = {"id": number, "device_id": self._device_id, "port": port, "packet": frame}
            await stream.write(_MESSAGES["Packet"](**values))
        outputs: list[list[tuple[int, bytes]]] = [[] for _ in frames]
        deadline = asyncio.get_running_loop().time() + SECONDS
        while True:
            wait = STRAGGLERS if all(outputs) else deadline - asyncio.get_running_loop().time()
            try:
                answer: Any = await asyncio.wait_for(self._answers.get(), wait)
            except TimeoutError:
                return outputs
            out: tuple[int, bytes] = (answer.port, answer.packet)
            outputs[int(answer.id) - first].append(out)

    async def set_port(self, port: int, *, up: bool) -> None:
        values = {"device_id": self._device_id, "port": port, "oper_status": 2 if up else 1}
        await self._set_status(_MESSAGES["Status"](**values))


@asynccontextmanager
async def running(device_id: int, cpu_port: int) -> AsyncGenerator[Bmv2]:
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "--no-p4", "--device-id", str(device_id), "--", "--cpu-port", str(cpu_port),
        "--grpc-server-addr", addresses[0], "--dp-grpc-server-addr", addresses[1],
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with grpc.aio.insecure_channel(addresses[1]) as channel:
            await asyncio.wait_for(channel.channel_ready(), SECONDS)
            switch = Bmv2(addresses[0], device_id, channel)
            try:
                yield switch
            finally:
                await switch.close()
    finally:
        if process.returncode is None:  # it may have ended itself
            process.kill()
        await process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
