# SPDX-License-Identifier: Apache-2.0
"""What becomes of a content, from what its hosts say of it. Pure."""

from hectograph.core import content_edits
from hectograph.core.contents import ContentPhase, ContentState
from hectograph.core.hosting import Views
from hectograph.core.records import ContentRecord, Edit
from hectograph.core.state import State
from hectograph.core.tcp_plan import host_set_of


def next_step(state: State, record: ContentRecord, views: Views, now: float) -> Edit:
    """Published when every host that is there can answer for it, or cannot at all but
    another can; failed when none can; gone when none has it any more."""
    there = [
        views[host]
        for host in host_set_of(state, record)
        if host in views and not views[host].is_away(now)
    ]
    hosted = [view.contents.get(record.number) for view in there]
    if record.leaving is not None:
        return Edit() if any(hosted) else content_edits.gone(state, record)
    if record.error is not None:
        return Edit() if any(hosted) else content_edits.drained(state, record)
    if record.version is None or not hosted:
        return Edit()
    ready = [c for c in hosted if c is not None and c.phase is ContentPhase.READY]
    withdrawn = [c for c in hosted if c is not None and c.phase is ContentPhase.WITHDRAWN]
    if len(ready) + len(withdrawn) < len(hosted):
        return Edit()
    if not ready:
        return content_edits.failed(state, record, withdrawn[0].error)
    return _publish(state, record, ready)


def _publish(state: State, record: ContentRecord, ready: list[ContentState]) -> Edit:
    lengths = {content.response_bytes for content in ready}
    if record.response_bytes is not None:
        lengths.add(record.response_bytes)
    if len(lengths) > 1:
        told = " and ".join(f"{length:,}" for length in sorted(lengths))
        error = f"its hosts would answer with different responses, of {told} bytes"
        return content_edits.failed(state, record, error)
    return content_edits.published(state, record, lengths.pop())
