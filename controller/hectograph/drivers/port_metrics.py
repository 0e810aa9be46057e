# SPDX-License-Identifier: Apache-2.0
"""What an embedded switch's ports lost, from its own metrics: P4Runtime has no word for ports."""

from collections.abc import Iterator

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hectograph.core.status import PortDrops
from hectograph.errors import Unavailable

TIMEOUT_SECONDS = 2.0
"""It is on the way of every status, and the switch's own thread answers."""

_SAMPLE = "hectograph_switch_port_dropped_packets_total"


async def read_port_drops(address: str) -> tuple[PortDrops, ...]:
    """Of each port, reasons that have come up. Unavailable: nobody answers there, or not so."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = await client.get(f"http://{address}/metrics")
            answer.raise_for_status()
        return tuple(_drops(answer.text))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"no metrics: {error}", where=address) from error
    except (ValueError, KeyError) as error:
        raise Unavailable(f"not a switch's metrics: {error}", where=address) from error


def _drops(text: str) -> Iterator[PortDrops]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == _SAMPLE and sample.value:
                of = sample.labels
                yield PortDrops(int(of["port"]), of["interface"], of["reason"], int(sample.value))
