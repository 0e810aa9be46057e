# SPDX-License-Identifier: Apache-2.0
"""P4Runtime specification, "Client Arbitration and Controller Replication"."""

import asyncio

import grpc
import pytest
from finsy.proto import U128, p4r
from google.protobuf.any_pb2 import Any
from p4client import Controller, load_config

from hectograph.switch.arbitration import Arbiter, Client

OK, NOT_FOUND, ALREADY_EXISTS = 0, 5, 6


async def test_first_client_is_primary(controller: Controller) -> None:
    await controller.bid(7)
    assert await controller.told() == (OK, 7)


async def test_lower_id_is_backup(address: str, controller: Controller) -> None:
    await controller.become_primary(7)
    async with Controller(address) as backup:
        await backup.bid(6)
        assert await backup.told() == (ALREADY_EXISTS, 7)


async def test_who_was_outbid_before_it_was_crowned_is_not_primary() -> None:
    """Writes of the last primary are waited for in between; others may bid meanwhile."""
    arbiter, clients = Arbiter(device_id=1), [Client(), Client()]
    for client, election_id in zip(clients, (7, 8), strict=True):
        bid = p4r.MasterArbitrationUpdate(device_id=1, election_id=U128.encode(election_id))
        assert arbiter.bid(client, bid)
    arbiter.crown(clients[0])
    assert arbiter.primary is None
    arbiter.crown(clients[1])
    assert arbiter.primary is clients[1]


async def test_higher_id_takes_over_and_the_last_primary_is_told(
    address: str, controller: Controller
) -> None:
    await controller.become_primary(7)
    async with Controller(address) as other:
        await other.become_primary(8)
        assert await controller.told() == (ALREADY_EXISTS, 8)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await controller.set_config(load_config("kinds"))
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_ids_are_128_bits(address: str, controller: Controller) -> None:
    await controller.become_primary(0xFFFF_FFFF_FFFF_FFFF)
    async with Controller(address) as other:
        await other.become_primary(1 << 64)
        assert await controller.told() == (ALREADY_EXISTS, 1 << 64)


async def test_backups_are_told_when_the_primary_goes(address: str) -> None:
    async with Controller(address) as backup:
        async with Controller(address) as primary:
            await primary.become_primary(7)
            await backup.bid(6)
            assert await backup.told() == (ALREADY_EXISTS, 7)
        assert await backup.told() == (NOT_FOUND, 7)
        # Only the highest id ever seen, or a higher one, makes a primary.
        await backup.bid(6)
        assert await backup.told() == (NOT_FOUND, 7)
        await backup.bid(7)
        assert await backup.told() == (OK, 7)


async def test_half_closed_stream_is_the_end_of_the_client(address: str) -> None:
    async with Controller(address) as backup, Controller(address) as primary:
        await primary.become_primary(7)
        await backup.bid(6)
        await backup.told()
        await primary.stream.done_writing()
        assert await primary.end_of_stream() == grpc.StatusCode.OK
        assert await backup.told() == (NOT_FOUND, 7)


async def test_primary_that_lowers_its_id_steps_down(address: str, controller: Controller) -> None:
    await controller.become_primary(7)
    async with Controller(address) as backup:
        await backup.bid(3)
        await backup.told()
        await controller.bid(5)
        assert await controller.told() == (NOT_FOUND, 7)
        assert await backup.told() == (NOT_FOUND, 7)


async def test_primary_that_bids_again_stays_and_all_are_told(
    address: str, controller: Controller
) -> None:
    await controller.become_primary(7)
    async with Controller(address) as backup:
        await backup.bid(3)
        await backup.told()
        await controller.bid(9)
        assert await controller.told() == (OK, 9)
        assert await backup.told() == (ALREADY_EXISTS, 9)


async def test_unset_id_never_is_primary(address: str, controller: Controller) -> None:
    await controller.bid(None)
    assert await controller.told() == (NOT_FOUND, None)
    async with Controller(address) as another:
        await another.bid(None)
        assert await another.told() == (NOT_FOUND, None)
        await another.bid(0)
        assert await another.told() == (OK, 0)
        assert await controller.told() == (ALREADY_EXISTS, 0)


async def test_same_id_twice_ends_the_second_stream(address: str, controller: Controller) -> None:
    await controller.become_primary(7)
    async with Controller(address) as other:
        await other.bid(7)
        assert await other.end_of_stream() == grpc.StatusCode.INVALID_ARGUMENT
        assert "election id 7 is used" in str(await other.stream.details())
    # The first is untouched.
    await controller.bid(7)
    assert await controller.told() == (OK, 7)


