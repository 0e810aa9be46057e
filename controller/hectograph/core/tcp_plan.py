# SPDX-License-Identifier: Apache-2.0
"""From contents, secrets and hosts to what stateless TCP needs on one switch."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from hectograph import wire
from hectograph.core.addressing import addresses
from hectograph.core.entities import (
    ContentAddress,
    FlowSecrets,
    Key,
    Service,
    ServiceHost,
    TcpEntity,
    TcpMeter,
    key,
)
from hectograph.core.flows import BUCKETS
from hectograph.core.hosting import Views, able_hosts, assign_buckets, mapped
from hectograph.core.model import Switch
from hectograph.core.records import ContentRecord, SecretsRecord
from hectograph.core.state import State
from hectograph.core.validate import mac_number

ALL_HOSTS_SET = 1
"""The host set of contents that name no hosts: the same in every run."""
IPV6_TCP_BYTES = 60
"""Headers without options."""

# What nobody asked for costs a host and the clients' links no more than this.
TCP_METERS = (
    TcpMeter(wire.TCP_METER_UNVERIFIED, rate=5000, burst=5000),
    TcpMeter(wire.TCP_METER_RESET, rate=1000, burst=1000),
    TcpMeter(wire.TCP_METER_LEARN, rate=500, burst=2000),
)

HostSet = tuple[str, ...]
"""Names in order."""


def is_published(record: ContentRecord) -> bool:
    """Does it stand in the tables? Also while it drains."""
    return record.response_bytes is not None


def host_set_of(state: State, record: ContentRecord) -> HostSet:
    named = record.content.hosts
    if named is None:
        named = frozenset(host.name for host in state.hosts_on(record.content.switch))
    return tuple(sorted(named))


def plan_tcp(state: State, switch: str, views: Views, now: float) -> "TcpPlan":
    plan = TcpPlan()
    plan.add(TCP_METERS)
    model = state.switch(switch).switch
    if switch in state.secrets:
        plan.add((flow_secrets(state.secrets[switch], model),))
    sets: dict[int, list[ContentRecord]] = defaultdict(list)
    ids = _set_ids(state, switch)
    for record in state.contents_on(switch):
        if is_published(record):
            id_ = ALL_HOSTS_SET
            if record.content.hosts is not None:
                id_ = ids[host_set_of(state, record)]
            sets[id_].append(record)
            plan.add(_content_entities(model, record, id_))
    for id_, records in sets.items():
        hosts = host_set_of(state, records[0])
        plan.add_buckets(state, id_, hosts, able_hosts(hosts, records, views, now), views)
    return plan


class TcpPlan:
    def __init__(self) -> None:
        self.entities: dict[Key, TcpEntity] = {}
        self.undecided: set[Key] = set()

    def add(self, entities: Iterable[TcpEntity]) -> None:
        self.entities |= {key(entity): entity for entity in entities}

    def add_buckets(
        self, state: State, id_: int, hosts: HostSet, able: Sequence[str], views: Views
    ) -> None:
        """Buckets whose host is not known yet stay as they are."""
        if not able:
            self.undecided |= {(ServiceHost, id_, bucket) for bucket in range(BUCKETS)}
            return
        for bucket, owner in enumerate(assign_buckets(hosts, able)):
            mac = views[owner].mac
            if mac is None:
                self.undecided.add((ServiceHost, id_, bucket))
            else:
                self.add((ServiceHost(id_, bucket, state.host(owner).port, mac),))


def flow_secrets(record: SecretsRecord, switch: Switch) -> FlowSecrets:
    return FlowSecrets(
        current=record.current,
        previous=record.previous,
        epoch=record.epoch,
        previous_epoch=record.previous_epoch,
        mss=switch.mtu - IPV6_TCP_BYTES,
        number=record.number,
    )


def _content_entities(switch: Switch, record: ContentRecord, host_set: int) -> Iterator[TcpEntity]:
    assert switch.addressing is not None  # content_edits.py lets no such content in
    assert record.response_bytes is not None
    mac = mac_number(switch.addressing.mac)
    for where in addresses(switch.addressing, record.number):
        address = mapped(where.address)
        yield ContentAddress(address, mac, host_set)
        yield Service(address, where.port, record.number, record.response_bytes, host_set)


def _set_ids(state: State, switch: str) -> dict[HostSet, int]:
    """Numbers of the sets that contents name. They may change when a set comes or goes;
    what is between two writes then reaches a host that does not have the content, and
    is asked for again."""
    named = {
        host_set_of(state, record)
        for record in state.contents_on(switch)
        if record.content.hosts is not None
    }
    return {hosts: id_ for id_, hosts in enumerate(sorted(named), ALL_HOSTS_SET + 1)}
