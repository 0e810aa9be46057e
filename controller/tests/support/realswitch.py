# SPDX-License-Identifier: Apache-2.0
"""A P4Runtime switch's process, without ports."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

from fakes.examples import SWITCH
from fakes.waiting import until

from hectograph.core.model import Switch
from hectograph.testbed.targets import DEVICE_ID, Target

ARTIFACTS = Path(__file__).parents[3] / "p4/build/v1model"
P4INFO = ARTIFACTS / "hectograph.p4info.txtpb"
START_SECONDS = 20.0


class RealSwitch:
    """A switch's process on a port that stays the same."""

    def __init__(self, kind: Target, directory: Path) -> None:
        self._kind = kind
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def record(self) -> Switch:
        return replace(SWITCH, address=self.address, device_id=DEVICE_ID, profile=self._kind.name)

    @property
    def pid(self) -> int:
        """While it runs."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._kind.command({}, self.address),
            cwd=self._directory,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await until(self._listens, seconds=START_SECONDS)

    async def kill(self) -> None:
        """-9, as if it crashed."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _listens(self) -> bool:
        host, port = self.address.split(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True
