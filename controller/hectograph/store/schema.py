# SPDX-License-Identifier: Apache-2.0
"""The database's layout, and how an older one becomes it.

A table for each kind of record: what identifies it, and the record as JSON, which
SQLite's own JSON functions can look into. SQLite's user_version is the number of
migrations that were applied: add to the end, never change one.
"""

APPLICATION_ID = 0x48454354
"""``HECT``: tells our databases from others (PRAGMA application_id)."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE switch (
        name TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE host (
        name TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE "group" (
        name TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tree (
        switch TEXT NOT NULL,
        id INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (switch, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE member (
        "group" TEXT NOT NULL,
        name TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY ("group", name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE stream (
        name TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE secrets (
        switch TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE content (
        name TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE cohort_numbers (
        switch TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)
