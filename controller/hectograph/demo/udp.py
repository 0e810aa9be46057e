# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo udp``: from an empty machine to a file at every receiver, and back."""

from dataclasses import dataclass

from hectograph.demo import parts, receivers
from hectograph.demo.gaps import find_gaps
from hectograph.demo.push import Push
from hectograph.demo.report import Report
from hectograph.demo.stage import Options, Stage, perform


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpOptions(Options):
    bits_per_second: int | None = None
    """Of payload; None takes what the target is known for."""


def run(options: UdpOptions) -> int:
    """The exit status: 0 when every receiver has the file."""
    return perform(options, lambda stage: _demonstrate(stage, options))


def _demonstrate(stage: Stage, options: UdpOptions) -> Report:
    listening = receivers.start(
        stage.bed, stage.stack, stage.files, stage.network.clients, stage.size
    )
    parts.join(stage.running, stage.network)
    stage.say.print(f"joined     {options.clients} receivers through http://{parts.REST}")

    push = Push(stage.running, stage.network, listening, stage.say)
    push.run(stage.path, options.bits_per_second, options.kill)
    original = stage.stack.enter_context(stage.path.open("rb"))
    sha256 = receivers.digest(original)
    received = receivers.results(listening, sha256)
    lost = not options.kill and not all(each.identical for each in received)
    segment_bytes = push.status.segment_bytes
    return Report(
        target=options.target.name,
        file_bytes=stage.size,
        sha256=sha256,
        segment_bytes=segment_bytes,
        host_bytes=push.host_bytes,
        delivered_bytes=push.delivered_bytes,
        seconds=push.seconds,
        received=received,
        taken=push.taken() if lost else None,
        killed=options.kill,
        gaps=[find_gaps(original, each.file, segment_bytes) for each in listening]
        if options.kill
        else (),
    )
