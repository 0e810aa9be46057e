# SPDX-License-Identifier: Apache-2.0
"""Where P4Runtime listens, and for whom."""

import asyncio
import stat
from pathlib import Path

import pytest
from p4client import DEVICE_ID, Controller

from hectograph.errors import Conflict
from hectograph.switch.native import Switch
from hectograph.switch.server import P4RuntimeServer

HANDSHAKE_SECONDS = 5.0


async def test_a_socket_is_its_users_alone_and_one_switchs(
    native_switch: Switch, tmp_path: Path
) -> None:
    path = tmp_path / "switch.sock"
    path.parent.chmod(0o755)
    server = P4RuntimeServer(native_switch, DEVICE_ID)
    await server.start(f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = P4RuntimeServer(native_switch, DEVICE_ID)
    with pytest.raises(Conflict, match="another switch"):
        await other.start(f"unix:{path}")
    async with Controller(f"unix:{path}") as client:
        await client.become_primary()
    await server.stop()


async def test_who_connects_and_says_nothing_is_left(native_switch: Switch) -> None:
    server = P4RuntimeServer(native_switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(HANDSHAKE_SECONDS + 30):
        while await reader.read(4096):
            pass
    writer.close()
    await server.stop()
