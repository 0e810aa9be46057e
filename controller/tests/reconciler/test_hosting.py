# SPDX-License-Identifier: Apache-2.0
"""One host's contents, and what is told of them."""

from collections.abc import AsyncIterator

import pytest
from fakes.examples import CONTENT, HOST, SERVING_SWITCH, VERSION
from fakes.pusher import FakePusher

from hectograph.core import content_edits, edits
from hectograph.core.contents import ContentPhase, ContentSpec
from hectograph.core.records import FileVersion
from hectograph.core.state import State
from hectograph.drivers.base import PusherSession
from hectograph.reconciler import hosting
from hectograph.reconciler.hosting import ContentHost

ANOTHER = ContentSpec(1, "/srv/another", "f" * 64, "", 0)


@pytest.fixture
def state() -> State:
    state = State()
    state.apply(edits.put_switch(state, SERVING_SWITCH))
    state.apply(edits.put_host(state, HOST))
    state.apply(content_edits.put_content(state, CONTENT))
    return state


@pytest.fixture
async def session() -> AsyncIterator[PusherSession]:
    async with FakePusher()(HOST) as session:
        yield session


async def _unchanged(version: FileVersion) -> None:  # noqa: ARG001
    return None


async def test_another_content_of_its_number_is_not_it(
    state: State, session: PusherSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller that begins with an empty database counts from 1 again."""
    monkeypatch.setattr(hosting, "changed_file", _unchanged)
    await session.add_content(ANOTHER)
    host = ContentHost("h1", state)
    await host.settle(session, may_remove_others=True)
    # Its file was not read yet, so nobody knows whether this is it.
    assert host.contents[1].phase is ContentPhase.PREPARING
    state.apply(content_edits.found_version(state, state.content("film"), VERSION))
    await host.settle(session, may_remove_others=False)
    assert host.contents[1].phase is ContentPhase.PREPARING
    assert not host.is_complete
    await host.settle(session, may_remove_others=True)  # takes it away,
    await host.settle(session, may_remove_others=True)  # and adds the right one
    assert host.contents[1].phase is ContentPhase.READY
    assert host.contents[1].spec.path == VERSION.path
    assert host.is_complete
