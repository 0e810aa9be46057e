# SPDX-License-Identifier: Apache-2.0
"""A switch in memory that answers as P4Runtime has it, and fails as it is told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import finsy

from hectograph.core.entities import (
    Change,
    FlowSecrets,
    HostPort,
    MemberEntry,
    MulticastGroup,
    Operation,
    PuntMeter,
    PushGroup,
    Service,
    Tables,
    TcpMeter,
    key,
)
from hectograph.core.flows import FlowState
from hectograph.core.model import Switch
from hectograph.core.status import CounterValue
from hectograph.drivers import codec
from hectograph.drivers.base import PacketIn, Readings, Refusal, WriteResult
from hectograph.errors import InvalidInput, Unavailable

P4INFO = Path(__file__).parents[4] / "p4/build/v1model/hectograph.p4info.txtpb"
SCHEMA = finsy.P4Schema(P4INFO)


class FakeSwitch:
    """The device. Its knobs may be turned at any time."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.pipeline = False
        self.reachable = True
        self.pipeline_refused = False
        self.other_primary = False
        self.refuse: Callable[[Change], str | None] = lambda _: None
        self.history: list[Change] = []
        self.sessions: list[FakeSession] = []
        self.packets: asyncio.Queue[PacketIn] = asyncio.Queue()
        self.packets_lost = 0
        self.handshakes: asyncio.Queue[FlowState] = asyncio.Queue()
        self.sent: list[tuple[int, bytes]] = []
        self.counters = CounterValue()

    @asynccontextmanager
    async def __call__(self, switch: Switch) -> AsyncGenerator["FakeSession", None]:
        """The driver."""
        if not self.reachable:
            raise Unavailable(f"connect to {switch.address}: refused")
        session = FakeSession(self)
        self.sessions.append(session)
        try:
            yield session
        finally:
            self.sessions.remove(session)

    def vanish(self) -> None:
        self.reachable = False
        for session in self.sessions:
            session.news.set()

    def restart(self) -> None:
        """Killed and started again: empty, and every connection is gone."""
        self.tables = Tables()
        self.pipeline = False
        for session in self.sessions:
            session.lost = True
            session.news.set()
        self.reachable = True

    def set_other_primary(self, *, there: bool) -> None:
        self.other_primary = there
        for session in self.sessions:
            session.news.set()

    def write(self, change: Change) -> Refusal | None:
        if reason := self.refuse(change):
            return Refusal(reason, stale=False)
        there = holds(self.tables, change)
        if change.operation is Operation.INSERT and there:
            return Refusal("ALREADY_EXISTS", stale=True)
        if change.operation is not Operation.INSERT and not there:
            return Refusal("NOT_FOUND", stale=True)
        self.tables.apply(change)
        self.history.append(change)
        return None


def holds(tables: Tables, change: Change) -> bool:
    """Is there an entity with this key?"""
    match change.entity:
        case HostPort(port):
            return port in tables.host_ports
        case PushGroup(group):
            return group in tables.push_groups
        case MemberEntry(group, instance):
            return instance in tables.members.get(group, {})
        case MulticastGroup(id_):
            return id_ in tables.trees
        case PuntMeter() | TcpMeter() | FlowSecrets():
            return True
        case entity:
            return key(entity) in tables.tcp


class FakeSession:
    def __init__(self, switch: FakeSwitch) -> None:
        self._switch = switch
        self.lost = False
        self.news = asyncio.Event()

    def _check(self) -> None:
        if self.lost or not self._switch.reachable:
            raise Unavailable("connection lost")

    @property
    def is_primary(self) -> bool:
        return not self._switch.other_primary

    async def changed(self) -> None:
        await self.news.wait()
        self.news.clear()
        self._check()

    async def ensure_pipeline(self) -> bool:
        self._check()
        if self._switch.pipeline_refused:
            raise InvalidInput("the switch refused the pipeline: no such extern")
        was_there, self._switch.pipeline = self._switch.pipeline, True
        return not was_there

    async def read(self) -> Tables:
        await asyncio.sleep(0)
        self._check()
        copy = Tables()
        for port in self._switch.tables.host_ports:
            copy.put(HostPort(port))
        for group, tree in self._switch.tables.push_groups.items():
            copy.put(PushGroup(group, tree))
        for tree, replicas in self._switch.tables.trees.items():
            copy.put(MulticastGroup(tree, replicas))
        for entries in self._switch.tables.members.values():
            for entry in entries.values():
                copy.put(entry)
        for meter in self._switch.tables.meters.values():
            copy.put(meter)
        for entity in self._switch.tables.tcp.values():
            copy.put(entity)
        return copy

    async def write(self, changes: Sequence[Change], *, at_once: int = 256) -> WriteResult:  # noqa: ARG002
        await asyncio.sleep(0)
        self._check()
        size = sum(codec.encode_change(change, SCHEMA).ByteSize() for change in changes)
        return WriteResult([self._switch.write(change) for change in changes], 1, size)

    async def read_counters(self) -> Readings:
        self._check()
        tables, value = self._switch.tables, self._switch.counters
        return Readings(
            ingress_drops={1: value},
            egress_drops={},
            trees=await self.read_pushes(),
            members={
                (tree, instance): value
                for tree, entries in tables.members.items()
                for instance in entries
            },
            contents={e.content: value for e in tables.tcp.values() if isinstance(e, Service)},
        )

    async def read_pushes(self) -> Mapping[int, CounterValue]:
        self._check()
        return dict.fromkeys(self._switch.tables.push_groups, self._switch.counters)

    @property
    def packets_lost(self) -> int:
        return self._switch.packets_lost

    async def packets(self) -> AsyncIterator[PacketIn]:
        while True:
            yield await self._switch.packets.get()

    async def handshakes(self) -> AsyncIterator[FlowState]:
        while True:
            yield await self._switch.handshakes.get()

    async def send(self, port: int, frame: bytes) -> None:
        self._check()
        self._switch.sent.append((port, frame))
