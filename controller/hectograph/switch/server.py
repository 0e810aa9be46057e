# SPDX-License-Identifier: Apache-2.0
"""The gRPC server around the service, and the pump of packets to it."""

import asyncio
import socket

import grpc
from finsy.proto import p4r_grpc

from hectograph.errors import Conflict
from hectograph.switch.native import Switch
from hectograph.switch.service import P4RuntimeService

_OPTIONS = (
    # A config's JSON and a large batch exceed gRPC's 4 MiB; the specification suggests this.
    ("grpc.max_receive_message_length", 128 << 20),
    # Without it a second switch on the same address would take half of the clients.
    ("grpc.so_reuseport", 0),
)

_GRACE_SECONDS = 0.5


class P4RuntimeServer:
    def __init__(self, switch: Switch, device_id: int) -> None:
        self.service = P4RuntimeService(switch, device_id)
        self._switch = switch
        self._server = grpc.aio.server(options=_OPTIONS)
        p4r_grpc.add_P4RuntimeServicer_to_server(self.service, self._server)

    async def start(self, address: str) -> int:
        """Listens, and returns the port: the one that was chosen when `address` has 0."""
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise Conflict(f"P4Runtime cannot listen on {address}: {_reason(address)}") from error
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

    def _pump(self) -> None:
        self.service.packets.receive(self.service.deliver)


def _reason(address: str) -> str:
    """What gRPC does not say: try what it tried."""
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, place in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(place)
    except OSError as error:
        return error.strerror or str(error)
    return "gRPC refused the address"
