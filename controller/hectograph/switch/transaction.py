# SPDX-License-Identifier: Apache-2.0
"""ROLLBACK_ON_ERROR: a batch whose updates are all applied, or none of them.

Before each update the server notes what undoes it, as updates of its own. What was
undone is as before for the client; a meter starts with full buckets, an entry that
was deleted for a moment is the youngest of its table and just hit.
"""

from collections.abc import Callable, Sequence

from finsy.proto import p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.pipeline import Pipeline

Apply = Callable[[Pipeline, p4r.Update], Refused | None]


class Transaction:
    def __init__(self, pipeline: Pipeline, apply: Apply) -> None:
        self._pipeline = pipeline
        self._apply = apply
        self._undo: list[p4r.Update] = []
        self._results: list[Refused | None] = []

    def apply(self, update: p4r.Update) -> bool:
        """False: it failed, and all is as it was before the first one."""
        undo = undoing(self._pipeline, update)
        refused = self._apply(self._pipeline, update)
        self._results.append(refused)
        if refused is None:
            self._undo += undo
            return True
        for each in reversed(self._undo):
            if (failed := self._apply(self._pipeline, each)) is not None:
                raise status.internal(f"a batch could not be rolled back: {failed}")
        return False

    def results(self, count: int) -> list[Refused | None]:
        """Of the whole batch of `count` updates."""
        if not any(self._results):
            return self._results
        undone = status.aborted("rolled back: another update of the batch failed")
        untried = status.aborted("not attempted: an update before it failed")
        tried = [result or undone for result in self._results]
        return [*tried, *[untried] * (count - len(tried))]


def undoing(pipeline: Pipeline, update: p4r.Update) -> Sequence[p4r.Update]:
    """What restores what is there now; nothing when the update is bound to fail."""
    try:
        before = pipeline.before(update)
    except Refused:
        return ()
    if update.type == p4r.Update.INSERT:
        return () if before else [p4r.Update(type=p4r.Update.DELETE, entity=update.entity)]
    kind = p4r.Update.INSERT if update.type == p4r.Update.DELETE else p4r.Update.MODIFY
    return [p4r.Update(type=kind, entity=entity) for entity in before]
