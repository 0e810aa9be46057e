# SPDX-License-Identifier: Apache-2.0
"""Whose flows go to whom when the buckets of a host set get other hosts, or get them back. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hectograph.core.entities import Service, ServiceHost, Tables
from hectograph.core.flows import FlowState

Owners = Mapping[tuple[int, int], int]
"""Host set and bucket → the switch port of its host."""


@dataclass(frozen=True, slots=True)
class Move:
    """From one host's port to another's; to its own, where the switch had lost the bucket."""

    old: int
    new: int


def owners_of(tables: Tables) -> Owners:
    return {
        (entity.host_set, entity.bucket): entity.port
        for entity in tables.tcp.values()
        if isinstance(entity, ServiceHost)
    }


def sets_of(tables: Tables) -> dict[int, int]:
    """Content number → host set."""
    return {
        entity.content: entity.host_set
        for entity in tables.tcp.values()
        if isinstance(entity, Service)
    }


def moves(before: Owners, after: Owners) -> dict[Move, set[tuple[int, int]]]:
    """Which buckets moved or came, by where from and where to."""
    found: dict[Move, set[tuple[int, int]]] = defaultdict(set)
    for place, port in after.items():
        if before.get(place) != port:
            found[Move(before.get(place, port), port)].add(place)
    return dict(found)


def moving(
    flows: Iterable[FlowState], sets: Mapping[int, int], places: set[tuple[int, int]]
) -> list[FlowState]:
    """Those whose bucket is one of these."""
    return [flow for flow in flows if (sets.get(flow.content), flow.key.bucket) in places]
