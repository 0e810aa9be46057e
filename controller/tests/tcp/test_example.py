# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/stateless-tcp.md: its numbers, and the same of a new download."""

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from example import check, read_example, reading, render
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap
from tcplab import Content, Lab, running_lab, secret_of, sha256

from hectograph.testbed import Testbed
from hectograph.testbed.targets import TARGETS

PAGE = Path(__file__).parents[3] / "docs/stateless-tcp.md"
CAPTURE = Path(__file__).parent / "example.pcap"
BLOCK = re.compile(r"(?<=```text\n)client .*?(?=\n```)", re.DOTALL)
CONTENT_BYTES = 6000
QUIET_SECONDS = 0.5


def test_the_page_says_what_was_captured() -> None:
    frames = [bytes(packet) for packet in rdpcap(str(CAPTURE))]
    text = BLOCK.search(PAGE.read_text())
    assert text is not None
    secret = re.search(r"^secret +0x([0-9a-f]{16})$", text[0], re.MULTILINE)
    assert secret is not None
    example = read_example(frames, int(secret[1], 16))
    check(example)
    assert text[0] == render(example)
    # It shows what it is there for.
    flags = [segment.flags for segment in example.segments]
    assert flags[:4] == ["S", "SA", "A", "PA"]
    assert sum("F" in each for each in flags) == 2
    acknowledged = {reading(example, s.ack)[0] for s in example.segments if s.from_client}
    assert acknowledged - {0, len(example.response)}
    assert example.response.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.fixture(params=sorted(TARGETS))
def plain(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Every segment by itself, as on a wire."""
    target = TARGETS[str(request.param)]
    if reason := target.missing():
        pytest.skip(reason)
    if target.bundles:
        target = replace(target, program=(*target.program, "--io", "afpacket"))
    with Testbed() as testbed, running_lab(testbed, target, (1500,), relays=False) as lab:
        yield lab


def test_a_new_one(plain: Lab, request: pytest.FixtureRequest) -> None:
    """With --record-example the embedded switch's becomes the page's."""
    content = plain.add_content(Random(3).randbytes(CONTENT_BYTES))
    frames = captured_download(plain, content)
    example = read_example(frames, secret_of(plain.secrets))
    check(example)
    assert sha256(example.response.partition(b"\r\n\r\n")[2]) == content.sha256
    if request.config.getoption("--record-example") and plain.target.bundles:
        wrpcap(str(CAPTURE), [Ether(frame) for frame in frames])
        PAGE.write_text(BLOCK.sub(lambda _: render(example), PAGE.read_text()))


def captured_download(lab: Lab, content: Content) -> list[bytes]:
    """The client's frames of one curl over IPv4."""
    (client,) = lab.clients

    def inside() -> socket.socket:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))

    with client.namespace.call(inside) as sock:
        sock.bind(("eth", 3))
        sock.settimeout(QUIET_SECONDS)
        output, errors = client.start_curl(content.urls[0]).communicate(timeout=60)
        assert sha256(output) == content.sha256, errors
        return [frame for frame in _received(sock) if TCP in Ether(frame)]


def _received(sock: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield sock.recv(65536)
        except TimeoutError:
            return
