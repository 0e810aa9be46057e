# SPDX-License-Identifier: Apache-2.0
"""The controller as a process: service and API together, until a signal ends it."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from hectograph.api.app import create_app
from hectograph.config import ListenAddress, Settings
from hectograph.errors import Unavailable
from hectograph.service import Service

_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are ours: uvicorn would end the process by the same signal once more."""
        yield


def run(settings: Settings) -> None:
    """Returns after SIGINT or SIGTERM, when what was under way is answered."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with _listen(settings.listen) as listener:
        asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    service = Service(settings.database)
    server = _Server(
        uvicorn.Config(
            create_app(settings, service),
            lifespan="off",
            log_config=None,
            log_level="warning",  # what it says at each start and end is said here already
            access_log=False,  # /metrics counts requests
            server_header=False,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
    )

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with service:
        host, port = listener.getsockname()[:2]
        _log.info("serving http://%s/api/v1", ListenAddress(host, port))
        await server.serve(sockets=[listener])


def _listen(address: ListenAddress) -> socket.socket:
    """Bound here and not by uvicorn, so that a port in use is one clear line."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise Unavailable(f"cannot listen: {reason}", where=str(address)) from error
