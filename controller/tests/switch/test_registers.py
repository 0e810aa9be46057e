# SPDX-License-Identifier: Apache-2.0
"""Registers over P4Runtime: what packets wrote is read, what is written is there."""

import time

import pytest
import state_program
from finsy.proto import p4d, p4r, rpc_code
from p4client import Controller, delete, insert, modify
from state_program import BALANCE, CELLS, LAST, WIDE

from hectograph.switch.native import Switch

Code = rpc_code


def cell(register: int, index: int | None = None, value: bytes | None = None) -> p4r.Entity:
    entry = p4r.RegisterEntry(register_id=register)
    if index is not None:
        entry.index.index = index
    if value is not None:
        entry.data.bitstring = value
    return p4r.Entity(register_entry=entry)


@pytest.fixture
async def client(primary: Controller) -> Controller:
    await primary.set_config(state_program.config())
    return primary


async def values(client: Controller, register: int) -> list[bytes]:
    entities = await client.read(cell(register))
    assert [each.register_entry.index.index for each in entities] == list(range(CELLS))
    assert {each.register_entry.register_id for each in entities} == {register}
    return [each.register_entry.data.bitstring for each in entities]


async def test_cells_are_zero_at_first_and_written_one_or_all(client: Controller) -> None:
    assert await values(client, LAST) == [b"\0"] * CELLS
    await client.write(modify(cell(LAST, 3, b"\x0f\xff")), modify(cell(WIDE, 0, b"\x01")))
    assert await values(client, LAST) == [b"\0"] * 3 + [b"\x0f\xff"] + [b"\0"] * 4
    assert await client.read(cell(LAST, 3)) == [cell(LAST, 3, b"\x0f\xff")]
    await client.write(modify(cell(LAST, value=b"\x07")))
    assert await values(client, LAST) == [b"\x07"] * CELLS
    assert await values(client, WIDE) == [b"\x01"] + [b"\0"] * 7


async def test_all_registers_are_read_at_once(client: Controller) -> None:
    entities = await client.read(cell(0))
    ids = [each.register_entry.register_id for each in entities]
    assert ids == [LAST] * CELLS + [WIDE] * CELLS + [BALANCE] * CELLS


async def test_packets_write_them(client: Controller, native_switch: Switch) -> None:
    source = bytes.fromhex("0a0b0c0d0e0f")
    native_switch.cpu_send(bytes(5) + b"\x06" + source + b"\xfa\xbc" + bytes(46))
    deadline = time.monotonic() + 5
    while (await values(client, WIDE))[6] != source:
        assert time.monotonic() < deadline
    assert (await values(client, LAST))[6] == b"\x0a\xbc"


@pytest.mark.parametrize(
    ("written", "read"),
    [(b"\x00", b"\x00"), (b"\xff", b"\xff"), (b"\xff\xff\xff", b"\xff"), (b"\x01\xff", b"\x01\xff"),
     (b"\xfe\x00", b"\xfe\x00"), (b"\x00\x80", b"\x00\x80"), (b"\x80", b"\x80")],
)  # fmt: skip
async def test_signed_cells(client: Controller, written: bytes, read: bytes) -> None:
    await client.write(modify(cell(BALANCE, 1, written)))
    assert await client.read(cell(BALANCE, 1)) == [cell(BALANCE, 1, read)]


def other(register: int, data: p4d.P4Data) -> p4r.Entity:
    return p4r.Entity(register_entry=p4r.RegisterEntry(register_id=register, data=data))


BAD: dict[str, tuple[p4r.Update, int]] = {
    "too wide": (modify(cell(LAST, 0, b"\x10\x00")), Code.OUT_OF_RANGE),
    "empty": (modify(cell(LAST, 0, b"")), Code.OUT_OF_RANGE),
    "signed and too large": (modify(cell(BALANCE, 0, b"\x02\x00")), Code.OUT_OF_RANGE),
    "signed and too small": (modify(cell(BALANCE, 0, b"\xfd\xff")), Code.OUT_OF_RANGE),
    "signed and empty": (modify(cell(BALANCE, 0, b"")), Code.OUT_OF_RANGE),
    "another type": (modify(other(LAST, p4d.P4Data(bool=True))), Code.INVALID_ARGUMENT),
    "no data": (modify(cell(LAST, 0)), Code.INVALID_ARGUMENT),
    "beyond the end": (modify(cell(LAST, CELLS, b"\1")), Code.OUT_OF_RANGE),
    "before the start": (modify(cell(LAST, -1, b"\1")), Code.INVALID_ARGUMENT),
    "inserted": (insert(cell(LAST, 0, b"\1")), Code.INVALID_ARGUMENT),
    "deleted": (delete(cell(LAST, 0, b"\1")), Code.INVALID_ARGUMENT),
    "unknown": (modify(cell(LAST + 9, 0, b"\1")), Code.INVALID_ARGUMENT),
    "none": (modify(cell(0, 0, b"\1")), Code.INVALID_ARGUMENT),
}


@pytest.mark.parametrize(("update", "code"), BAD.values(), ids=BAD.keys())
async def test_bad_writes(client: Controller, update: p4r.Update, code: int) -> None:
    assert await client.write_codes(update) == [code]
    assert await values(client, LAST) == [b"\0"] * CELLS
