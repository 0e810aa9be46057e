# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo tcp``: ordinary clients download a file, whatever is killed meanwhile."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hectograph.cli.units import bytes_text
from hectograph.demo import content, downloads, parts, receivers, serve, topology
from hectograph.demo.pace import PACES
from hectograph.demo.tcp_report import TcpReport
from hectograph.errors import Unavailable
from hectograph.testbed import Testbed
from hectograph.testbed.targets import Target


@dataclass(frozen=True, slots=True)
class Options:
    target: Target
    clients: int
    file: Path | None = None
    """None takes one that is on the machine."""
    kill: tuple[str, ...] = ()
    """Parts that get a SIGKILL during the downloads, in this order."""
    as_json: bool = False


def run(options: Options) -> int:
    """The exit status: 0 when every client has the file."""
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


def _demonstrate(stack: ExitStack, options: Options, file: Path | None) -> TcpReport:
    say = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    bed = stack.enter_context(Testbed())
    path, made_of = (file, [file]) if file else content.choose(bed.directory)
    size = path.stat().st_size
    receivers.check_space(size * options.clients)
    say.print(f"file       {' + '.join(map(str, made_of))}, {bytes_text(size)}")
    network = topology.build(bed, options.clients, PACES[options.target.name].mtu)
    say.print(f"network    a host, a switch, {options.clients} clients, each in its own namespace")
    running = parts.start(bed, network, options.target, serve.ADDRESSING)
    stack.callback(running.client.close)
    for program in running.all():
        say.print(f"started    {program.name}: {program.command_line()}")
    status = serve.publish(running, path)
    say.print(f"content    {' and '.join(status.urls)}, through http://{parts.REST}")

    slowly = size // serve.SECONDS_TO_SURVIVE if options.kill else 0
    clients = downloads.start(bed, stack, network.clients, status.urls, slowly)
    with_what = "curl" if downloads.has_curl() else "Python's http.client, for want of curl"
    say.print(f"clients    {len(clients)} downloads with {with_what}")
    watch = serve.Watch(running, network, clients, say)
    watch.run(size, options.kill)
    with path.open("rb") as original:
        sha256 = receivers.digest(original)
    return TcpReport(
        target=options.target.name,
        file_bytes=size,
        sha256=sha256,
        host_bytes=watch.host_bytes,
        delivered_bytes=watch.delivered_bytes,
        seconds=watch.seconds,
        downloaded=downloads.results(clients, sha256),
        killed=options.kill,
        resumed=watch.resumed() if "pusher" in options.kill else (0, 0),
    )
