# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo tcp``: ordinary clients download a file, whatever is killed meanwhile."""

from hectograph.demo import downloads, parts, receivers, serve
from hectograph.demo.stage import Options, Stage, perform
from hectograph.demo.tcp_report import TcpReport


def run(options: Options) -> int:
    """The exit status: 0 when every client has the file."""
    return perform(options, lambda stage: _demonstrate(stage, options), serve.ADDRESSING)


def _demonstrate(stage: Stage, options: Options) -> TcpReport:
    status = serve.publish(stage.running, stage.path)
    stage.say.print(f"content    {' and '.join(status.urls)}, through http://{parts.REST}")

    slowly = stage.size // serve.SECONDS_TO_SURVIVE if options.kill else 0
    clients = downloads.start(
        stage.bed, stage.stack, stage.files, stage.network.clients, status.urls, slowly
    )
    stage.say.print(
        "sharing    none here, each download goes by itself: the host sends the file "
        f"{options.clients} times; `hectograph demo cohort` shares it"
    )
    stage.say.print(f"clients    {downloads.describe(clients, stage.files)}")
    watch = serve.Watch(stage.running, stage.network, clients, stage.say)
    watch.run(stage.size, options.kill)
    with stage.path.open("rb") as original:
        sha256 = receivers.digest(original)
    return TcpReport(
        target=options.target.name,
        file_bytes=stage.size,
        sha256=sha256,
        host_bytes=watch.host_bytes,
        delivered_bytes=watch.delivered_bytes,
        seconds=watch.seconds,
        downloaded=downloads.results(clients, sha256),
        killed=options.kill,
        resumed=watch.resumed() if "pusher" in options.kill else (0, 0),
    )
