# SPDX-License-Identifier: Apache-2.0
"""What GET returns: what is wanted (models.py) and, under `status`, what is (core/status.py)."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Generic, Literal, TypeVar

from hectograph.api import models
from hectograph.api.fields import Model, Name
from hectograph.core import model, status
from hectograph.errors import NotFound

Item = TypeVar("Item", bound=Model)
View = TypeVar("View", bound=Model)
Wanted = TypeVar(
    "Wanted",
    model.Switch,
    model.Host,
    model.Group,
    model.Member,
    model.Stream,
    model.Content,
)


def view(kind: type[View], wanted: Wanted, status: object) -> View:
    values = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    return kind.model_validate({**values, "status": status})


async def view_all(
    wanted: Iterable[Wanted], show: Callable[[Wanted], Awaitable[View]]
) -> list[View]:
    """Without those that were deleted meanwhile."""
    shown: list[View] = []
    for each in wanted:
        with suppress(NotFound):
            shown.append(await show(each))
    return shown


class CounterValue(Model):
    packets: int
    bytes: int


class SecretsStatus(Model):
    """What the cookie and the flow filter of stateless TCP are keyed with; never the secrets."""

    number: int
    """Of the current secret, modulo 256."""
    rotated_at: datetime
    epoch: int
    """Of the flow filter."""
    advanced_at: datetime


class PortDrops(Model):
    port: int
    interface: str
    reason: str
    """rx: what came faster than the pipeline took it; tx and others: docs/switch.md"""
    packets: int


class SwitchStatus(Model):
    state: status.SwitchState
    """connecting; backup: another controller is primary; syncing: entries are not written
    yet; ready; failed: it cannot be used, see reason."""
    reason: str | None
    pending: int
    """Members and replication trees that are not as planned yet."""
    refused: int
    """Members and replication trees that the switch refused."""
    audited_at: datetime | None
    """When everything on the switch was last read and compared."""
    repairs: int
    """Entries that an audit found changed, missing or foreign, since the controller's start."""
    writes: int
    """P4Runtime write requests since the controller's start."""
    updates: int
    """Updates in them."""
    bytes_written: int
    """Encoded size of those requests."""
    connects: int
    """Times that a connection came up since the controller's start."""
    handshakes: int
    """TCP clients' that the switch told of since then; of many, only a sample."""
    port_drops: list[PortDrops]
    """What the ports lost, which the pipeline never sees, since the switch's start; only of an
    embedded switch whose metrics are read."""
    secrets: SecretsStatus | None = None
    """null until it has some."""


class Switch(models.SwitchSpec):
    name: Name
    status: SwitchStatus


class PusherCounters(Model):
    """The pusher counts from its own start."""

    pushes: int
    frame_bytes: int
    payload_bytes: int
    send_errors: int
    send_retries: int
    source_dropped: int
    link_waits: int
    """Of streams, because the switch was slower."""
    requests: int
    bad_requests: int


class HostLink(Model):
    """What downloads have on the way to the switch."""

    answers: bool
    """The switch sends marks back; while it does not, nothing is bounded."""
    window: int
    """Frames that may be on the way."""
    outstanding: int
    round_trip_seconds: float
    """Of the last mark."""
    lowest_round_trip_seconds: float
    waiting: int
    """Flows and cohorts that wait for their turn."""


class HostStatus(Model):
    state: status.HostState
    reason: str | None
    version: str | None
    interface: str | None
    mtu: int | None
    pid: int | None
    started_at: datetime | None
    counters: PusherCounters
    flows: int
    """TCP clients that its pusher knows."""
    flow_counters: dict[str, int]
    """What became of pulls and flow pushes, by name; the pusher counts from its own start."""
    link: HostLink | None


class Host(models.HostSpec):
    name: Name
    status: HostStatus


class TreeStatus(Model):
    id: int
    """The push header's group."""
    members: int
    state: status.ApplyState
    reason: str | None
    pushes: CounterValue


class MemberCounts(Model):
    total: int
    applied: int
    pending: int
    refused: int


class GroupStatus(Model):
    state: status.ApplyState
    reason: str | None
    members: MemberCounts
    pushes: CounterValue
    """Frames that the switch took for this group, as last read."""
    trees: list[TreeStatus]


class Group(models.GroupSpec):
    name: Name
    status: GroupStatus


class Slot(Model):
    tree: int
    instance: int


class MemberStatus(Model):
    state: status.ApplyState
    reason: str | None
    """The switch's own, when it refused."""
    slot: Slot


class Member(models.MemberSpec):
    group: Name
    name: Name
    status: MemberStatus


class SetChange(Model):
    """What replacing a whole set of members did."""

    added: int
    changed: int
    removed: int


class StreamStatus(Model):
    state: status.StreamState
    """waiting: for its host or its group, see reason; running; done: everything was pushed
    once; failed: the pusher gave up, see error."""
    reason: str | None
    error: str | None
    trees: list[int]
    """Replication trees that each segment is pushed to."""
    segment_bytes: int
    """In force; 0 before the first start."""
    offset: int
    """Next byte of the source to be pushed."""
    total_bytes: int | None
    """Of the source; null when it is not known."""
    rounds: int
    """Times through the source."""
    pushes: int
    payload_bytes: int
    elapsed_seconds: float
    bits_per_second: float
    """Achieved, of payload."""
    packets_per_second: float
    late_seconds: float
    """The pacer's worst delay behind its schedule."""
    advice: str | None
    """When the rate asks for more copies than the switch is known to make."""


class Stream(models.StreamSpec):
    name: Name
    status: StreamStatus


class TreeCounter(Model):
    group: Name
    tree: int
    value: CounterValue


class MemberCounter(Model):
    group: Name
    member: Name
    value: CounterValue


class PuntCounters(Model):
    """Packets that the switch handed to the controller."""

    punted: dict[str, int]
    """By class: arp, neighbour_discovery, unknown."""
    answered: int
    ignored: int
    lost: int
    """Came faster than the controller looked at them."""


class SwitchCounters(Model):
    """As last read from the switch; they begin at 0 when it restarts."""

    switch: Name
    read_at: datetime | None
    ingress_drops: dict[str, CounterValue]
    """By reason."""
    egress_drops: dict[str, CounterValue]
    trees: list[TreeCounter]
    """Frames that the switch took, per replication tree."""
    punts: PuntCounters


class GroupCounters(Model):
    """As last read from the switch; they begin at 0 when it restarts."""

    group: Name
    read_at: datetime | None
    trees: list[TreeCounter]
    """Frames that the switch took, per replication tree."""
    members: list[MemberCounter]
    """Replicas that the switch made."""


class Health(Model):
    status: Literal["ok"] = "ok"


class Readiness(Model):
    ready: bool
    reasons: list[str]
    """Why not everything that is wanted is in place, one line each."""


class Items(Model, Generic[Item]):
    items: list[Item]


class Switches(Items[Switch]):
    pass


class Hosts(Items[Host]):
    pass


class Groups(Items[Group]):
    pass


class Members(Items[Member]):
    pass


class Streams(Items[Stream]):
    pass


class Counters(Items[SwitchCounters]):
    pass
