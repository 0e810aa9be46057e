# SPDX-License-Identifier: Apache-2.0
"""Contents, their flows, and the secrets that these hang on."""

import asyncio
from datetime import UTC, datetime

from hectograph.core import content_edits
from hectograph.core.flows import HostedFlow
from hectograph.core.model import Content
from hectograph.core.records import Leaving, SecretsRecord
from hectograph.core.status import ContentStatus, SecretsStatus
from hectograph.errors import Unavailable
from hectograph.reconciler.content_reports import content_status
from hectograph.reconciler.host import MAX_FLOWS
from hectograph.service.base import ServiceBase


class ContentService(ServiceBase):
    async def list_contents(self) -> list[Content]:
        return [record.content for record in self._state.contents.values()]

    async def get_content(self, name: str) -> Content:
        return self._state.content(name).content

    async def put_content(self, content: Content) -> bool:
        """Putting one that failed tries it anew, under new addresses."""
        return await self._put(
            lambda state: content.name not in state.contents,
            lambda state: content_edits.put_content(state, content),
        )

    async def delete_content(self, name: str, *, reset: bool = False) -> None:
        """Its downloads finish before it is gone, or are reset."""
        leaving = Leaving.RESET if reset else Leaving.DRAIN
        await self._edit(lambda state: content_edits.remove_content(state, name, leaving))

    async def content_status(self, name: str) -> ContentStatus:
        record = self._state.content(name)
        switch = self._fleet.switch(record.content.switch)
        reading = await switch.readings()
        packets = reading.value.contents.get(record.number)
        return content_status(self._state, record, self._fleet, packets)

    async def flows(
        self, *, limit: int, content: str | None = None, host: str | None = None
    ) -> list[HostedFlow]:
        """At most `limit`, as their hosts' pushers have them now. One content's are looked
        for among the first MAX_FLOWS of each host."""
        asked_for = limit
        if content is not None:
            self._state.content(content)
            asked_for = MAX_FLOWS
        hosts = list(self._state.hosts.values()) if host is None else [self._state.host(host)]
        asked = (self._fleet.host(each.name).flows(asked_for) for each in hosts)
        names = {
            (record.content.switch, record.number): name
            for name, record in self._state.contents.items()
        }
        found = [
            HostedFlow(each.name, flow, names.get((each.switch, flow.content)))
            for each, flows in zip(hosts, await asyncio.gather(*asked), strict=True)
            for flow in flows
        ]
        return [flow for flow in found if content in (None, flow.content)][:limit]

    def hosts_in_use(self, switch: str) -> set[str]:
        """Those that flows of its contents go to now."""
        self._state.switch(switch)
        ports = self._fleet.switch(switch).bucket_ports()
        return {host.name for host in self._state.hosts_on(switch) if host.port in ports}

    # Secrets

    async def secrets_status(self, switch: str) -> SecretsStatus | None:
        """None: it has none yet."""
        self._state.switch(switch)
        record = self._state.secrets.get(switch)
        return None if record is None else _secrets_status(record)

    async def rotate_secrets(self, switch: str) -> SecretsStatus:
        """Downloads that began two rotations ago are reset."""
        self._state.switch(switch)
        await self._fleet.rotation.rotate(switch)
        return await self._secrets_now(switch)

    async def advance_epoch(self, switch: str) -> SecretsStatus:
        """Clients that nothing was sent to for two epochs must be known to their host."""
        self._state.switch(switch)
        await self._fleet.rotation.advance(switch)
        return await self._secrets_now(switch)

    async def _secrets_now(self, switch: str) -> SecretsStatus:
        status = await self.secrets_status(switch)
        if status is None:
            raise Unavailable("the switch has no secrets yet", where=f"switch {switch}")
        return status


def _secrets_status(record: SecretsRecord) -> SecretsStatus:
    return SecretsStatus(
        switch=record.switch,
        number=record.number,
        rotated_at=datetime.fromtimestamp(record.rotated_at, UTC),
        epoch=record.epoch,
        advanced_at=datetime.fromtimestamp(record.advanced_at, UTC),
    )
