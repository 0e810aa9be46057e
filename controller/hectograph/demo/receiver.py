# SPDX-License-Identifier: Apache-2.0
"""A receiver that knows nothing of Hectograph: a UDP socket, and what it gets goes to a file.

    python receiver.py ADDRESS PORT BYTES DESCRIPTOR

Says "ready" when it listens. Ends after BYTES bytes, or at SIGTERM, and says how
many datagrams there were.
"""

import os
import signal
import socket
import sys

SO_RCVBUFFORCE = 33  # asm-generic/socket.h; allowed to root only
BUFFER_BYTES = 32 << 20
"""Time to be scheduled in: the sender does not wait for anyone."""
LARGEST_DATAGRAM = 65535
WRITE_BYTES = 1 << 20


def open_socket(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    sock.bind((address, port))
    return sock


def receive(sock: socket.socket, expected: int, descriptor: int) -> int:
    """Datagrams until `expected` bytes are there; what came is written in any case."""
    buffer = memoryview(bytearray(WRITE_BYTES + LARGEST_DATAGRAM))
    filled = total = datagrams = 0
    try:
        while total + filled < expected:
            filled += sock.recv_into(buffer[filled:])
            datagrams += 1
            if filled >= WRITE_BYTES:
                os.write(descriptor, buffer[:filled])
                total += filled
                filled = 0
    except KeyboardInterrupt:
        pass
    os.write(descriptor, buffer[:filled])
    return datagrams


def main(address: str, port: str, expected: str, descriptor: str) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open_socket(address, int(port)) as sock:
        print("ready", flush=True)
        datagrams = receive(sock, int(expected), int(descriptor))
    print(datagrams)


if __name__ == "__main__":
    main(*sys.argv[1:])
