# SPDX-License-Identifier: Apache-2.0
"""GET /metrics, answered between two P4Runtime requests: what it reads nobody changes meanwhile."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hectograph.api.listener import Server, config
from hectograph.api.samples import CONTENT_TYPE
from hectograph.config import ListenAddress
from hectograph.switch.metrics import of_switch
from hectograph.switch.native import Switch
from hectograph.switch.service import P4RuntimeService

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 1
"""What a scrape that is under way gets to end."""


class _Families(Collector):
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        """None, so that a registry does not ask for samples to learn the names."""
        return ()


@asynccontextmanager
async def serve_metrics(
    listener: socket.socket, switch: Switch, service: P4RuntimeService
) -> AsyncGenerator[None]:
    """The switch's and the process's."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Families(partial(of_switch, switch, service)))

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    server = Server(
        config(Starlette(routes=[Route("/metrics", metrics)]), shutdown_seconds=_SHUTDOWN_SECONDS)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    host, port = listener.getsockname()[:2]
    log.info("metrics on http://%s/metrics", ListenAddress(host, port))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
