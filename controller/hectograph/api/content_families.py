# SPDX-License-Identifier: Apache-2.0
"""Contents and secrets, as Prometheus' metric families.

Contents can be many thousands: a limited number is broken down, in the order of their
names, and how many were left out is a metric itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from hectograph.api.samples import gauge, packets_and_bytes
from hectograph.core.status import ContentStage, ContentStatus, SecretsStatus


def of_contents(contents: Sequence[ContentStatus], most: int) -> Iterator[Metric]:
    shown = sorted(contents, key=lambda each: each.name)[:most]
    states = Counter(each.state for each in contents)
    yield gauge(
        "contents",
        "Contents by the state that they are in",
        ("state",),
        (((state,), states[state]) for state in ContentStage),
    )
    yield gauge(
        "contents_not_shown",
        "Contents that are too many to be broken down here",
        (),
        [((), len(contents) - len(shown))],
    )
    yield gauge(
        "content_flows",
        "Downloads that run",
        ("content", "host"),
        (((each.name, hosted.host), hosted.flows) for each in shown for hosted in each.hosts),
    )
    yield from packets_and_bytes(
        "content",
        "packets from clients of the content",
        ("content",),
        (((each.name,), each.packets) for each in shown),
    )


def of_secrets(secrets: Sequence[SecretsStatus]) -> Iterator[Metric]:
    yield gauge(
        "secrets_number",
        "Number of the current secret, modulo 256",
        ("switch",),
        (((each.switch,), each.number) for each in secrets),
    )
    yield gauge(
        "filter_epoch",
        "Epoch of the flow filter, 1 to 255",
        ("switch",),
        (((each.switch,), each.epoch) for each in secrets),
    )
