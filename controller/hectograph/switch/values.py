# SPDX-License-Identifier: Apache-2.0
"""What passes between the P4Runtime server and the C runtime, as plain values."""

from dataclasses import dataclass
from typing import NamedTuple


class MatchKey(NamedTuple):
    """What identifies an entry in its table, in the runtime's flat form."""

    key: bytes
    mask: bytes
    """As long as the key; unused where all fields are exact."""
    priority: int


@dataclass(frozen=True, slots=True)
class CounterValue:
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class MeterRates:
    """RFC 2698; per second and in the meter's unit."""

    cir: int
    cburst: int
    pir: int
    pburst: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A table entry as read; the default entry's key is None."""

    key: MatchKey | None
    action: int
    params: bytes
    cookie: int
    idle_timeout_ns: int
    idle_ns: int
    """Since it was hit, or inserted; where the table knows."""
    is_const: bool
    counter: CounterValue
    meter: MeterRates | None


@dataclass(frozen=True, slots=True)
class PortStats:
    port: int
    worker: int
    """The thread that forwards what comes in, from 0."""
    interface: str
    up: bool
    mtu: int
    rx_packets: int
    rx_bytes: int
    tx_packets: int
    tx_bytes: int
    rx_dropped: int
    tx_dropped: int
    tx_overflowed: int
    """They had waited in the port's queue for too long, or found no room there."""
    tx_oversized: int
    tx_uncut: int
    tx_supers: int
    tx_super_segments: int
    tx_fanned: int
    rx_supers: int
    rx_super_segments: int
    rx_bundles: int
    rx_bundle_pushes: int
    rx_bundle_malformed: int
    captured: int
    capture_lost: int
    """Frames that came faster than its capture files were written."""
    capture_unwritten: int
    """Frames that the files did not take."""
    tx_queued: int
    """Frames for which the kernel had no room at once, so that they waited."""
    queue_ms: int
    """How long a frame may wait for that."""
    queue_frames: int
    """Now: frames, whole super-frames, that wait for the kernel to have room."""
    queue_bytes: int
    tx_waiting: int
    """Now, in frames: gathered and not yet handed to the kernel."""
    tx_kernel_bytes: int
    """Now: what the kernel holds of ours, as it counts memory."""


@dataclass(frozen=True, slots=True)
class SwitchStats:
    """Every packet that the switch took, made or lost, by reason."""

    ingress_packets: int
    replicas: int
    clones: int
    dropped_no_pipeline: int
    dropped_ingress: int
    dropped_egress: int
    dropped_no_group: int
    dropped_no_port: int
    dropped_cpu_queue: int
    dropped_clones: int
    dropped_again: int
    dropped_assertions: int
    dropped_stuck: int
    dropped_digests: int


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits now, and how much can at most."""

    packet_ins: int
    packet_ins_max: int
    packet_outs: int
    packet_outs_max: int
    digests: int
    digests_max: int


class StageCycles(NamedTuple):
    """What a sample of the packets cost in one stage."""

    cycles: int
    times: int
    """Packets, copies or frames: hg_observe.h."""


class DigestMessage(NamedTuple):
    """What digest() sent: which one of the pipeline's, and its fields in the flat form."""

    digest: int
    data: bytes


class Replica(NamedTuple):
    port: int
    instance: int


class Chosen(NamedTuple):
    """What a choice is among: a member of an action profile, by its number in the runtime."""

    member: int
    watched_port: int | None = None
    """While it is down the member is not chosen."""
