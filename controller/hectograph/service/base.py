# SPDX-License-Identifier: Apache-2.0
"""The controller's life: a database, and the tasks that make everything agree with it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

from hectograph.core.cohorts import CohortSettings
from hectograph.core.model import Host
from hectograph.core.records import Edit, Progress, StreamRecord
from hectograph.core.rotation import Schedule
from hectograph.core.state import State
from hectograph.drivers.base import Driver, PusherDriver
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.errors import InvalidInput, Unavailable
from hectograph.library import Roots
from hectograph.pusher.client import PusherClient
from hectograph.reconciler.fleet import Fleet, FleetOptions
from hectograph.store import Store


class ServiceBase:
    """Starts, stops, and changes the desired state in one step at a time."""

    def __init__(
        self,
        database: Path,
        *,
        artifacts: Path | None = None,
        library: Path | None = None,
        schedule: Schedule | None = None,
        cohorts: CohortSettings | None = None,
        roots: Roots | None = None,
        links: Sequence[str] = (),
        driver: Driver | None = None,
        pusher_driver: PusherDriver | None = None,
    ) -> None:
        """`artifacts`: directory of the compiled pipeline; None takes the installed one.
        `library`: of the contents that are fetched; None takes ``contents`` beside the database.
        `roots`: of the other files that may be served; None: every file is beneath one.
        `links`: interfaces of this machine without which nothing is ready.
        `schedule`: of secrets and filter epochs; None takes the usual one. `cohorts`: likewise.

        The drivers are P4Runtime and the host protocol unless others are given.
        """
        self._database = database
        self._store = Store(database)
        self._artifacts = artifacts
        self._links = links
        self._options = FleetOptions(
            library or database.parent / "contents",
            schedule or Schedule(),
            cohorts or CohortSettings(),
            roots or Roots.everything(),
        )
        self._driver = driver
        self._pusher_driver = pusher_driver
        self._state = State()
        self._lock = asyncio.Lock()
        self._started_fleet: Fleet | None = None

    async def start(self) -> None:
        """Open the database and start the tasks. Conflict: another controller has it open."""
        driver = self._driver or await asyncio.to_thread(_p4runtime_driver, self._artifacts)
        records = await self._store.open()
        try:
            self._state.load(records)
        except KeyError as error:
            await self._store.close()
            raise InvalidInput(
                f"damaged: something refers to {error}, which is not there",
                where=str(self._database),
            ) from error
        pusher_driver = self._pusher_driver or _connect_pusher
        self._started_fleet = Fleet(
            self._state, driver, pusher_driver, self._save_progress, self._edit, self._options
        )
        self._fleet.start()

    async def close(self) -> None:
        """Stop the tasks and close the database. Switches and pushers go on as they are."""
        fleet, self._started_fleet = self._started_fleet, None
        if fleet is not None:
            await fleet.close()
        async with self._lock:
            await self._store.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # Inside

    @property
    def _fleet(self) -> Fleet:
        if self._started_fleet is None:
            raise Unavailable("the controller has not started")
        return self._started_fleet

    async def _put(
        self, creates: Callable[[State], bool], make_edit: Callable[[State], Edit]
    ) -> bool:
        created = False

        def edit(state: State) -> Edit:
            nonlocal created
            made = make_edit(state)
            created = creates(state)
            return made

        await self._edit(edit)
        return created

    async def _edit(self, make_edit: Callable[[State], Edit]) -> None:
        """Decide, commit, apply, tell. A caller that is cancelled does not part them."""
        await asyncio.shield(asyncio.create_task(self._edit_to_the_end(make_edit)))

    async def _edit_to_the_end(self, make_edit: Callable[[State], Edit]) -> None:
        async with self._lock:
            fleet = self._fleet
            edit = make_edit(self._state)
            if edit:
                await self._store.commit(edit)
                self._state.apply(edit)
                fleet.tell(edit)

    async def _store_trouble(self) -> str | None:
        async with self._lock:
            return await self._store.trouble()

    async def _save_progress(self, record: StreamRecord, progress: Progress) -> None:
        """Unless the stream was deleted or changed meanwhile."""

        def edit(state: State) -> Edit:
            now = state.streams.get(record.stream.name)
            if now is None or now.run != record.run:
                return Edit()
            return Edit(puts=(replace(now, progress=progress),))

        await self._edit(edit)


def _p4runtime_driver(artifacts: Path | None) -> Driver:
    directory = artifacts or Path(str(files("hectograph"))) / "artifacts" / "v1model"
    return P4RuntimeDriver(directory / "hectograph.p4info.txtpb", directory / "hectograph.json")


def _connect_pusher(host: Host) -> PusherClient:
    return PusherClient(Path(host.control))
