# SPDX-License-Identifier: Apache-2.0
"""The controller as a process: service and API together, until a signal ends it."""

import asyncio
import logging
import os
import signal
import socket

from hectograph import log
from hectograph.api.app import create_app
from hectograph.api.listener import Server, config, listen
from hectograph.config import ListenAddress, Settings
from hectograph.paths import PRIVATE_UMASK
from hectograph.service import Service

TALKATIVE = ("httpx", "httpcore")
"""They tell of each request, with its URL and the password in it."""

_log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Returns after SIGINT or SIGTERM, when what was under way is answered."""
    os.umask(PRIVATE_UMASK)
    log.configure(settings.log_level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    with listen(settings.listen) as listener:
        asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    service = Service(
        settings.database, cohorts=settings.cohorts, roots=settings.roots, links=settings.link
    )
    server = Server(
        config(create_app(settings, service), shutdown_seconds=settings.shutdown_seconds)
    )

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with service:
        host, port = listener.getsockname()[:2]
        _log.info("serving http://%s/api/v1", ListenAddress(host, port))
        await server.serve(sockets=[listener])
