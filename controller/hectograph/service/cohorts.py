# SPDX-License-Identifier: Apache-2.0
"""Cohorts that run, and what they came to."""

import asyncio
from contextlib import suppress

from hectograph.core.cohort_status import HostCohorts, ListedCohort, SwitchEntries, host_cohorts
from hectograph.core.cohorts import CohortMemberState
from hectograph.core.model import Host
from hectograph.errors import NotFound, Unavailable
from hectograph.service.base import ServiceBase


class CohortService(ServiceBase):
    async def cohorts(
        self, *, content: str | None = None, host: str | None = None, members: int = 0
    ) -> list[ListedCohort]:
        """As their hosts' pushers have them now, with so many members of each."""
        if content is not None:
            self._state.content(content)
        hosts = list(self._state.hosts.values()) if host is None else [self._state.host(host)]
        asked = (self._list(each, content, members) for each in hosts)
        return [cohort for cohorts in await asyncio.gather(*asked) for cohort in cohorts]

    async def _list(self, host: Host, content: str | None, members: int) -> list[ListedCohort]:
        reconciler = self._fleet.host(host.name)
        names = {
            record.number: name
            for name, record in self._state.contents.items()
            if record.content.switch == host.switch
        }
        found: list[ListedCohort] = []
        for cohort in await reconciler.cohorts():
            name = names.get(cohort.content)
            if content in (None, name):
                slowest = await self._slowest(host, cohort.cohort, members)
                found.append(ListedCohort(host.name, name, cohort, slowest))
        return found

    async def _slowest(self, host: Host, cohort: int, count: int) -> tuple[CohortMemberState, ...]:
        """None of one that has ended meanwhile."""
        members: list[CohortMemberState] = []
        if count:
            with suppress(NotFound, Unavailable):
                members += await self._fleet.host(host.name).cohort_members(cohort)
        return tuple(sorted(members, key=lambda member: member.acked)[:count])

    async def cohort_hosts(self) -> list[HostCohorts]:
        """What every host's cohorts came to."""
        hosts = list(self._state.hosts.values())
        found = await asyncio.gather(*(self._fleet.host(host.name).cohorts() for host in hosts))
        return [
            host_cohorts(
                host.name,
                self._fleet.switch(host.switch).cohorts.trouble(host.name),
                cohorts,
                self._fleet.host(host.name).status().flow_counters,
            )
            for host, cohorts in zip(hosts, found, strict=True)
            if host.name in self._state.hosts
        ]

    async def cohort_entries(self) -> list[SwitchEntries]:
        """Of every switch."""
        return [self._fleet.switch(name).cohorts.entries() for name in self._state.switches]
