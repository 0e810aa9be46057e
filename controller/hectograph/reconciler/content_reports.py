# SPDX-License-Identifier: Apache-2.0
"""The status of a content: what is wanted, what its hosts say, what stands on the switch."""

from hectograph.core.addressing import addresses
from hectograph.core.contents import ContentPhase, ContentState
from hectograph.core.records import ContentRecord
from hectograph.core.state import State
from hectograph.core.status import (
    ApplyState,
    ContentStage,
    ContentStatus,
    CounterValue,
    HostedContent,
)
from hectograph.core.tcp_plan import host_set_of
from hectograph.reconciler.fleet import Fleet


def content_status(
    state: State, record: ContentRecord, fleet: Fleet, packets: CounterValue | None
) -> ContentStatus:
    hosts = tuple(_hosted(record, name, fleet) for name in host_set_of(state, record))
    stage, reason = _stage(record, hosts, fleet)
    done, total = _progress(record, hosts, stage, fleet)
    addressing = state.switch(record.content.switch).switch.addressing
    assert addressing is not None
    return ContentStatus(
        name=record.content.name,
        state=stage,
        reason=reason,
        urls=tuple(where.url for where in addresses(addressing, record.number)),
        sha256=record.version.sha256 if record.version else None,
        bytes=record.version.bytes if record.version else None,
        done_bytes=done,
        total_bytes=total,
        flows=sum(host.flows for host in hosts),
        packets=packets or CounterValue(),
        hosts=hosts,
    )


def _hosted(record: ContentRecord, host: str, fleet: Fleet) -> HostedContent:
    view = fleet.views.get(host)
    content = None if view is None else view.contents.get(record.number)
    if view is None or content is None:
        return HostedContent(host, "absent", error=fleet.host(host).status().reason)
    return HostedContent(
        host=host,
        phase=content.phase,
        prepared_bytes=content.prepared_bytes,
        flows=content.flows,
        error=content.error or None,
    )


def _stage(
    record: ContentRecord, hosts: tuple[HostedContent, ...], fleet: Fleet
) -> tuple[ContentStage, str | None]:
    if record.leaving is not None:
        running = sum(host.flows for host in hosts)
        return ContentStage.DRAINING, f"{running} downloads run" if running else None
    if record.error is not None:
        return ContentStage.FAILED, record.error
    if record.version is None:
        return ContentStage.FETCHING, None
    errors = [f"host {host.host}: {host.error}" for host in hosts if host.error]
    if record.response_bytes is None:
        if not hosts:
            return ContentStage.PREPARING, f"switch {record.content.switch} has no host"
        return ContentStage.PREPARING, errors[0] if errors else None
    switch = fleet.switch(record.content.switch)
    applied, reason = switch.content_state(record.number)
    if applied is not ApplyState.APPLIED:
        reason = reason or switch.trouble or "its entries are being written"
        return ContentStage.PREPARING, f"switch {record.content.switch}: {reason}"
    return ContentStage.SERVING, errors[0] if errors else None


def _progress(
    record: ContentRecord, hosts: tuple[HostedContent, ...], stage: ContentStage, fleet: Fleet
) -> tuple[int, int | None]:
    if stage is ContentStage.FETCHING:
        return fleet.librarian.progress(record)
    if stage is not ContentStage.PREPARING:
        return 0, None
    states = [
        fleet.views[h.host].contents.get(record.number) for h in hosts if h.host in fleet.views
    ]
    preparing = [s for s in states if s is not None and s.phase is ContentPhase.PREPARING]
    slowest = min(preparing, key=_prepared, default=None)
    return (slowest.prepared_bytes, slowest.response_bytes) if slowest else (0, None)


def _prepared(state: ContentState) -> int:
    return state.prepared_bytes
