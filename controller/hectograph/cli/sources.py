# SPDX-License-Identifier: Apache-2.0
"""Where bytes come from, as a person types it: a path, or what a scheme says."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hectograph.cli.remote import build
from hectograph.core.redact import redact
from hectograph.errors import InvalidInput

if TYPE_CHECKING:
    from hectograph.api.models import FileSource, UdpSource

UNKNOWN_TYPE = "application/octet-stream"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
"""RFC 3986, 3.1"""
_TYPES = {".ts": "video/mp2t"}
"""Where systems' tables mean something else: Qt's translations."""


def check_scheme(text: str, *known: str) -> None:
    """A path with such a beginning is written ``./rtp://...``."""
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1] not in known:
        schemes = ", ".join(f"{each}://" for each in known)
        raise InvalidInput(
            f"{scheme[1]}:// is not supported; a path or {schemes} is", where=redact(text)
        )


def file_source(text: str) -> FileSource:
    from hectograph.api.models import FileSource

    return build(FileSource, path=str(Path(text).absolute()))


def udp_source(text: str) -> UdpSource:
    """``udp://[INTERFACE@]ADDRESS:PORT``; the interface is where a multicast address is joined."""
    from hectograph.api.models import UdpSource

    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise InvalidInput(str(error), where=text) from error
    if url.password is not None or url.path.strip("/") or url.query or url.fragment:
        raise InvalidInput("is more than udp://[INTERFACE@]ADDRESS:PORT", where=text)
    return build(UdpSource, address=url.hostname, port=port, multicast_interface=url.username)


def media_type(file: str) -> str:
    """A packed file is just that: nobody is told to unpack it."""
    if known := _TYPES.get(Path(file).suffix.lower()):
        return known
    kind, packed = mimetypes.guess_type(file)
    return (None if packed else kind) or UNKNOWN_TYPE
