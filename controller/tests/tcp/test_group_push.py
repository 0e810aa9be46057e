# SPDX-License-Identifier: Apache-2.0
"""One push to many kernels' TCP: each gets the same bytes in a stream of its own."""

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random

import pytest
from grouppusher import publish, pusher
from tcplab import Lab, exchange, running_lab

from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS, Target

SEGMENT_BYTES = 1408
MTUS = (1500, 1500, 1500)
CONNECTIONS = 2
"""Of each client, over IPv4 and over IPv6."""
MEMBERS = len(MTUS) * CONNECTIONS * 2
RESET = struct.pack("ii", 1, 0)
"""struct linger: what close() does with SO_LINGER."""
RESPONSE_BYTES = 4 << 20
"""What the switch believes that there is; contents are longer than what is pushed."""


@dataclass(frozen=True, slots=True)
class Way:
    """How runs come in, and how copies leave."""

    target: Target
    run_bytes: int
    in_bundles: bool
    size: int
    ahead: int
    """Runs."""


def embedded(io: str) -> Target:
    target = TARGETS["embedded"]
    return replace(target, program=(*target.program, "--io", io))


WAYS = {
    # 46 segments are the longest run that a bundle holds; the least window of a client takes one.
    "what the kernel takes": Way(embedded("auto"), 46 * SEGMENT_BYTES, True, 3 << 20, 0),
    "super-frames": Way(embedded("super"), 46 * SEGMENT_BYTES, True, 3 << 20, 0),
    "frames": Way(embedded("afpacket"), 46 * SEGMENT_BYTES, True, 1 << 20, 0),
    "odd runs": Way(embedded("auto"), 3 * SEGMENT_BYTES - 127, True, 1 << 20, 8),
    "segments": Way(embedded("auto"), SEGMENT_BYTES, False, 1 << 20, 20),
    "bmv2": Way(TARGETS["bmv2"], SEGMENT_BYTES, False, 256 << 10, 4),
}


THOROUGH = ("super-frames", "frames", "segments")
"""With --soak only: the packet tests and the C tests have them too."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(way, id=name, marks=pytest.mark.soak if name in THOROUGH else ())
        for name, way in WAYS.items()
    ],
)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    if reason := way.target.missing():
        pytest.skip(reason)
    return way


@pytest.fixture(scope="module")
def lab(way: Way) -> Iterator[Lab]:
    # BMv2 needs its links' offloads off.
    relays = not way.target.bundles
    with ExitStack() as stack:
        testbed = stack.enter_context(Testbed())
        lab = stack.enter_context(running_lab(testbed, way.target, MTUS, relays=relays))
        for number in range(len(MTUS) if relays else 0):
            stack.enter_context(lab.faulty(number))
        yield lab


def test_every_client_gets_the_same_bytes(lab: Lab, way: Way) -> None:
    data = Random(1).randbytes(way.size)
    content = publish(lab, RESPONSE_BYTES)
    with pusher(lab) as host, ThreadPoolExecutor(MEMBERS) as threads:
        for _ in range(2):
            socks = [
                client.connect(address)
                for client in lab.clients
                for address in content.addresses * CONNECTIONS
            ]
            received = [threads.submit(exchange, sock, b"GET / HTTP/1.0\r\n\r\n") for sock in socks]
            host.collect(MEMBERS)
            host.enter()
            host.push(data, way.run_bytes, SEGMENT_BYTES if way.in_bundles else 0, way.ahead)
            assert all(each.result(60) == data for each in received)
            host.leave()


def test_a_client_that_resets_harms_nobody(lab: Lab, way: Way) -> None:
    data = Random(2).randbytes(way.size // 2)
    content = publish(lab, RESPONSE_BYTES)
    with pusher(lab) as host, ThreadPoolExecutor(MEMBERS) as threads:
        goes = lab.clients[0].connect(content.addresses[0])
        stays = [client.connect(content.addresses[1]) for client in lab.clients]
        goes.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = [threads.submit(exchange, sock, b"GET / HTTP/1.0\r\n\r\n") for sock in stays]
        host.collect(1 + len(stays))
        host.enter()
        goes.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        goes.close()
        host.push(data, way.run_bytes, SEGMENT_BYTES if way.in_bundles else 0, way.ahead)
        assert all(each.result(60) == data for each in received)
