# SPDX-License-Identifier: Apache-2.0
"""Flows of hosts in memory: who is given which, and from what is known of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from fakes.examples import HOST, SERVING_SWITCH
from fakes.pusher import FakePusher
from fakes.waiting import until

from hectograph.core import edits
from hectograph.core.entities import Entity, Service, ServiceHost, Tables
from hectograph.core.flows import FlowKey, FlowState
from hectograph.core.state import State
from hectograph.core.status import HostState
from hectograph.reconciler import handover as handover_module
from hectograph.reconciler import host as host_module
from hectograph.reconciler.handover import Handover, Learnt
from hectograph.reconciler.host import HostReconciler
from hectograph.reconciler.roster import Roster
from hectograph.reconciler.stream import GroupReadiness

PORTS = {1: "h1", 9: "h2"}
CONTENT = 5


def flow(client_port: int) -> FlowState:
    key = FlowKey(IPv4Address("203.0.113.1"), client_port, IPv4Address("198.51.100.7"), 80)
    return FlowState(key, CONTENT, 2, "", "", 0, 0, 0)


def tables(port: int | None) -> Tables:
    """All buckets of the content's hosts at this port; None: of an empty switch."""
    made = Tables()
    if port is not None:
        entities: list[Entity] = [ServiceHost(1, bucket, port, port) for bucket in range(16)]
        for entity in (*entities, Service(IPv6Address(1), 80, CONTENT, 128, 1)):
            made.put(entity)
    return made


class Lab:
    """Two hosts and the handing over between them."""

    def __init__(self) -> None:
        self.state = State()
        self.state.apply(edits.put_switch(self.state, SERVING_SWITCH))
        self.pushers = {port: FakePusher() for port in PORTS}
        self.hosts = {port: self._host(port, name) for port, name in PORTS.items()}
        self.learnt = Learnt()
        self.handover = Handover(self.hosts.get, self.learnt)

    def _host(self, port: int, name: str) -> HostReconciler:
        self.state.apply(
            edits.put_host(self.state, replace(HOST, name=name, port=port, control=f"/run/{name}"))
        )
        roster = Roster(lambda _: None)
        roster.add(name)

        async def save(*_: object) -> None: ...

        return HostReconciler(
            name,
            self.state,
            self.pushers[port],
            roster,
            lambda _: GroupReadiness(),
            save,
            lambda: True,
        )

    async def move(self, before: int | None, after: int) -> None:
        handings = await self.handover.begin(tables(before), tables(after))
        await self.handover.finish(handings)

    async def dies(self, port: int) -> None:
        self.pushers[port].reachable = False
        await until(lambda: self.hosts[port].status().state is HostState.CONNECTING)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    """Hosts are looked at all the time."""
    monkeypatch.setattr(host_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(host_module, "LIST_SECONDS", 0.01)
    lab = Lab()
    async with AsyncExitStack() as running:
        for host in lab.hosts.values():
            task = asyncio.create_task(host.run())
            running.push_async_callback(asyncio.gather, task, return_exceptions=True)
            running.callback(task.cancel)
        for host in lab.hosts.values():
            await until(lambda host=host: host.status().state is HostState.READY)
        yield lab


async def test_what_a_host_said_last_is_given_to_who_replaces_it(lab: Lab) -> None:
    lists = lab.pushers[1].lists
    lab.pushers[1].flows = [flow(1), flow(2)]
    await until(lambda: lab.pushers[1].lists > lists + 1)
    await lab.dies(1)
    await lab.move(1, 9)
    assert lab.pushers[9].flows == [flow(1), flow(2)]
    assert len(lab.pushers[9].adopted) == 2, "before the buckets move, and after"


async def test_what_the_switch_told_and_the_host_never_did(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.dies(1)
    lab.learnt.add(flow(3))
    await lab.move(1, 9)
    assert lab.pushers[9].flows == [flow(3)]
    monkeypatch.setattr(handover_module, "LEARNT_SECONDS", 0.0)
    lab.pushers[9].flows.clear()
    await lab.move(1, 9)
    assert lab.pushers[9].flows == [], "its host would have listed it since"


async def test_a_host_that_lives_forgets_what_it_gave(lab: Lab) -> None:
    lab.pushers[9].flows = [flow(1)]
    await lab.move(9, 1)
    assert lab.pushers[1].flows == [flow(1)]
    assert lab.pushers[9].flows == []


async def test_a_switch_that_lost_its_buckets_has_their_flows_asked_again(lab: Lab) -> None:
    """Once they stand again, and by nobody else."""
    lab.pushers[1].flows = [flow(1)]
    handings = await lab.handover.begin(tables(None), tables(1))
    assert lab.pushers[1].adopted == []
    await lab.handover.finish(handings)
    assert lab.pushers[1].adopted == [[flow(1)]]
    assert lab.pushers[1].flows == [flow(1)]
    assert lab.pushers[9].adopted == []
