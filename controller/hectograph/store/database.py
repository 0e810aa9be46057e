# SPDX-License-Identifier: Apache-2.0
"""SQLite behind asyncio: open, load everything, commit one edit at a time.

WAL, so that a reader (a backup, a curious sqlite3) never stops the controller, and
synchronous=FULL: an operation that was acknowledged survives a power cut. NORMAL would
only survive the death of the process. A join costs one fsync; a whole set of members
is one transaction.
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import aiosqlite
from pydantic import ValidationError

from hectograph.core.records import Edit, Record
from hectograph.errors import InvalidInput, Unavailable
from hectograph.paths import PRIVATE_FILE, make_private
from hectograph.store.lock import FileLock
from hectograph.store.rows import TABLES, Table, key
from hectograph.store.schema import APPLICATION_ID, MIGRATIONS


class Store:
    """One controller's database; a second controller is told who has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        self._connection: aiosqlite.Connection | None = None
        self._failed: str | None = None

    async def open(self) -> list[Record]:
        """Take the lock, bring the layout up to date, and return everything, in load order."""
        try:
            await asyncio.to_thread(make_private, self._path.parent)
            await asyncio.to_thread(self._lock.acquire)
            await asyncio.to_thread(_make_private_file, self._path)
        except OSError as error:
            raise Unavailable(f"cannot be opened: {error}", where=str(self._path)) from error
        try:
            # Autocommit: transactions begin and end where the code says so.
            self._connection = await aiosqlite.connect(self._path, isolation_level=None)
            await self._migrate(self._connection)
            return await self._load(self._connection)
        except (sqlite3.Error, ValidationError) as error:
            await self.close()
            raise InvalidInput(
                f"not a usable database: {_first_line(error)}", where=str(self._path)
            ) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        self._lock.release()

    async def commit(self, edit: Edit) -> None:
        """All of the edit or nothing."""
        await self._transaction(lambda connection: self._write(connection, edit))

    async def trouble(self) -> str | None:
        """Why it cannot be written, if it could not be and still cannot."""
        if self._failed:
            with suppress(Unavailable):
                await self._transaction(_touch)
        return self._failed

    async def _transaction(self, work: Callable[[aiosqlite.Connection], Awaitable[None]]) -> None:
        connection = self._connection
        assert connection is not None
        try:
            await connection.execute("BEGIN IMMEDIATE")
            try:
                await work(connection)
                await connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite ends it itself when the disk is full
                    await connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._failed = f"cannot be written: {_first_line(error)}"
            raise Unavailable(self._failed, where=str(self._path)) from error
        self._failed = None

    async def _write(self, connection: aiosqlite.Connection, edit: Edit) -> None:
        """Rows are made in the connection's thread, as executemany() asks for them."""
        for kind, records in groupby(edit.drops, type):
            await connection.executemany(TABLES[kind].delete, map(key, list(records)))
        for kind, records in groupby(edit.puts, type):
            table = TABLES[kind]
            await connection.executemany(table.upsert, map(table.row, list(records)))

    async def _migrate(self, connection: aiosqlite.Connection) -> None:
        version = await _pragma(connection, "user_version")
        application = await _pragma(connection, "application_id")
        if application != (APPLICATION_ID if version else 0):
            raise InvalidInput("the database of another program", where=str(self._path))
        if version > len(MIGRATIONS):
            raise InvalidInput(
                f"made by a newer Hectograph: its layout is {version}, this one knows "
                f"{len(MIGRATIONS)}",
                where=str(self._path),
            )
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            await connection.execute(f"PRAGMA {pragma}")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            await connection.executescript(
                f"BEGIN IMMEDIATE;{script};PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {number};COMMIT;"
            )
        async with connection.execute("PRAGMA quick_check(1)") as cursor:
            result = await cursor.fetchone()
        if result is None or result[0] != "ok":
            raise InvalidInput(f"damaged: {result and result[0]}", where=str(self._path))

    async def _load(self, connection: aiosqlite.Connection) -> list[Record]:
        records: list[Record] = []
        for table in TABLES.values():
            rows = await connection.execute_fetchall(table.select)
            records += await asyncio.to_thread(_decode, table, rows)
        return records


async def _touch(connection: aiosqlite.Connection) -> None:
    """Writes a page, with what it has already."""
    version = await _pragma(connection, "user_version")
    await connection.execute(f"PRAGMA user_version = {version}")


def _make_private_file(path: Path) -> None:
    """Secrets are in it. SQLite gives the files beside it the mode that it finds."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).chmod(PRIVATE_FILE)


def _decode(table: Table, rows: Iterable[sqlite3.Row]) -> list[Record]:
    return [table.decode(row[0]) for row in rows]


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    async with connection.execute(f"PRAGMA {name}") as cursor:
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
