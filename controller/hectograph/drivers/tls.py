# SPDX-License-Identifier: Apache-2.0
"""TLS to a switch: its files, and why there is no connection.

Of a refused client's certificate gRPC knows only that the socket was closed. So what it
tried in vain is tried once more, with Python's own TLS, for the sake of the words.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from finsy import GRPCCredentialsTLS

from hectograph import pem
from hectograph.core.model import Tls
from hectograph.errors import Unavailable

PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Secured:
    """What the files held when they were read."""

    tls: Tls
    credentials: GRPCCredentialsTLS
    context: ssl.SSLContext


async def read(tls: Tls | None) -> Secured | None:
    """InvalidInput that names the file which is no good."""
    return None if tls is None else await asyncio.to_thread(_read, tls)


@asynccontextmanager
async def explained(secured: Secured | None, address: str) -> AsyncGenerator[None, None]:
    """Connects inside; when that fails for TLS, the reason says how."""
    try:
        yield
    except Unavailable as error:
        reason = secured and await refusal(secured, address)
        if reason is None:
            raise
        raise Unavailable(reason) from error


def _read(tls: Tls) -> Secured:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    ca = Path(tls.ca)
    root = pem.read(ca)
    pem.load_ca(context, ca)
    certificate = key = None
    if tls.certificate is not None and tls.key is not None:
        files = Path(tls.certificate), Path(tls.key)
        certificate, key = map(pem.read, files)
        pem.load_identity(context, *files)
    credentials = GRPCCredentialsTLS(cacert=root, cert=certificate, private_key=key)
    return Secured(tls, credentials, context)


async def refusal(secured: Secured, address: str) -> str | None:
    """None: it is not for TLS that there is no connection."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await _probe(secured, address)
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message.rstrip(".")
        return f"the switch's certificate does not pass with {secured.tls.ca}: {why}"
    except ssl.SSLError as error:
        return _told(error.reason or "")
    except OSError:  # a timeout too
        return None


async def _probe(secured: Secured, address: str) -> str | None:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=secured.context)
    try:
        # HTTP/2 begins with the server's settings. TLS 1.3 ends for the client before
        # the server has looked at its certificate.
        heard = await reader.read(1)
    except ConnectionError:
        heard = b""
    finally:
        writer.transport.abort()
    return None if heard else _hung_up(secured.tls)


def _hung_up(tls: Tls) -> str:
    if tls.certificate is None:
        return "the switch hung up: it wants a client's certificate, and none is given"
    return f"the switch hung up: it does not take the certificate {tls.certificate}"


def _told(reason: str) -> str | None:
    """In OpenSSL's words, as far as they are for people."""
    if reason == "WRONG_VERSION_NUMBER":
        return "the switch does not speak TLS"
    if "ALERT" in reason:
        return f"the switch hung up: {reason.lower().replace('_', ' ')}"
    return None
