# SPDX-License-Identifier: Apache-2.0
"""Roles: a primary and backups for each, all of them with full access."""

from collections.abc import AsyncIterator

import grpc
import pytest
from finsy.proto import U128, p4r
from p4client import DEVICE_ID, Controller, insert, load_config, table
from test_config import ENTRY
from test_packetio import ECHO, FRAME

ALREADY_EXISTS, NOT_FOUND = 6, 5


@pytest.fixture
async def other(address: str) -> AsyncIterator[Controller]:
    async with Controller(address, role="other") as client:
        yield client


async def test_each_role_has_its_own_primary(kinds: Controller, other: Controller) -> None:
    """The same election id, and both write."""
    await other.become_primary(1)
    await kinds.write(insert(table(ENTRY)))
    codes = await other.write_codes(insert(table(ENTRY)))
    assert codes == [ALREADY_EXISTS]
    await other.set_config(load_config("kinds"))
    await other.write(insert(table(ENTRY)))


async def test_backups_of_a_role_take_over(
    kinds: Controller, other: Controller, address: str
) -> None:
    await other.become_primary(5)
    async with Controller(address, role="other") as backup:
        await backup.bid(4)
        assert await backup.told() == (ALREADY_EXISTS, 5)
        await other.stream.done_writing()
        assert await backup.told() == (NOT_FOUND, 5)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await backup.write()
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
        await backup.become_primary(6)
        await backup.write(insert(table(ENTRY)))
    await kinds.write()  # was primary of the default role all the time


async def test_an_id_of_another_role_does_not_write(kinds: Controller, other: Controller) -> None:
    await other.become_primary(9)
    request = kinds.write_request()
    request.election_id.CopyFrom(U128.encode(9))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await kinds.stub.Write(request)
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    request.role = "other"
    await kinds.stub.Write(request)


async def test_a_role_that_nobody_named_is_not_found(kinds: Controller) -> None:
    async def code(call: object) -> grpc.StatusCode:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call  # pyright: ignore[reportGeneralTypeIssues]
        return caught.value.code()

    request = kinds.write_request()
    request.role = "nobody"
    assert await code(kinds.stub.Write(request)) == grpc.StatusCode.NOT_FOUND
    read = p4r.ReadRequest(device_id=DEVICE_ID, role="nobody")
    assert await code(kinds.stub.Read(read).read()) == grpc.StatusCode.NOT_FOUND


async def test_packets_go_to_every_roles_primary(kinds: Controller, other: Controller) -> None:
    await other.become_primary(1)
    await other.send(packet=ECHO)
    assert (await other.receive()).packet.payload == FRAME
    assert (await kinds.receive()).packet.payload == FRAME


async def test_roles_are_so_many(address: str) -> None:
    for number in range(63):
        async with Controller(address, role=f"role {number}") as client:
            await client.bid(None)
            await client.told()
    async with Controller(address, role="one more") as client:
        await client.bid(None)
        assert await client.end_of_stream() == grpc.StatusCode.RESOURCE_EXHAUSTED
