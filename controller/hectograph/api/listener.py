# SPDX-License-Identifier: Apache-2.0
"""A socket for HTTP, and uvicorn on it.

It is bound here and not by uvicorn, so that a port in use is one clear line.
"""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from hectograph.api.patience import BACKLOG, PatientProtocol
from hectograph.config import ListenAddress
from hectograph.errors import Unavailable


class Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are ours: uvicorn would end the process by the same signal once more."""
        yield


def config(app: ASGIApp, *, shutdown_seconds: int) -> uvicorn.Config:
    """Of an application that lives as long as its process, for clients that are not trusted."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        backlog=BACKLOG,
        lifespan="off",
        log_config=None,
        log_level="warning",  # what it says at each start and end is said by its callers
        access_log=False,  # /metrics counts requests
        server_header=False,
        timeout_graceful_shutdown=shutdown_seconds,
    )


def listen(address: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise Unavailable(f"cannot listen: {reason}", where=str(address)) from error
