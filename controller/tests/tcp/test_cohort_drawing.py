# SPDX-License-Identifier: Apache-2.0
"""The drawing of docs/cohorts.md: what it is drawn from, and the same of a new download."""

import asyncio
import hashlib
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from cohortdrawing import Member, draw, first_data, read_member
from cohortlab import SECONDS, Counted, Crowd, controlled, serve
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import rdpcap, wrpcap
from tcplab import Client, Lab, running_lab

from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

DRAWING = Path(__file__).parents[3] / "docs/cohort.svg"
CAPTURE = Path(__file__).parent / "cohort.pcap"
TITLE = "Four clients, one push: what each of them received and acknowledged"
LINKS = {
    "near": ("--delay", "5"),
    "far": ("--delay", "8"),
    "loses 2 %": ("--delay", "5", "--loss", "0.02", "--seed", "4"),
    "reads slowly": ("--delay", "5"),
}
"""Whose they are, in the clients' order."""
SIP_BYTES, SIP_SECONDS = 8192, 0.02
BUFFER_BYTES = 65536
CONTENT_BYTES = 600_000
SNAP_BYTES = 80
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
RECEIVE_BYTES = 16 << 20


def test_the_drawing_is_of_what_was_captured() -> None:
    members = read_capture(list(rdpcap(str(CAPTURE))))
    check(members)
    assert DRAWING.read_text() == draw(members, TITLE)


@pytest.fixture
def lab() -> Iterator[Lab]:
    mtus = (1500,) * len(LINKS)
    with (
        Testbed() as testbed,
        running_lab(testbed, TARGETS["embedded"], mtus, entries=False) as lab,
        ExitStack() as stack,
    ):
        for number, faults in enumerate(LINKS.values()):
            stack.enter_context(lab.faulty(number, *faults))
        yield lab


async def test_a_new_one(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With --record-example it becomes the page's."""
    async with controlled(lab, tmp_path / "controller.db") as service:
        served = await serve(service, tmp_path, "film", CONTENT_BYTES)
        url = next(url for url in served.urls if "[" not in url)
        counted = await Counted.begin(lab)
        with ExitStack() as stack:
            sockets = [stack.enter_context(listen(client)) for client in lab.clients]
            *others, slow = lab.clients
            crowd = Crowd()
            for client in others:
                crowd.join(client, url)
            assert await asyncio.to_thread(read_slowly, slow, url) == served.sha256
            assert await crowd.results() == [served.sha256] * len(others)
            packets = [packet for sock in sockets for packet in captured(sock)]
        counters = await counted.eventually("flows_finished", len(LINKS))
    assert counters["cohorts_run"] == 1
    packets.sort(key=lambda packet: packet.time)
    members = read_capture(packets)
    check(members)
    if request.config.getoption("--record-example"):
        wrpcap(str(CAPTURE), packets, nano=True)
        DRAWING.write_text(draw(members, TITLE))


def check(members: Sequence[Member]) -> None:
    """What it shows: the same at the same time, a loss repaired, and one who goes alone."""
    near, far, loses, slow = members
    ends = {max(data.end for data in member.data) for member in members}
    assert len(ends) == 1, "not everyone has all of it"
    assert ends.pop() > CONTENT_BYTES
    assert any(data.again for data in loses.data)
    # He is not waited for: not even for as long as it takes to see how slowly he reads.
    assert last(slow) > 2 * max(map(last, (near, far, loses)))


def last(member: Member) -> float:
    return max(data.at for data in member.data)


def read_capture(packets: Sequence[Packet]) -> list[Member]:
    """Every client has an address of its own; they are numbered in LINKS' order."""
    began = first_data(packets)
    members: list[Member] = []
    for number, name in enumerate(LINKS, 1):
        address = f"10.0.0.{number}"
        own = [packet for packet in packets if address in _ends(packet)]
        members.append(read_member(name, own, began))
    return members


def _ends(packet: Packet) -> tuple[str, str]:
    return packet[IP].src, packet[IP].dst


def read_slowly(client: Client, url: str) -> str:
    """The SHA-256 of what comes."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")

    def inside() -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        sock.connect((host, int(port)))
        return sock

    response = bytearray()
    with client.namespace.call(inside) as sock:
        sock.settimeout(SECONDS)
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        while sip := sock.recv(SIP_BYTES):
            response += sip
            time.sleep(SIP_SECONDS)
    return hashlib.sha256(response.partition(b"\r\n\r\n")[2]).hexdigest()


def listen(client: Client) -> socket.socket:
    def inside() -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(("eth", 3))
        sock.setblocking(False)
        return sock

    return client.namespace.call(inside)


def captured(sock: socket.socket) -> Iterator[Packet]:
    """TCP over IPv4, cut off behind its header, with the kernel's time."""
    while True:
        try:
            data, ancillary, _, _ = sock.recvmsg(SNAP_BYTES, 64)
        except BlockingIOError:
            return
        frame = Ether(data)
        if IP in frame and TCP in frame:
            (stamp,) = (value for _, kind, value in ancillary if kind == SO_TIMESTAMPNS)
            seconds, nanoseconds = struct.unpack("qq", stamp)
            frame.time = seconds + nanoseconds / 1e9
            yield frame
