# SPDX-License-Identifier: Apache-2.0
"""The API on a service that keeps what it is told and does nothing with it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from fakes.cohorts import FakeCohort, cohort_member

from hectograph.api.app import create_app
from hectograph.config import Settings
from hectograph.core.cohort_status import (
    HostCohorts,
    ListedCohort,
    SwitchEntries,
    host_cohorts,
)
from hectograph.core.cohorts import CohortEntry
from hectograph.core.flows import FlowKey, FlowPhase, FlowState, HostedFlow, HostLink
from hectograph.core.histogram import Histogram
from hectograph.core.hosted_cohort import Refusal
from hectograph.core.model import Content, Group, Host, Member, Stream, Switch
from hectograph.core.status import (
    ApplyState,
    ContentStage,
    ContentStatus,
    CounterValue,
    GroupStatus,
    HostedContent,
    HostState,
    HostStatus,
    MemberCounter,
    MemberStatus,
    PortDrops,
    SecretsStatus,
    SetChange,
    Slot,
    StreamState,
    StreamStatus,
    SwitchCounters,
    SwitchState,
    SwitchStatus,
    TreeCounter,
    TreeStatus,
)
from hectograph.errors import NotFound
from hectograph.service import Service

TREE = 7

CLOCK = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)

Wanted = TypeVar("Wanted", Switch, Host, Group, Stream, Content)


FLOW = FlowState(
    key=FlowKey(IPv6Address("2001:db8::c"), 40000, IPv4Address("198.51.100.1"), 8001),
    content=1,
    port=2,
    client_mac="02:00:00:00:01:00",
    service_mac="02:00:00:00:00:aa",
    secret=1,
    constants=0x52,
    acknowledgement=1,
    phase=FlowPhase.RESPONSE,
    acked=128,
    sent=256,
    length=1024,
    window=65535,
    congestion_window=14080,
    rtt_seconds=0.001,
    recovering=False,
)


def running_cohort(host: str, content: str | None, members: int) -> ListedCohort:
    cohort = FakeCohort(7)
    cohort.join(cohort_member(1), cohort_member(2))
    cohort.enter(CohortEntry(7, (8192,), (1,)))
    return ListedCohort(host, content, cohort.state(), tuple(cohort.member_states()[:members]))


class KeepingService(Service):
    def __init__(self) -> None:
        self.switches: dict[str, Switch] = {}
        self.hosts: dict[str, Host] = {}
        self.groups: dict[str, Group] = {}
        self.members: dict[str, dict[str, Member]] = {}
        self.streams: dict[str, Stream] = {}
        self.contents: dict[str, Content] = {}
        self.reset: list[bool] = []
        """Of each content that was deleted."""
        self.secrets: dict[str, SecretsStatus] = {}

    async def ready(self) -> list[str]:
        return [f"switch {name}: connecting" for name in self.switches]

    async def list_switches(self) -> list[Switch]:
        return list(self.switches.values())

    async def get_switch(self, name: str) -> Switch:
        return _find(self.switches, name)

    async def put_switch(self, switch: Switch) -> bool:
        return _put(self.switches, switch)

    async def delete_switch(self, name: str) -> None:
        _find(self.switches, name)
        del self.switches[name]

    async def secrets_status(self, switch: str) -> SecretsStatus | None:
        _find(self.switches, switch)
        return self.secrets.get(switch)

    async def rotate_secrets(self, switch: str) -> SecretsStatus:
        now = await self.secrets_status(switch) or SecretsStatus(switch, 0, CLOCK, 1, CLOCK)
        self.secrets[switch] = replace(now, number=now.number + 1)
        return self.secrets[switch]

    async def advance_epoch(self, switch: str) -> SecretsStatus:
        now = await self.secrets_status(switch) or SecretsStatus(switch, 0, CLOCK, 1, CLOCK)
        self.secrets[switch] = replace(now, epoch=now.epoch + 1)
        return self.secrets[switch]

    async def switch_status(self, name: str) -> SwitchStatus:
        _find(self.switches, name)
        drops = (PortDrops(1, "host1", "rx", 474),)
        return SwitchStatus(name, SwitchState.READY, None, port_drops=drops)

    async def list_hosts(self) -> list[Host]:
        return list(self.hosts.values())

    async def get_host(self, name: str) -> Host:
        return _find(self.hosts, name)

    async def put_host(self, host: Host) -> bool:
        return _put(self.hosts, host)

    async def delete_host(self, name: str) -> None:
        _find(self.hosts, name)
        del self.hosts[name]

    async def host_status(self, name: str) -> HostStatus:
        _find(self.hosts, name)
        return HostStatus(
            name,
            HostState.CONNECTING,
            "no such file",
            flows=3,
            flow_counters={"pulls": 7},
            link=HostLink(True, 70, 12, 0.0005, 0.0001, 2),
        )

    async def list_groups(self) -> list[Group]:
        return list(self.groups.values())

    async def get_group(self, name: str) -> Group:
        return _find(self.groups, name)

    async def put_group(self, group: Group) -> bool:
        self.members.setdefault(group.name, {})
        return _put(self.groups, group)

    async def delete_group(self, name: str) -> None:
        _find(self.groups, name)
        del self.groups[name], self.members[name]

    async def group_status(self, name: str) -> GroupStatus:
        group, members = _find(self.groups, name), self.members[name]
        return GroupStatus(
            name=name,
            switch=group.switch,
            state=ApplyState.APPLIED,
            reason=None,
            trees=(TreeStatus(TREE, len(members), ApplyState.APPLIED),),
            members=tuple([await self.member_status(name, member) for member in members]),
        )

    async def list_members(self, group: str) -> list[Member]:
        _find(self.groups, group)
        return list(self.members[group].values())

    async def get_member(self, group: str, name: str) -> Member:
        _find(self.groups, group)
        return _find(self.members[group], name)

    async def member_status(self, group: str, name: str) -> MemberStatus:
        await self.get_member(group, name)
        index = list(self.members[group]).index(name)
        return MemberStatus(group, name, Slot(TREE, index), ApplyState.APPLIED)

    async def put_member(self, member: Member) -> bool:
        _find(self.groups, member.group)
        created = member.name not in self.members[member.group]
        self.members[member.group][member.name] = member
        return created

    async def put_members(self, group: str, members: Sequence[Member]) -> SetChange:
        _find(self.groups, group)
        before, after = self.members[group], {member.name: member for member in members}
        self.members[group] = after
        return SetChange(
            added=len(after.keys() - before.keys()),
            changed=sum(before[name] != after[name] for name in after.keys() & before.keys()),
            removed=len(before.keys() - after.keys()),
        )

    async def delete_member(self, group: str, name: str) -> None:
        _find(self.groups, group)
        _find(self.members[group], name)
        del self.members[group][name]

    async def list_streams(self) -> list[Stream]:
        return list(self.streams.values())

    async def get_stream(self, name: str) -> Stream:
        return _find(self.streams, name)

    async def put_stream(self, stream: Stream) -> bool:
        return _put(self.streams, stream)

    async def delete_stream(self, name: str) -> None:
        _find(self.streams, name)
        del self.streams[name]

    async def stream_status(self, name: str) -> StreamStatus:
        stream = _find(self.streams, name)
        return StreamStatus(name, stream.host, stream.group, StreamState.RUNNING, offset=1400)

    async def list_contents(self) -> list[Content]:
        return list(self.contents.values())

    async def get_content(self, name: str) -> Content:
        return _find(self.contents, name)

    async def put_content(self, content: Content) -> bool:
        return _put(self.contents, content)

    async def delete_content(self, name: str, *, reset: bool = False) -> None:
        _find(self.contents, name)
        del self.contents[name]
        self.reset.append(reset)

    async def content_status(self, name: str) -> ContentStatus:
        _find(self.contents, name)
        return ContentStatus(
            name=name,
            state=ContentStage.SERVING,
            reason=None,
            urls=("http://[2001:db8::1]/",),
            sha256="ab" * 32,
            bytes=1000,
            flows=2,
            packets=CounterValue(5, 300),
            hosts=(HostedContent("h1", "ready", 1024, 2), HostedContent("h2", "absent")),
        )

    async def flows(
        self, *, limit: int, content: str | None = None, host: str | None = None
    ) -> list[HostedFlow]:
        if content is not None:
            _find(self.contents, content)
        if host is not None:
            _find(self.hosts, host)
        found = [HostedFlow("h1", FLOW, "film"), HostedFlow("h2", FLOW)]
        return [
            each for each in found if content in (None, each.content) and host in (None, each.host)
        ][:limit]

    async def cohorts(
        self, *, content: str | None = None, host: str | None = None, members: int = 0
    ) -> list[ListedCohort]:
        if content is not None:
            _find(self.contents, content)
        if host is not None:
            _find(self.hosts, host)
        found = [running_cohort("h1", "film", members), running_cohort("h2", None, members)]
        return [
            each for each in found if content in (None, each.content) and host in (None, each.host)
        ]

    async def cohort_hosts(self) -> list[HostCohorts]:
        counters = {
            "cohort_pushes": 10,
            "cohort_push_bytes": 10_000,
            "cohort_delivered_bytes": 640_000,
            "cohort_repair_bytes": 2_500,
            "cohort_left_behind": 3,
            "cohort_left_all_sent": 64,
        }
        return [
            host_cohorts("h1", None, [running_cohort("h1", "film", 0).state], counters),
            host_cohorts("h2", "no pusher answers", [], {}),
        ]

    async def cohort_entries(self) -> list[SwitchEntries]:
        latency = Histogram((0.001, 0.01))
        for seconds in (0.0005, 0.002, 0.003, 0.5):
            latency.observe(seconds)
        return [SwitchEntries("s1", 64, {Refusal.MEMBERS: 2}, latency)]

    async def counters(self) -> list[SwitchCounters]:
        of_groups = {
            name: [group.name for group in self.groups.values() if group.switch == name]
            for name in {*self.switches, *(group.switch for group in self.groups.values())}
        }
        return [
            SwitchCounters(
                switch=switch,
                read_at=None,
                ingress_drops={"malformed": CounterValue(3, 42)},
                egress_drops={},
                trees=tuple(TreeCounter(name, TREE, CounterValue(1, 1430)) for name in groups),
                members=tuple(
                    MemberCounter(name, member, CounterValue(1, 1430))
                    for name in groups
                    for member in self.members[name]
                ),
            )
            for switch, groups in of_groups.items()
        ]


Found = TypeVar("Found")


def _find(kept: dict[str, Found], name: str) -> Found:
    if name not in kept:
        raise NotFound("there is no such thing", where=name)
    return kept[name]


def _put(kept: dict[str, Wanted], wanted: Wanted) -> bool:
    created = wanted.name not in kept
    kept[wanted.name] = wanted
    return created


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=tmp_path / "controller.db")


@pytest.fixture
def service() -> Service:
    return KeepingService()


@pytest.fixture
async def api(settings: Settings, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """As a program at the other end sees it: an exception is a response."""
    transport = httpx.ASGITransport(create_app(settings, service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
