# SPDX-License-Identifier: Apache-2.0
"""P4Runtime before a switch whose packets the test itself puts in: it is not started."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from p4client import DEVICE_ID, Controller

from hectograph import _native
from hectograph.switch.native import Switch
from hectograph.switch.server import P4RuntimeServer

ffi: Any = _native.ffi
lib: Any = _native.lib

CPU_PORT = 510


class Output(NamedTuple):
    port: int
    frame: bytes


@dataclass(frozen=True)
class Programmed:
    """A switch, and its primary."""

    switch: Switch
    primary: Controller

    def send(self, frame: bytes, port: int = 1) -> list[Output]:
        """What the switch puts out for one frame received on a port."""
        outputs: list[Output] = []

        def take(_: Any, out_port: int, data: Any, length: int) -> None:
            outputs.append(Output(out_port, bytes(ffi.buffer(data, length))))

        callback = ffi.callback("hg_output_fn", take)
        native: Any = self.switch._switch  # pyright: ignore[reportPrivateUsage]
        result = lib.hg_switch_inject(native, port, frame, len(frame), callback, ffi.NULL)
        assert result == 0, f"errno {-result}"
        return outputs


@asynccontextmanager
async def programmed(**options: Any) -> AsyncGenerator[Programmed]:
    """`options` are Switch's."""
    switch = Switch(cpu_port=CPU_PORT, **options)
    server = P4RuntimeServer(switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0")
    try:
        async with Controller(f"127.0.0.1:{port}") as controller:
            await controller.become_primary()
            yield Programmed(switch, controller)
    finally:
        await server.stop()
        switch.close()
