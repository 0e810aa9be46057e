# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged is there, whatever happens; what is not ours is left alone."""

import asyncio
import os
import signal
import sqlite3
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import aiosqlite
import pytest
from fakes.examples import GROUP, HOST, SOURCE, STREAM, SWITCH, member

from hectograph.core import edits
from hectograph.core.model import Tls, UdpSource
from hectograph.core.records import Edit, Progress
from hectograph.core.state import State
from hectograph.errors import Conflict, InvalidInput, Unavailable
from hectograph.store import Store
from hectograph.store.schema import APPLICATION_ID, MIGRATIONS

TLS = Tls("/etc/ca.pem", "/etc/c.pem", "/etc/c.key")
WRITER = """
import asyncio, sys
from pathlib import Path
from fakes.examples import GROUP, SWITCH, member
from hectograph.core import edits
from hectograph.core.state import State
from hectograph.store import Store

async def main():
    store, state = Store(Path(sys.argv[1])), State()
    state.load(await store.open())
    async def do(edit):
        await store.commit(edit)
        state.apply(edit)
    await do(edits.put_switch(state, SWITCH))
    await do(edits.put_group(state, GROUP))
    for index in range(1, 100_000):
        await do(edits.put_member(state, member(index)))
        print(index, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "controller.db"


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes | bytearray) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


async def load(path: Path) -> State:
    store, state = Store(path), State()
    state.load(await store.open())
    await store.close()
    return state


async def fill(path: Path) -> State:
    store, state = Store(path), State()
    state.load(await store.open())
    sensor = replace(
        STREAM, name="sensor", source=UdpSource(IPv4Address("239.1.1.1"), 7000, "eth1")
    )
    for make in (
        lambda: edits.put_switch(state, replace(SWITCH, ports=frozenset(range(1, 10)), tls=TLS)),
        lambda: edits.put_host(state, HOST),
        lambda: edits.put_group(state, GROUP),
        lambda: edits.put_members(state, "g", [member(i) for i in range(1, 6)]),
        lambda: edits.put_member(state, replace(member(1), vlan=7, priority=3, source=SOURCE)),
        lambda: edits.delete_member(state, "g", "m2"),
        lambda: edits.put_stream(state, STREAM, "0a"),
        lambda: edits.put_stream(state, sensor, "0b"),
        lambda: Edit(puts=(replace(state.stream("film"), progress=Progress(True, 5, 5)),)),
    ):
        edit = make()
        await store.commit(edit)
        state.apply(edit)
    await store.close()
    return state


def shape(state: State) -> dict[str, object]:
    """Everything in it, comparable."""
    return {
        "switches": {name: s.record for name, s in state.switches.items()},
        "trees": {n: t.record for s in state.switches.values() for n, t in s.trees.items()},
        "hosts": state.hosts,
        "groups": {name: g.group for name, g in state.groups.items()},
        "members": {name: g.members for name, g in state.groups.items()},
        "streams": state.streams,
    }


async def test_everything_comes_back(path: Path) -> None:
    filled = await fill(path)
    assert shape(await load(path)) == shape(filled)


async def test_a_switch_from_before_tls(path: Path) -> None:
    await fill(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE switch SET document = json_remove(document, '$.switch.tls')")
    connection.close()
    assert (await load(path)).switch("s1").switch.tls is None


async def test_deleting_everything_leaves_nothing(path: Path) -> None:
    state = await fill(path)
    store = Store(path)
    await store.open()
    for name in ("film", "sensor"):
        edit = edits.delete_stream(state, name)
        await store.commit(edit)
        state.apply(edit)
    for make in (
        lambda: edits.delete_group(state, "g"),
        lambda: edits.delete_host(state, "h1"),
        lambda: edits.delete_switch(state, "s1"),
    ):
        edit = make()
        await store.commit(edit)
        state.apply(edit)
    await store.close()
    assert shape(await load(path)) == shape(State())


async def test_an_edit_is_all_or_nothing(path: Path) -> None:
    state = await fill(path)
    store = Store(path)
    await store.open()
    unwritable = replace(state.member("g", "m3"), slot=object())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="serialize"):
        await store.commit(Edit(drops=(state.member("g", "m1"),), puts=(unwritable,)))
    await store.commit(Edit(puts=(state.member("g", "m1"),)))  # it stands in nobody's way
    await store.close()
    assert shape(await load(path)) == shape(state)


async def test_killed_in_the_middle(path: Path) -> None:
    """Every join that was acknowledged before kill -9 is there, and the next one fits."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    acknowledged = 0
    while acknowledged < 50:
        line = await writer.stdout.readline()
        assert line, "the writer ended by itself"
        acknowledged = int(line)
    writer.send_signal(signal.SIGKILL)
    rest = await writer.stdout.read()
    acknowledged = max([acknowledged, *map(int, rest.split(b"\n")[:-1])])
    await writer.wait()

    state = await load(path)
    known = len(state.group("g").members)
    assert acknowledged <= known <= acknowledged + 1
    state.apply(edits.put_member(state, member(known + 1)))
    assert state.member("g", f"m{known + 1}").slot.instance == known + 1


