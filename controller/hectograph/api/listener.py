# SPDX-License-Identifier: Apache-2.0
"""The API's socket: bound here and not by uvicorn, so that a port in use is one clear line."""

import os
import socket

from hectograph.config import ListenAddress
from hectograph.errors import Unavailable


def listen(address: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise Unavailable(f"cannot listen: {reason}", where=str(address)) from error
