# SPDX-License-Identifier: Apache-2.0
"""Whether an interface of this machine can carry anything."""

import fcntl
import os
import socket
import struct

_SIOCGIFFLAGS = 0x8913
"""linux/sockios.h"""
_IFREQ = struct.Struct("16sH22x")
"""struct ifreq with its flags, linux/if.h."""
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
"""It has a carrier."""


def trouble(interface: str) -> str | None:
    """Why it cannot; None: it is up and has a carrier."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            request = _IFREQ.pack(os.fsencode(interface), 0)
            _, flags = _IFREQ.unpack(fcntl.ioctl(asking, _SIOCGIFFLAGS, request))
        except OSError as error:
            return error.strerror or str(error)
    if not flags & _IFF_UP:
        return "is down"
    return None if flags & _IFF_RUNNING else "has no carrier"
