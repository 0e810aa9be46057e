# SPDX-License-Identifier: Apache-2.0
"""``hectograph demo cohort``: many clients ask at once, and the host sends the file once."""

import time
from contextlib import suppress

from hectograph.demo import downloads, parts, receivers, serve
from hectograph.demo.cohort_report import CohortReport
from hectograph.demo.stage import Options, Stage, perform
from hectograph.errors import Unavailable

EVICTED = ("behind", "silent", "path", "dissolved")
"""Why members leave that would rather have stayed (docs/cohorts.md)."""
COUNTERS_SECONDS = 5.0


def run(options: Options) -> int:
    """The exit status: 0 when every client has the file."""
    return perform(options, lambda stage: _demonstrate(stage, options), serve.ADDRESSING)


def _demonstrate(stage: Stage, options: Options) -> CohortReport:
    status = serve.publish(stage.running, stage.path)
    stage.say.print(f"content    {' and '.join(status.urls)}, through http://{parts.REST}")
    before = stage.network.host_counters().tx_bytes
    clients = downloads.start_together(
        stage.bed, stage.stack, stage.files, stage.network.clients, status.urls
    )
    stage.say.print(f"clients    {downloads.describe(clients, stage.files)}")
    watch = serve.Watch(stage.running, stage.network, clients, stage.say)
    watch.run(stage.size, options.kill)
    counters = _counters(stage, stage.size * len(clients))
    with stage.path.open("rb") as original:
        sha256 = receivers.digest(original)
    return CohortReport(
        target=options.target.name,
        file_bytes=stage.size,
        sha256=sha256,
        host_bytes=watch.host_bytes - before,
        delivered_bytes=watch.delivered_bytes,
        seconds=watch.seconds,
        downloaded=downloads.results(clients, sha256),
        killed=options.kill,
        cohorts=counters.get("cohorts_run", 0),
        pushes=counters.get("cohort_pushes", 0),
        repairs=counters.get("cohort_repairs", 0),
        reasons={
            name: count for name in EVICTED if (count := counters.get(f"cohort_left_{name}", 0))
        },
    )


def _counters(stage: Stage, delivered: int) -> dict[str, int]:
    """The pusher's, once the controller has read those of the whole download, or of what is
    left of them when the pusher was killed."""
    deadline = time.monotonic() + COUNTERS_SECONDS
    while True:
        with suppress(Unavailable):
            counters = dict(stage.running.client.hosts.get(parts.NAME).status.flow_counters)
            told = counters.get("cohort_delivered_bytes", 0) + counters.get("segment_bytes", 0)
            if told >= delivered or time.monotonic() > deadline:
                return counters
        if time.monotonic() > deadline:
            return {}
        time.sleep(serve.POLL_SECONDS)