async def test_taking_a_used_id_later_ends_the_stream_too(
    address: str, controller: Controller
) -> None:
    await controller.become_primary(7)
    async with Controller(address) as other:
        await other.bid(6)
        await other.told()
        await other.bid(7)
        assert await other.end_of_stream() == grpc.StatusCode.INVALID_ARGUMENT


ARBITRATION_ERRORS = {
    "unknown device": (
        [p4r.MasterArbitrationUpdate(device_id=2)],
        grpc.StatusCode.NOT_FOUND,
    ),
    "device 0": ([p4r.MasterArbitrationUpdate()], grpc.StatusCode.NOT_FOUND),
    "device changes": (
        [p4r.MasterArbitrationUpdate(device_id=1), p4r.MasterArbitrationUpdate(device_id=2)],
        grpc.StatusCode.FAILED_PRECONDITION,
    ),
    "role by number": (
        [p4r.MasterArbitrationUpdate(device_id=1, role=p4r.Role(id=3))],
        grpc.StatusCode.UNIMPLEMENTED,
    ),
    "config of a role": (
        [p4r.MasterArbitrationUpdate(device_id=1, role=p4r.Role(name="sdn", config=Any()))],
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "role becomes the default one": (
        [
            p4r.MasterArbitrationUpdate(device_id=1, role=p4r.Role(name="sdn")),
            p4r.MasterArbitrationUpdate(device_id=1),
        ],
        grpc.StatusCode.FAILED_PRECONDITION,
    ),
    "role changes": (
        [
            p4r.MasterArbitrationUpdate(device_id=1),
            p4r.MasterArbitrationUpdate(device_id=1, role=p4r.Role(name="sdn")),
        ],
        grpc.StatusCode.FAILED_PRECONDITION,
    ),
    "config of the default role": (
        [p4r.MasterArbitrationUpdate(device_id=1, role=p4r.Role(config=Any()))],
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
}


@pytest.mark.parametrize(
    ("updates", "code"), ARBITRATION_ERRORS.values(), ids=ARBITRATION_ERRORS.keys()
)
async def test_bad_update_ends_the_stream(
    controller: Controller, updates: list[p4r.MasterArbitrationUpdate], code: grpc.StatusCode
) -> None:
    for update in updates:
        await controller.send(arbitration=update)
    assert await controller.end_of_stream() == code


async def test_too_many_streams(address: str) -> None:
    clients = [Controller(address) for _ in range(64)]
    try:
        for client in clients:
            await client.bid(None)
            await client.told()
        async with Controller(address) as one_more:
            await one_more.bid(None)
            assert await one_more.end_of_stream() == grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


async def test_write_checks_in_the_specifications_order(controller: Controller) -> None:
    """NOT_FOUND before PERMISSION_DENIED before FAILED_PRECONDITION before the rest."""

    async def code(request: p4r.WriteRequest) -> grpc.StatusCode:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await controller.stub.Write(request)
        return caught.value.code()

    request = p4r.WriteRequest(device_id=2, atomicity=p4r.WriteRequest.ROLLBACK_ON_ERROR)
    assert await code(request) == grpc.StatusCode.NOT_FOUND
    request.device_id = 1
    request.role = "sdn"
    assert await code(request) == grpc.StatusCode.NOT_FOUND
    request.role = ""
    assert await code(request) == grpc.StatusCode.PERMISSION_DENIED
    await controller.become_primary(1)
    assert await code(request) == grpc.StatusCode.PERMISSION_DENIED  # no id in the request
    request.election_id.CopyFrom(U128.encode(1))
    assert await code(request) == grpc.StatusCode.FAILED_PRECONDITION
    await controller.set_config(load_config("kinds"))
    await controller.stub.Write(request)


async def test_new_primary_waits_for_the_last_ones_writes(address: str, kinds: Controller) -> None:
    """A batch that had begun ends; what comes after it is denied."""
    counter = p4r.Entity(
        counter_entry=p4r.CounterEntry(
            counter_id=load_config("kinds").p4info.counters[0].preamble.id,
            index=p4r.Index(index=0),
            data=p4r.CounterData(packet_count=1),
        )
    )
    request = kinds.write_request(*[p4r.Update(type=p4r.Update.MODIFY, entity=counter)] * 20_000)
    writing = asyncio.ensure_future(kinds.stub.Write(request))
    await asyncio.sleep(0.05)
    async with Controller(address) as other:
        await other.become_primary(5)
        await writing
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await kinds.write()
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
