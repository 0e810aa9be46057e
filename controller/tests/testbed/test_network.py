# SPDX-License-Identifier: Apache-2.0
"""Links and namespaces: what is sent arrives, is counted, and nothing else is."""

import errno
import os
import socket
import time
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from hectograph.errors import InvalidInput, NotFound
from hectograph.testbed import End, Namespace, Testbed, limit_rate

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


def link(testbed: Testbed) -> tuple[Namespace, Namespace]:
    left, right = testbed.namespace("left"), testbed.namespace("right")
    testbed.veth(
        End(left, "a", MACS[0], ("10.0.0.1/24", "fd00::1/64")),
        End(right, "b", MACS[1], ("10.0.0.2/24", "fd00::2/64")),
        mtu=1400,
    )
    return left, right


def receiver(namespace: Namespace, family: socket.AddressFamily) -> socket.socket:
    with namespace.entered():
        sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind(("", 5000))
    sock.settimeout(0.5)
    return sock


def send_frame(namespace: Namespace, interface: str, packet: Packet) -> None:
    with namespace.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        sock.send(bytes(packet))


def interfaces(namespace: Namespace) -> list[str]:
    return namespace.call(lambda: [name for _, name in socket.if_nameindex()])


def test_the_run_has_left_the_machines_network() -> None:
    """Whoever started the run is still there."""
    own, starter = Path("/proc/self/ns/net"), Path(f"/proc/{os.getppid()}/ns/net")
    assert own.readlink() != starter.readlink()


def test_a_namespace_has_only_what_was_put_there(testbed: Testbed) -> None:
    left, right = link(testbed)
    assert interfaces(left) == ["lo", "a"]
    assert interfaces(right) == ["lo", "b"]


def test_namespaces_and_links_go_with_the_testbed() -> None:
    with Testbed() as bed:
        left, _ = link(bed)
        left.counters("a")
    with pytest.raises(OSError, match="Bad file descriptor"):
        left.counters("a")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_datagram_arrives_and_is_counted(testbed: Testbed, family: socket.AddressFamily) -> None:
    left, right = link(testbed)
    address = "10.0.0.2" if family == socket.AF_INET else "fd00::2"
    with receiver(right, family) as sock, left.entered():
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            out.sendto(bytes(1000), (address, 5000))
        assert len(sock.recv(2000)) == 1000
    # The kernel reports its multicast addresses whenever it likes, between two readings too.
    sent = left.counters("a").tx_bytes
    received = right.counters("b").rx_bytes
    assert 1000 <= sent <= received <= left.counters("a").tx_bytes


def test_nothing_is_sent_that_nobody_asked_for(testbed: Testbed) -> None:
    left, right = testbed.namespace("left"), testbed.namespace("right")
    testbed.veth(End(left, "a", addresses=("10.0.0.1/24",)), End(right, "b", ipv6=False))
    time.sleep(0.5)  # neighbour discovery, router solicitations and MLD would come at once
    assert left.counters("a").tx_packets == 0
    assert right.counters("b").tx_packets == 0


@pytest.mark.parametrize("ip", [IP(dst="10.0.0.2"), IPv6(dst="fd00::2")], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("good", [True, False])
def test_the_receiving_kernel_checks_udp_checksums(
    testbed: Testbed, ip: Packet, good: bool
) -> None:
    left, right = link(testbed)
    family = socket.AF_INET if isinstance(ip, IP) else socket.AF_INET6
    ip.src = "10.0.0.1" if isinstance(ip, IP) else "fd00::1"
    packet = Ether(src=MACS[0], dst=MACS[1]) / ip / UDP(sport=1, dport=5000) / b"payload"
    packet = Ether(bytes(packet))
    if not good:
        packet[UDP].chksum ^= 1
    with receiver(right, family) as sock:
        send_frame(left, "a", packet)
        if good:
            assert sock.recv(100) == b"payload"
        else:
            with pytest.raises(TimeoutError):
                sock.recv(100)


def test_an_interface_that_is_not_there_is_named(testbed: Testbed) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        testbed.namespace("empty").counters("nowhere")


def test_a_name_longer_than_linux_takes_is_refused(testbed: Testbed) -> None:
    space = testbed.namespace("one")
    with pytest.raises(InvalidInput, match="15 bytes"):
        testbed.veth(End(space, "a" * 16), End(space, "b"))


def test_an_end_without_ipv6_has_no_ipv6(testbed: Testbed) -> None:
    space = testbed.namespace("one")
    testbed.veth(End(space, "a", ipv6=False), End(space, "b"))
    listing = space.call(lambda: Path("/proc/thread-self/net/if_inet6").read_text())
    assert " a\n" not in listing


def test_a_line_keeps_its_rate_and_refuses_what_finds_no_room(testbed: Testbed) -> None:
    left, right = link(testbed)
    limit_rate(left, "a", bits_per_second=10_000_000, queue=64_000)
    before = right.counters("b").rx_bytes
    frame = bytes.fromhex(MACS[1].replace(":", "")) + bytes(6) + b"\x88\xb5" + bytes(1000)
    refused = 0
    begin = time.monotonic()
    with left.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("a", 0))
        while time.monotonic() < begin + 1:
            try:
                sock.send(frame)
            except OSError as error:
                assert error.errno == errno.ENOBUFS  # noqa: PT017
                refused += 1
    took = time.monotonic() - begin
    assert refused > 0
    line = took * 10_000_000 / 8
    assert 0.8 * line < right.counters("b").rx_bytes - before < line + 64_000 + 16_384
