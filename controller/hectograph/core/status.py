# SPDX-License-Identifier: Apache-2.0
"""What is, as opposed to what is wanted (model.py): the answers of the status calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hectograph.core.flows import HostLink


class SwitchState(StrEnum):
    CONNECTING = "connecting"
    """There is no connection, or it was lost; it is tried again until it works."""
    BACKUP = "backup"
    """Another controller is primary; this one takes over when that one goes."""
    SYNCING = "syncing"
    """Connected and primary; the pipeline or some entries are not written yet."""
    READY = "ready"
    """Holds what was planned, but for what it refused by name."""
    FAILED = "failed"
    """Cannot be used (pipeline refused, artifacts missing); tried again more slowly."""


class ApplyState(StrEnum):
    PENDING = "pending"
    APPLIED = "applied"
    REFUSED = "refused"
    """The switch said no; the reason is its own. Tried again from time to time."""


class HostState(StrEnum):
    CONNECTING = "connecting"
    READY = "ready"


class StreamState(StrEnum):
    WAITING = "waiting"
    """For its host, or for its group to be on the switch; the reason says which."""
    RUNNING = "running"
    DONE = "done"
    """Everything was pushed once; stays so until the stream is deleted or changed."""
    FAILED = "failed"
    """The pusher gave up; `error` is its reason. Tried again from time to time."""


@dataclass(frozen=True, slots=True)
class PortDrops:
    """What a switch's port could not take in, or not send, which the pipeline never sees."""

    port: int
    interface: str
    reason: str
    """``rx``: the pipeline was slower; ``tx``, ...: docs/switch.md"""
    packets: int


@dataclass(frozen=True, slots=True)
class SwitchStatus:
    name: str
    state: SwitchState
    reason: str | None
    """Why it is not ready; None when it is."""
    pending: int = 0
    """Members and replication trees that are not as planned yet."""
    refused: int = 0
    """Members and replication trees that the switch refused."""
    audited_at: datetime | None = None
    """When everything on the switch was last read and compared."""
    repairs: int = 0
    """Entries that an audit found changed, missing or foreign, since the start."""
    writes: int = 0
    """P4Runtime write requests since the start."""
    updates: int = 0
    """Updates in them."""
    bytes_written: int = 0
    """Encoded size of those requests."""
    connects: int = 0
    """Times that a connection came up since the start."""
    handshakes: int = 0
    """TCP clients' that the switch told of since the start; of many, only a sample."""
    port_drops: tuple[PortDrops, ...] = ()
    """As last read, since the switch's own start; none of a switch whose metrics are not known."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A member's place: the replica (port, instance) of a replication tree."""

    tree: int
    """Pipeline group id: push header's group, key of push_group, multicast group."""
    instance: int