async def test_a_second_controller_is_told_who_has_it(path: Path) -> None:
    store = Store(path)
    await store.open()
    with pytest.raises(Conflict, match=f"process {os.getpid()}") as caught:
        await Store(path).open()
    assert caught.value.where == str(path)
    await store.close()
    await load(path)


async def test_a_newer_layout(path: Path) -> None:
    await fill(path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(InvalidInput, match="made by a newer Hectograph") as caught:
        await Store(path).open()
    assert caught.value.where == str(path)
    with pytest.raises(InvalidInput, match="newer"):  # and the lock was let go
        await Store(path).open()


async def test_another_programs_database(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 3")
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(InvalidInput, match="another program"):
        await Store(path).open()


async def test_no_database_at_all(path: Path) -> None:
    letter = b"this is a letter to my aunt\n" * 100
    write(path, letter)
    with pytest.raises(InvalidInput, match="not a usable database: file is not a database"):
        await Store(path).open()
    assert read(path) == letter


async def test_a_damaged_document(path: Path) -> None:
    await fill(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE member SET document = '{}' WHERE name = 'm3'")
    connection.close()
    with pytest.raises(InvalidInput, match=r"not a usable database: .* MemberRecord"):
        await Store(path).open()


async def test_a_damaged_page(path: Path) -> None:
    await fill(path)
    content = bytearray(read(path))
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = bytes(64)
    write(path, content)
    with pytest.raises(InvalidInput):
        await Store(path).open()


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be made"):
        await Store(tmp_path / "file" / "controller.db").open()


async def test_it_is_marked_as_ours_and_in_wal_mode(path: Path) -> None:
    await fill(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_a_full_disk_is_said_and_forgotten_when_there_is_room(path: Path) -> None:
    store, state = Store(path), State()
    state.load(await store.open())
    edit = edits.put_switch(state, SWITCH)
    await store.commit(edit)
    state.apply(edit)
    connection = store._connection  # pyright: ignore[reportPrivateUsage]
    assert connection is not None
    await _limit_pages(connection, 0)
    big = Edit(puts=(replace(HOST, control="/" + 20_000 * "x"),))
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be written: database or disk is full"):
            await store.commit(big)
        assert not connection.in_transaction
    await connection.execute("PRAGMA query_only = 1")  # now not even a page
    assert "cannot be written" in (await store.trouble() or "")
    await connection.execute("PRAGMA query_only = 0")
    assert await store.trouble() is None
    await _limit_pages(connection, 1000)
    await store.commit(big)
    await store.close()


async def _limit_pages(connection: aiosqlite.Connection, more: int) -> None:
    async with connection.execute("PRAGMA page_count") as cursor:
        row = await cursor.fetchone()
    assert row is not None
    await connection.execute(f"PRAGMA max_page_count = {row[0] + more}")
