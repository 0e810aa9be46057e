# SPDX-License-Identifier: Apache-2.0
"""Files for TLS, in PEM form, looked at before gRPC gets them.

gRPC takes any bytes, and then fails without a word; here it is InvalidInput that names
the file which is no good.
"""

import ssl
import stat
from pathlib import Path

from hectograph.errors import InvalidInput


def read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InvalidInput("is no regular file", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=str(path)) from None


def load_identity(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Who this side is."""

    def no_password() -> str:
        raise InvalidInput("is encrypted: give a key that is not", where=str(key))

    try:
        context.load_cert_chain(certificate, key, password=no_password)
    except (ssl.SSLError, OSError) as error:
        where = f"{certificate}, {key}"
        raise InvalidInput(f"not a certificate and its key: {error}", where=where) from None


def load_ca(context: ssl.SSLContext, ca: Path) -> None:
    """Who signs the other side's certificate."""
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError) as error:
        raise InvalidInput(f"not a CA's certificate: {error}", where=str(ca)) from None