@dataclass(frozen=True, slots=True)
class MemberStatus:
    group: str
    name: str
    slot: Slot
    state: ApplyState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CounterValue:
    packets: int = 0
    bytes: int = 0

    def __add__(self, other: "CounterValue") -> "CounterValue":
        return CounterValue(self.packets + other.packets, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class TreeStatus:
    """One replication tree of a group; a group that is not split has at most one."""

    id: int
    members: int
    state: ApplyState
    reason: str | None = None
    pushes: CounterValue = CounterValue()
    """Frames that the switch took for this tree, as last read."""


@dataclass(frozen=True, slots=True)
class GroupStatus:
    name: str
    switch: str
    state: ApplyState
    """Applied when all trees and members are; refused when any is."""
    reason: str | None
    trees: tuple[TreeStatus, ...]
    members: tuple[MemberStatus, ...]

    @property
    def pushes(self) -> CounterValue:
        """Of all its trees together."""
        return CounterValue(
            sum(tree.pushes.packets for tree in self.trees),
            sum(tree.pushes.bytes for tree in self.trees),
        )


@dataclass(frozen=True, slots=True)
class StreamStatus:
    name: str
    host: str
    group: str
    state: StreamState
    reason: str | None = None
    """Why it waits."""
    error: str | None = None
    """The pusher's, when it failed."""
    trees: tuple[int, ...] = ()
    """Pipeline groups that each segment is pushed to."""
    segment_bytes: int = 0
    """Payload of a push that is in force; 0 before the first start."""
    offset: int = 0
    """Next byte of the source to be pushed."""
    total_bytes: int | None = None
    """Of the source; None when it is not known."""
    rounds: int = 0
    """Times through the source."""
    pushes: int = 0
    """Frames pushed by the current run."""
    payload_bytes: int = 0
    """In those frames."""
    elapsed_seconds: float = 0.0
    """Of the current run."""
    bits_per_second: float = 0.0
    """Achieved: payload bits of the current run over its time."""
    packets_per_second: float = 0.0
    late_seconds: float = 0.0
    """The pacer's worst delay behind its schedule."""
    advice: str | None = None
    """When the rate asks for more copies than the switch's target is known to make."""


@dataclass(frozen=True, slots=True)
class PusherCounters:
    pushes: int = 0
    frame_bytes: int = 0
    payload_bytes: int = 0
    send_errors: int = 0
    send_retries: int = 0
    source_dropped: int = 0
    link_waits: int = 0
    """Of streams, because the switch was slower."""
    requests: int = 0
    bad_requests: int = 0


@dataclass(frozen=True, slots=True)
class HostStatus:
    name: str
    state: HostState
    reason: str | None
    version: str | None = None
    interface: str | None = None
    mtu: int | None = None
    pid: int | None = None
    started_at: datetime | None = None
    counters: PusherCounters = PusherCounters()
    """As last read; the pusher counts from its own start."""
    flows: int = 0
    """TCP clients that its pusher knows."""
    flow_counters: Mapping[str, int] = field(default_factory=dict[str, int])
    """What became of pulls and flow pushes, by name (host/tcp/counters.h); likewise."""
    link: HostLink | None = None
    """As last read; None: of a pusher that does not tell."""


@dataclass(frozen=True, slots=True)
class MemberCounter:
    group: str
    member: str
    value: CounterValue


@dataclass(frozen=True, slots=True)
class TreeCounter:
    group: str
    tree: int
    value: CounterValue


@dataclass(frozen=True, slots=True)
class PuntCounters:
    """Packets that the switch handed to the controller, and what became of them."""

    punted: Mapping[str, int] = field(default_factory=dict[str, int])
    """By the name of wire.h's HG_PUNT_*: ``arp``, ``neighbour_discovery``, ``unknown``."""
    answered: int = 0
    ignored: int = 0
    lost: int = 0
    """Came faster than they were looked at."""


@dataclass(frozen=True, slots=True)
class SwitchCounters:
    """Counters of one switch, as last read from it. They begin at 0 when it restarts."""

    switch: str
    read_at: datetime | None
    """None: never read yet."""
    ingress_drops: Mapping[str, CounterValue]
    """By the name of wire.h's HG_DROP_*, in lower case: ``malformed``, ..."""
    egress_drops: Mapping[str, CounterValue]
    trees: tuple[TreeCounter, ...]
    members: tuple[MemberCounter, ...]
    punts: PuntCounters = PuntCounters()


class ContentStage(StrEnum):
    FETCHING = "fetching"
    """Its bytes are being fetched, or read for their digest."""
    PREPARING = "preparing"
    """Its hosts take its sums, or its entries are on their way to the switch."""
    SERVING = "serving"
    DRAINING = "draining"
    """Removed; its last downloads finish."""
    FAILED = "failed"
    """The reason says why: to be removed, or put again."""


@dataclass(frozen=True, slots=True)
class HostedContent:
    """A content on one of its hosts."""

    host: str
    phase: str
    """The pusher's word (ContentPhase), or ``absent``."""
    prepared_bytes: int = 0
    """Of the response."""
    flows: int = 0
    """Downloads that run."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ContentStatus:
    name: str
    state: ContentStage
    reason: str | None
    """Why it is not served (yet)."""
    urls: tuple[str, ...]
    """Where clients find it."""
    sha256: str | None = None
    bytes: int | None = None
    """None until it was fetched or read."""
    done_bytes: int = 0
    """Bytes fetched or read, or of the response, prepared by the slowest host."""
    total_bytes: int | None = None
    """Of the same; None where it is not known."""
    flows: int = 0
    """Downloads that run, on all its hosts."""
    packets: CounterValue = CounterValue()
    """From clients, as last read from the switch."""
    hosts: tuple[HostedContent, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretsStatus:
    """Never the secrets themselves."""

    switch: str
    number: int
    rotated_at: datetime
    epoch: int
    advanced_at: datetime


@dataclass(frozen=True, slots=True)
class SetChange:
    """What replacing a whole set of members did."""

    added: int
    changed: int
    removed: int
