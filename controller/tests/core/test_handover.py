# SPDX-License-Identifier: Apache-2.0
"""Which flows go with which buckets."""

from ipaddress import IPv4Address, IPv6Address

from hectograph.core.entities import Entity, Service, ServiceHost, Tables
from hectograph.core.flows import FlowKey, FlowState
from hectograph.core.handover import Move, moves, moving, owners_of, sets_of


def tables(*ports: int) -> Tables:
    """Buckets 0, 1, ... of host set 1 at these ports, and content 5 served by the set."""
    made = Tables()
    entities: list[Entity] = [ServiceHost(1, bucket, p, p) for bucket, p in enumerate(ports)]
    for entity in (*entities, Service(IPv6Address(1), 80, 5, 128, 1)):
        made.put(entity)
    return made


def flow(client_port: int, content: int = 5) -> FlowState:
    key = FlowKey(IPv4Address(0), client_port, IPv4Address(1), 80)
    return FlowState(key, content, 2, "", "", 0, 0, 0)


def test_moves() -> None:
    before, after = owners_of(tables(1, 1, 2)), owners_of(tables(1, 2, 2, 3))
    assert moves(before, after) == {Move(1, 2): {(1, 1)}, Move(3, 3): {(1, 3)}}
    back = {Move(1, 1): {(1, 0)}, Move(2, 2): {(1, 1), (1, 2)}, Move(3, 3): {(1, 3)}}
    assert moves({}, after) == back, "what nobody had was its owner's before the switch lost it"


def test_flows_go_with_their_bucket_and_set() -> None:
    flows = [flow(0), flow(1), flow(2), flow(0x10), flow(1, content=6)]
    sets = sets_of(tables(1))
    assert moving(flows, sets, {(1, 1)}) == [flow(1), flow(0x10)]
    assert moving(flows, sets, {(2, 1)}) == []
