# SPDX-License-Identifier: Apache-2.0
"""Datagrams at a rate, for a peer that copies them: udp_source.py ADDRESS PORT BYTES PPS"""

import socket
import sys
import time

STEP_SECONDS = 0.001


def main(address: str, port: str, size: str, pps: str) -> None:
    payload, rate = bytes(int(size)), int(pps)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, int(port)))
        start, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - start) * rate)
            for _ in range(due - sent):
                sock.send(payload)
            sent = due
            time.sleep(STEP_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
