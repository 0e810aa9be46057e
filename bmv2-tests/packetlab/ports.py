# SPDX-License-Identifier: Apache-2.0
"""The far ends of a switch's links, as raw sockets."""

import select
import socket
import struct
import time
from collections.abc import Callable, Mapping

ETH_P_ALL = 0x0003
# linux/if_packet.h
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
TP_STATUS_VLAN_VALID = 0x10
AUXDATA = struct.Struct("=IIIHHHH")
"""struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid."""

BUFFER_BYTES = 32 << 20
LARGEST_FRAME = 1 << 16


class FarEnds:
    """One raw socket on every link, from switch port to socket."""

    def __init__(self, interfaces: Mapping[int, str]) -> None:
        self._sockets = {port: _open(interface) for port, interface in interfaces.items()}

    @property
    def ports(self) -> list[int]:
        return list(self._sockets)

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()

    def send(self, port: int, frame: bytes) -> None:
        """Into the switch, through that port."""
        self._sockets[port].send(frame)

    def receive_until(
        self, is_last: Callable[[bytes], bool], timeout: float
    ) -> dict[int, list[bytes]]:
        """What every port received, in order, before the first frame that is_last() knows."""
        received: dict[int, list[bytes]] = {port: [] for port in self._sockets}
        waiting = {sock: port for port, sock in self._sockets.items()}
        deadline = time.monotonic() + timeout
        while waiting:
            readable = select.select(list(waiting), [], [], max(0, deadline - time.monotonic()))[0]
            assert readable, f"the last frame never came out of ports {sorted(waiting.values())}"
            for sock in readable:
                frame = _receive(sock)
                if is_last(frame):
                    del waiting[sock]
                else:
                    received[waiting[sock]].append(frame)
        return received


def _open(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    return sock


def _receive(sock: socket.socket) -> bytes:
    """A frame as it was on the wire: the kernel takes an 802.1Q tag out and tells it apart."""
    frame, ancillary, _, _ = sock.recvmsg(LARGEST_FRAME, socket.CMSG_SPACE(AUXDATA.size))
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(data)
            if status & TP_STATUS_VLAN_VALID:
                return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    return frame
