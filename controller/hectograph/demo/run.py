# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo udp``: from an empty machine to a file at every receiver, and back."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hectograph.cli.units import bytes_text
from hectograph.demo import content, parts, receivers, topology
from hectograph.demo.gaps import find_gaps
from hectograph.demo.pace import PACES
from hectograph.demo.push import Push
from hectograph.demo.report import Report
from hectograph.errors import Unavailable
from hectograph.testbed import Testbed
from hectograph.testbed.targets import Target


@dataclass(frozen=True, slots=True)
class Options:
    target: Target
    clients: int
    file: Path | None = None
    """None takes one that is on the machine."""
    bits_per_second: int | None = None
    """Of payload; None takes what the target is known for."""
    kill: tuple[str, ...] = ()
    """Parts that get a SIGKILL during the push, in this order."""
    as_json: bool = False


def run(options: Options) -> int:
    """The exit status: 0 when every receiver has the file."""
    if missing := options.target.missing():
        raise Unavailable(missing)
    file = content.check(options.file) if options.file else None
    with ExitStack() as stack:
        report = _demonstrate(stack, options, file)
    if options.as_json:
        print(report.as_json())
    else:
        report.show(Console(highlight=False, soft_wrap=True))
    return 0 if report.succeeded() else 1


def _demonstrate(stack: ExitStack, options: Options, file: Path | None) -> Report:
    say = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    bed = stack.enter_context(Testbed())
    path, made_of = (file, [file]) if file else content.choose(bed.directory)
    size = path.stat().st_size
    receivers.check_space(size * options.clients)
    say.print(f"file       {' + '.join(map(str, made_of))}, {bytes_text(size)}")
    network = topology.build(bed, options.clients, PACES[options.target.name].mtu)
    say.print(f"network    a host, a switch, {options.clients} clients, each in its own namespace")
    running = parts.start(bed, network, options.target)
    stack.callback(running.client.close)
    for program in running.all():
        say.print(f"started    {program.name}: {program.command_line()}")
    listening = receivers.start(bed, stack, network.clients, size)
    parts.join(running, network)
    say.print(f"joined     {options.clients} receivers through http://{parts.REST}")

    push = Push(running, network, listening, say)
    push.run(path, options.bits_per_second, options.kill)
    original = stack.enter_context(path.open("rb"))
    sha256 = receivers.digest(original)
    received = receivers.results(listening, sha256)
    lost = not options.kill and not all(each.identical for each in received)
    segment_bytes = push.status.segment_bytes
    return Report(
        target=options.target.name,
        file_bytes=size,
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
