# SPDX-License-Identifier: Apache-2.0
"""Edits of contents: what operators ask for, and what became known of them. Pure.

A content's life: put (a number, and with it addresses) → version known (its file was
fetched or read) → published (its hosts are ready: it stands in the tables from now on)
→ leaving (its downloads finish, or are reset) → gone. One that failed keeps its reason
until it is removed, or put again under a new number: what clients have of the old bytes
must never be continued with new ones.
"""

from dataclasses import replace

from hectograph.core import validate
from hectograph.core.addressing import capacity, last_number
from hectograph.core.model import Content, UrlSource
from hectograph.core.placement import next_free
from hectograph.core.records import ContentRecord, Edit, FileVersion, Leaving
from hectograph.core.redact import redact
from hectograph.core.state import State
from hectograph.errors import Conflict, InvalidInput, LimitExceeded


def put_content(state: State, content: Content) -> Edit:
    validate.check_content(content)
    where = f"content {content.name}"
    switch = state.switch(content.switch)
    if switch.switch.addressing is None:
        raise InvalidInput(
            f"switch {content.switch} has no addresses for contents", where=f"{where} switch"
        )
    for host in sorted(content.hosts or ()):
        if state.host(host).switch != content.switch:
            raise InvalidInput(
                f"host {host} is not on switch {content.switch}", where=f"{where} hosts"
            )
    old = state.contents.get(content.name)
    if old is not None:
        if old.leaving is not None:
            raise Conflict("its last downloads finish; reset them or wait", where=where)
        if old.error is None:
            if _without_password(old.content) == _without_password(content):
                return Edit()
            raise Conflict("a content does not change; remove it first", where=where)
    others = [r for r in state.contents_on(content.switch) if r is not old]
    room = capacity(switch.switch.addressing)
    if len(others) >= room:
        raise LimitExceeded(f"switch {content.switch} has addresses for {room}", where=where)
    taken = {record.number for record in others}
    if old is not None and old.content.switch == content.switch:
        taken.add(old.number)
    highest = last_number(switch.switch.addressing)
    if len(taken) >= highest:
        raise LimitExceeded("no other address is free", where=where)
    number = next_free(switch.record.next_content, highest, taken)
    return Edit(
        drops=() if old is None else (old,),
        puts=(
            replace(switch.record, next_content=number + 1),
            ContentRecord(content, number),
        ),
    )


def remove_content(state: State, name: str, leaving: Leaving) -> Edit:
    """It leaves: at once if it was never served or its downloads are reset. To reset one
    that drains is a change; to drain one that is reset is none."""
    record = state.content(name)
    if record.leaving in (leaving, Leaving.RESET):
        return Edit()
    return Edit(puts=(replace(record, leaving=leaving),))


def found_version(state: State, record: ContentRecord, version: FileVersion) -> Edit:
    now = current(state, record)
    if now is None or now.version is not None:
        return Edit()
    return Edit(puts=(replace(now, content=_without_password(now.content), version=version),))


def published(state: State, record: ContentRecord, response_bytes: int) -> Edit:
    now = current(state, record)
    if now is None or now.error is not None or now.response_bytes == response_bytes:
        return Edit()
    return Edit(puts=(replace(now, response_bytes=response_bytes),))


def same_bytes(state: State, record: ContentRecord, version: FileVersion) -> Edit:
    """Its file is another one, or was written again, with the bytes that it had."""
    now = current(state, record)
    if now is None or now.version is None or now.error is not None:
        return Edit()
    return Edit(puts=(replace(now, version=version, last_modified=last_modified(now)),))


def last_modified(record: ContentRecord) -> int:
    """In its responses, which never change; Unix time."""
    if record.last_modified is not None:
        return record.last_modified
    assert record.version is not None
    return record.version.modified_ns // 1_000_000_000


def failed(state: State, record: ContentRecord, error: str, *, intact: bool = False) -> Edit:
    """It leaves the tables: at once, or when its downloads have finished, because the file
    that its hosts have opened is `intact`."""
    now = current(state, record)
    if now is None or now.error is not None:
        return Edit()
    failed = replace(now, content=_without_password(now.content), error=error)
    return Edit(puts=(failed if intact else replace(failed, response_bytes=None),))


def drained(state: State, record: ContentRecord) -> Edit:
    """The last download of one that has failed is over."""
    now = current(state, record)
    if now is None or now.error is None or now.response_bytes is None:
        return Edit()
    return Edit(puts=(replace(now, response_bytes=None),))


def gone(state: State, record: ContentRecord) -> Edit:
    """The last host has let it go."""
    now = current(state, record)
    return Edit() if now is None or now.leaving is None else Edit(drops=(now,))


def check_digest(content: Content, version: FileVersion) -> None:
    """InvalidInput: the file is not what it was to be."""
    if content.sha256 not in (None, version.sha256):
        raise InvalidInput(
            f"its SHA-256 is {version.sha256}, not {content.sha256}", where=version.path
        )


def current(state: State, record: ContentRecord) -> ContentRecord | None:
    """What became of this very content; None when it is gone or was put anew."""
    now = state.contents.get(record.content.name)
    if now is None or now.number != record.number:
        return None
    return now if _without_password(now.content) == _without_password(record.content) else None


def _without_password(content: Content) -> Content:
    """What is known of it, and what failed, is fetched no more."""
    if not isinstance(content.source, UrlSource):
        return content
    return replace(content, source=UrlSource(redact(content.source.url)))
