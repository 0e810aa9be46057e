# SPDX-License-Identifier: Apache-2.0
"""Moves flows with their buckets: from a host that died to those that replace it, and back.

A flow whose client is heard of needs no help: its acknowledgement says how to go on.
One that had everything in flight is silent for ever unless somebody asks it where it
stands. So the controller remembers what hosts said of their flows, and what the switch
said of handshakes since, and gives those of a bucket to the bucket's new host: once
before the bucket moves, so that no packet meets a stranger, and once after it, since
answers to the first went elsewhere.

A switch that starts anew has lost its buckets, and what hosts sent meanwhile is gone: they
are given their own flows, and ask those again whose next turn may be half a minute away.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hectograph.core.entities import Tables
from hectograph.core.flows import FlowKey, FlowState
from hectograph.core.handover import moves, moving, owners_of, sets_of
from hectograph.errors import HectographError
from hectograph.reconciler.host import HostReconciler

logger = logging.getLogger(__name__)

LEARNT_SECONDS = 30.0
"""A handshake is older than its host's last list after this time, whatever the load."""
MAX_LEARNT = 100_000

HostAt = Callable[[int], HostReconciler | None]
"""The host on a port of the switch."""


class Learnt:
    """Flows whose handshake the switch told of, youngest last."""

    def __init__(self) -> None:
        self._flows: dict[FlowKey, tuple[float, FlowState]] = {}
        self.total = 0

    def add(self, flow: FlowState) -> None:
        self._flows.pop(flow.key, None)
        self._flows[flow.key] = time.monotonic(), flow
        self.total += 1
        self._drop_old()

    def __call__(self) -> Iterable[FlowState]:
        self._drop_old()
        return [flow for _, flow in self._flows.values()]

    def _drop_old(self) -> None:
        while self._flows and (len(self._flows) > MAX_LEARNT or self._is_oldest_old()):
            del self._flows[next(iter(self._flows))]

    def _is_oldest_old(self) -> bool:
        learnt_at, _ = next(iter(self._flows.values()))
        return time.monotonic() - learnt_at > LEARNT_SECONDS


@dataclass(frozen=True, slots=True)
class Handing:
    """Flows under way from one host to another."""

    giver: HostReconciler | None
    """The taker itself, where only the switch had lost them."""
    taker: HostReconciler
    sets: Mapping[int, int]
    places: set[tuple[int, int]]


class Handover:
    """Of one switch."""

    def __init__(self, host_at: HostAt, learnt: Learnt) -> None:
        self._host_at = host_at
        self._learnt = learnt

    async def begin(self, actual: Tables, planned: Tables) -> Sequence[Handing]:
        """Buckets are about to move."""
        sets = sets_of(planned)
        handings: list[Handing] = []
        for move, places in moves(owners_of(actual), owners_of(planned)).items():
            taker = self._host_at(move.new)
            if taker is not None:
                handings.append(Handing(self._host_at(move.old), taker, sets, places))
        for handing in handings:
            if handing.giver is not handing.taker:
                await self._adopt(handing)
        return handings

    async def finish(self, handings: Sequence[Handing]) -> None:
        """They have moved."""
        for handing in handings:
            flows = await self._adopt(handing)
            if flows and handing.giver not in (None, handing.taker):
                await _forget(handing.giver, [flow.key for flow in flows])

    async def _adopt(self, handing: Handing) -> list[FlowState]:
        known = () if handing.giver is None else await handing.giver.known_flows()
        flows = moving(known, handing.sets, handing.places)
        keys = {flow.key for flow in flows}
        learnt = moving(self._learnt(), handing.sets, handing.places)
        flows += [flow for flow in learnt if flow.key not in keys]
        try:
            made = await handing.taker.adopt(flows)
        except HectographError as error:
            logger.warning("host %s takes no flows over: %s", handing.taker.name, error)
            return []
        if made:
            logger.info("host %s takes %d flows over", handing.taker.name, made)
        return flows


async def _forget(giver: HostReconciler, keys: Sequence[FlowKey]) -> None:
    try:
        await giver.forget(keys)
    except HectographError as error:
        logger.info("host %s forgets no flows: %s", giver.name, error)
