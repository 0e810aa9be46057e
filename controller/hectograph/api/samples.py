# SPDX-License-Identifier: Apache-2.0
"""Prometheus' metric families, filled."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hectograph.core.status import CounterValue

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what generate_latest() writes."""

PREFIX = "hectograph_"

Labels = Sequence[str]
Rows = Iterable[tuple[Labels, float]]
"""Label values, and the sample."""


def packets_and_bytes(
    name: str, what: str, labels: Labels, rows: Iterable[tuple[Labels, CounterValue]]
) -> Iterator[Metric]:
    values = list(rows)
    packets = ((of, value.packets) for of, value in values)
    octets = ((of, value.bytes) for of, value in values)
    yield counter(f"{name}_packets", what.capitalize(), labels, packets)
    yield counter(f"{name}_bytes", f"Bytes of {what}", labels, octets)


def gauge(name: str, help_text: str, labels: Labels, rows: Rows) -> Metric:
    return _filled(GaugeMetricFamily(PREFIX + name, help_text, labels=labels), rows)


def counter(name: str, help_text: str, labels: Labels, rows: Rows) -> Metric:
    return _filled(CounterMetricFamily(PREFIX + name, help_text, labels=labels), rows)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, rows: Rows) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family
