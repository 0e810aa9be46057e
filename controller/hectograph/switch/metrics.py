# SPDX-License-Identifier: Apache-2.0
"""What the switch knows of itself, as Prometheus' metric families."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from prometheus_client.core import Metric

from hectograph.api.samples import Labels, Rows, counter, gauge
from hectograph.switch.native import Switch
from hectograph.switch.pipeline import Pipeline
from hectograph.switch.service import P4RuntimeService
from hectograph.switch.values import PortStats, Queues, StageCycles, SwitchStats

_DROPPED = "dropped_"
"""How a number begins that counts drops; what follows is the reason."""

_PORT = ("port", "interface")
_PORT_GAUGES = {
    "up": ("up", "Whether the interface is up and has a link"),
    "mtu": ("mtu_bytes", "The interface's MTU"),
    "worker": ("worker", "The worker that forwards what comes in by the port, from 0"),
    "queue_ms": (
        "queue_limit_milliseconds",
        "How long a frame may wait for the kernel to have room for it",
    ),
    "queue_frames": (
        "queue_frames",
        "Frames in the port's queue, whole super-frames, for which the kernel has no room yet",
    ),
    "queue_bytes": ("queue_bytes", "Bytes in them"),
    "tx_waiting": ("tx_waiting_frames", "Frames gathered and not yet handed to the kernel"),
    "tx_kernel_bytes": (
        "tx_kernel_bytes",
        "What the kernel holds of the frames handed to it, as it counts memory",
    ),
}
_PORT_DROPS = {
    "rx_dropped": "rx",
    "tx_dropped": "tx",
    "tx_overflowed": "tx_queue",
    "tx_oversized": "tx_oversized",
    "tx_uncut": "tx_uncut",
}
_PORT_COUNTERS = {
    "rx_packets": "Frames received, each segment of a super-frame or push of a bundle by itself",
    "rx_bytes": "Bytes in them",
    "tx_packets": "Frames sent, each segment of a super-frame by itself",
    "tx_bytes": "Bytes in them",
    "tx_queued": "Frames that waited in the port's queue",
    "tx_supers": "Super-frames sent",
    "tx_super_segments": "Frames sent in them",
    "tx_fanned": "Super-frames that shared their payload with others",
    "rx_supers": "Super-frames received",
    "rx_super_segments": "Frames received in them",
    "rx_bundles": "Bundles received",
    "rx_bundle_pushes": "Pushes in them",
    "captured": "Frames in the port's capture files",
    "capture_lost": "Frames that came faster than the capture files were written",
    "capture_unwritten": "Frames that the capture files did not take",
    "rx_bundle_malformed": "Bundles of which the rest, from the first bad push on, was dropped",
}
_SWITCH_COUNTERS = {
    "ingress_packets": "Packets that went into the pipeline",
    "replicas": "Copies that the replication engine made",
    "clones": "Clones",
}


def of_switch(switch: Switch, service: P4RuntimeService) -> Iterator[Metric]:
    stats = switch.stats()
    handed_on = asdict(service.packets.counters)
    yield from _of_stats(stats, handed_on)
    yield from _of_ports(switch.ports())
    yield from _of_queues(switch.queues())
    yield from _of_stages(*switch.stages())
    if (running := service.configuration.running) is not None:
        yield from _of_pipeline(running)
    yield counter(
        "switch_notifications",
        "What became of digests and idle timeouts on their way to the controller",
        ("event",),
        _events(asdict(service.notifier.counters)),
    )


def _of_stats(stats: SwitchStats, handed_on: dict[str, int]) -> Iterator[Metric]:
    values: dict[str, int] = asdict(stats)
    for name, help_text in _SWITCH_COUNTERS.items():
        yield counter(f"switch_{name}", help_text, (), [((), values[name])])
    dropped = {name: value for name, value in values.items() if name.startswith(_DROPPED)}
    digests = dropped.pop("dropped_digests")
    dropped |= {name: value for name, value in handed_on.items() if name.startswith(_DROPPED)}
    yield counter(
        "switch_dropped_packets",
        "Packets dropped, but by ports; ingress and egress are the program's own decision",
        ("reason",),
        (((name.removeprefix(_DROPPED),), value) for name, value in dropped.items()),
    )
    yield counter(
        "switch_dropped_digests", "Digests for which there was no room", (), [((), digests)]
    )
    yield counter(
        "switch_controller_packets",
        "Packets to the controller and from it",
        ("event",),
        _events({n: v for n, v in handed_on.items() if not n.startswith(_DROPPED)}),
    )


def _events(values: dict[str, int]) -> Iterator[tuple[Labels, float]]:
    return (((name,), value) for name, value in values.items())


def _of_ports(ports: Sequence[PortStats]) -> Iterator[Metric]:
    def rows(name: str) -> Rows:
        return (((str(each.port), each.interface), getattr(each, name)) for each in ports)

    for name, (shown, help_text) in _PORT_GAUGES.items():
        yield gauge(f"switch_port_{shown}", help_text, _PORT, rows(name))
    for name, help_text in _PORT_COUNTERS.items():
        yield counter(f"switch_port_{name}", help_text, _PORT, rows(name))
    yield counter(
        "switch_port_dropped_packets",
        "Frames that a port could not take in or send",
        (*_PORT, "reason"),
        (
            ((*labels, reason), value)
            for name, reason in _PORT_DROPS.items()
            for labels, value in rows(name)
        ),
    )


def _of_queues(queues: Queues) -> Iterator[Metric]:
    waiting = {
        "packet_in": (queues.packet_ins, queues.packet_ins_max),
        "packet_out": (queues.packet_outs, queues.packet_outs_max),
        "digest": (queues.digests, queues.digests_max),
    }
    yield gauge(
        "switch_queue_length",
        "What waits between the packet path and P4Runtime",
        ("queue",),
        (((name,), length) for name, (length, _) in waiting.items()),
    )
    yield gauge(
        "switch_queue_capacity",
        "What can wait there",
        ("queue",),
        (((name,), capacity) for name, (_, capacity) in waiting.items()),
    )


def _of_stages(stages: dict[str, StageCycles], rate: int) -> Iterator[Metric]:
    yield counter(
        "switch_stage_cycles",
        "What the measured packets, copies and frames cost",
        ("stage",),
        (((name,), each.cycles) for name, each in stages.items()),
    )
    yield counter(
        "switch_stage_measured",
        "How many were measured: packets, of replication and egress copies, of transmit frames",
        ("stage",),
        (((name,), each.times) for name, each in stages.items()),
    )
    yield gauge("switch_cycles_per_second", "Of the clock that counts them", (), [((), rate)])


def _of_pipeline(pipeline: Pipeline) -> Iterable[Metric]:
    fill = pipeline.fill()
    yield gauge(
        "switch_table_entries",
        "Entries in a table, without its default entry",
        ("table",),
        (((name,), each.entries) for name, each in fill.items()),
    )
    yield gauge(
        "switch_table_size",
        "Entries that fit",
        ("table",),
        (((name,), each.size) for name, each in fill.items()),
    )
    sizes = pipeline.replication.sizes()
    for kind, name in (("multicast group", "multicast_group"), ("clone session", "clone_session")):
        yield gauge(f"switch_{name}s", f"The {kind}s", (), [((), len(sizes[kind]))])
        yield gauge(f"switch_{name}_replicas", "Replicas in them", (), [((), sum(sizes[kind]))])
