# SPDX-License-Identifier: Apache-2.0
"""Everything that Prometheus may ask for: one class, a registry of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hectograph.api import cohort_families, content_families, families
from hectograph.errors import NotFound
from hectograph.service import Service

Status = TypeVar("Status")


class Metrics:
    """The API's own, which are counted here, and the service's, collected at each scrape."""

    def __init__(self, max_member_series: int, max_content_series: int) -> None:
        self._max_member_series = max_member_series
        self._max_content_series = max_content_series
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "hectograph_http_requests",
            "Requests answered",
            ("operation", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "hectograph_http_request_duration_seconds",
            "Time to the end of the answer",
            ("operation",),
            registry=self._registry,
        )

    def answered(self, operation: str, status: int, seconds: float) -> None:
        self._requests.labels(operation, str(status)).inc()
        self._durations.labels(operation).observe(seconds)

    async def expose(self, service: Service) -> bytes:
        wanted = await service.list_switches()
        counters, switches, hosts, streams, contents, secrets = await asyncio.gather(
            service.counters(),
            _statuses(wanted, service.switch_status),
            _statuses(await service.list_hosts(), service.host_status),
            _statuses(await service.list_streams(), service.stream_status),
            _statuses(await service.list_contents(), service.content_status),
            _statuses(wanted, service.secrets_status),
        )
        return generate_latest(
            _Collected(
                [
                    *self._registry.collect(),
                    *families.of_switches(switches),
                    *families.of_hosts(hosts),
                    *families.of_streams(streams),
                    *families.of_counters(counters, self._max_member_series),
                    *content_families.of_contents(contents, self._max_content_series),
                    *content_families.of_secrets([each for each in secrets if each]),
                    *cohort_families.of_hosts(await service.cohort_hosts()),
                    *cohort_families.of_switches(await service.cohort_entries()),
                ]
            )
        )


class RequestMetrics:
    """Times every request, under the name of the operation that answered it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # Unset where no route took the path: such paths must not become labels.
            endpoint = scope.get("endpoint")
            operation = endpoint.__name__ if endpoint else "none"
            self._metrics.answered(operation, status, time.perf_counter() - begin)


@dataclass(frozen=True, slots=True)
class _Collected:
    """What generate_latest() takes for a registry."""

    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


class _Named(Protocol):
    @property
    def name(self) -> str: ...


async def _statuses(
    wanted: Iterable[_Named], status: Callable[[str], Awaitable[Status]]
) -> list[Status]:
    """Without those that were deleted meanwhile."""
    found: list[Status] = []
    for each in wanted:
        with suppress(NotFound):
            found.append(await status(each.name))
    return found
