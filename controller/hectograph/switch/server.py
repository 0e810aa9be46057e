# SPDX-License-Identifier: Apache-2.0
"""The gRPC server around the service, and the pump of packets to it."""

import asyncio
import logging
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc
from finsy.proto import p4r_grpc

from hectograph import pem
from hectograph.errors import Conflict, HectographError
from hectograph.switch.native import Switch
from hectograph.switch.service import P4RuntimeService

log = logging.getLogger(__name__)

_OPTIONS = (
    # A config's JSON and a large batch exceed gRPC's 4 MiB; the specification suggests this.
    ("grpc.max_receive_message_length", 128 << 20),
    # Without it a second switch on the same address would take half of the clients.
    ("grpc.so_reuseport", 0),
    # Who connects and says nothing holds a descriptor for so long, and not for two minutes.
    ("grpc.server_handshake_timeout_ms", 5_000),
)

UNIX = "unix:"
"""Before the path of a socket; in gRPC's addresses, as for clients."""

_GRACE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form."""

    certificate: Path
    """The server's, and what signs it up to a root, in this order."""
    key: Path
    client_ca: Path | None = None
    """What signs clients' certificates: who has none gets in nowhere."""

    def credentials(self) -> grpc.ServerCredentials:
        """InvalidInput that names the file which is no good. What is in the files later holds
        for the connections after it; what is no good then is said and not taken."""
        known = self._versions()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            """For each connection, in a thread of gRPC's; None: what it has."""
            nonlocal known
            try:
                if (now := self._versions()) == known:
                    return None
                configuration = self._configuration()
            except (HectographError, OSError) as error:
                log.warning("the old certificate is kept: %s", error)
                return None
            known = now
            return configuration

        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            renewed,  # pyright: ignore[reportArgumentType]  its stubs do not know None
            require_client_authentication=self.client_ca is not None,
        )

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        certificate, key = pem.read(self.certificate), pem.read(self.key)
        client_ca = None if self.client_ca is None else pem.read(self.client_ca)
        self._check()
        return grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca)

    def _versions(self) -> list[tuple[int, int]]:
        files = (self.certificate, self.key, self.client_ca)
        found = [each.stat() for each in files if each is not None and each.exists()]
        return [(each.st_ino, each.st_mtime_ns) for each in found]

    def _check(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem.load_identity(context, self.certificate, self.key)
        if self.client_ca is not None:
            pem.load_ca(context, self.client_ca)


class P4RuntimeServer:
    def __init__(self, switch: Switch, device_id: int) -> None:
        self.service = P4RuntimeService(switch, device_id)
        self._switch = switch
        self._server = grpc.aio.server(options=_OPTIONS)
        p4r_grpc.add_P4RuntimeServicer_to_server(self.service, self._server)

    async def start(self, address: str, tls: Tls | None = None) -> int:
        """Listens, and returns the port: the one that was chosen when `address` has 0."""
        try:
            port = self._listen(address, tls)
        except BaseException:
            await self._server.stop(None)  # else gRPC stops it when there is no loop any more
            raise
        await self._server.start()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._switch.cpu_fd(), self._pump)
        loop.add_reader(self._switch.digest_fd(), self.service.learn)
        return port

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._switch.cpu_fd())
        loop.remove_reader(self._switch.digest_fd())
        self.service.close_streams()
        await self._server.stop(_GRACE_SECONDS)
        await self.service.finish()
        self.service.configuration.close()

    def _listen(self, address: str, tls: Tls | None) -> int:
        try:
            if address.startswith(UNIX):
                return self._listen_on_socket(address)
            if tls is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, tls.credentials())
        except RuntimeError as error:
            raise Conflict(f"P4Runtime cannot listen on {address}: {_reason(address)}") from error

    def _listen_on_socket(self, address: str) -> int:
        """Of its user alone. gRPC takes the path from whoever has it: not from one who lives."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(address.removeprefix(UNIX)) == 0:
                raise Conflict("another switch serves P4Runtime there", where=address)
        mask = os.umask(0o177)
        try:
            return self._server.add_insecure_port(address)
        finally:
            os.umask(mask)

    def _pump(self) -> None:
        self.service.packets.receive(self.service.deliver)


def _reason(address: str) -> str:
    """What gRPC does not say: try what it tried."""
    if address.startswith(UNIX):
        return "is its folder there, and may files be made in it?"
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, place in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(place)
    except OSError as error:
        return error.strerror or str(error)
    return "gRPC refused the address"
