# SPDX-License-Identifier: Apache-2.0
"""Ports on interfaces without Ethernet: a packet is what the device has of it, however short."""

import fcntl
import json
import os
import select
import signal
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bmv2json import action, field, pipeline, primitive, program, synthetic
from switchlab import Lab

TUNSETIFF = 0x400454CA
IFF_TUN = 1
SIOCSIFFLAGS = 0x8914
LINKTYPE_RAW = 101
"""pcap's, of packets without a link's header."""

UP = 0x41
"""IFF_UP and IFF_RUNNING."""

PI = struct.Struct("!HH")
"""Before each packet: flags and EtherType. With it the kernel does not look for a version of IP."""


@contextmanager
def tun(lab: Lab, name: str) -> Generator[int]:
    """The end that is not the switch's."""
    with lab.inside.entered():
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN))
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), UP))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def receive(descriptor: int) -> bytes:
    readable, _, _ = select.select([descriptor], [], [], 10)
    assert readable, "nothing came out"
    return os.read(descriptor, 2000)[PI.size :]


@pytest.mark.parametrize("io", ["auto", "afpacket"])
def test_packets_of_any_length(lab: Lab, tmp_path: Path, io: str) -> None:
    """From 5 bytes on: no 14 are an Ethernet header, and nothing is padded."""
    config = tmp_path / "through.json"
    config.write_text(json.dumps(program({"h": [("x", 8)]})))
    ipv4 = bytes.fromhex("4500001c000000004011") + bytes(18)
    ipv6 = bytes.fromhex("6000000000083b40") + bytes(40)
    with tun(lab, "tun1") as one, tun(lab, "tun2") as two:
        ports = ["-i", "1@tun1", "-i", "2@tun2", "--pcap", str(tmp_path)]
        running = lab.start("--io", io, *ports, str(config))
        for packet in (b"short", ipv4, ipv6, bytes(range(13)), ipv4 + bytes(1400)):
            os.write(one, PI.pack(0, 0x0800) + packet)
            assert receive(two) == packet, running.output()
    running.stop()
    for name in ("tun1_in", "tun2_out"):
        header = (tmp_path / f"{name}.pcap").read_bytes()[:24]
        assert struct.unpack("=20xI", header) == (LINKTYPE_RAW,)


@pytest.mark.parametrize("io", ["auto", "afpacket"])
def test_what_is_too_short_for_ethernet_is_counted(lab: Lab, tmp_path: Path, io: str) -> None:
    """The kernel sends no frame without a whole Ethernet header; what comes after it goes."""
    config = tmp_path / "cut.json"
    cut = action("cut", primitive("truncate", field("h", "x")))
    through = synthetic("cut")
    config.write_text(
        json.dumps(program({"h": [("x", 8)]}, actions=[cut], egress=pipeline("tbl_cut", through)))
    )
    running = lab.start("--io", io, "-i", "1@port1", "-i", "2@port2", str(config))
    with lab.raw_socket("peer1") as peer1, lab.raw_socket("peer2") as peer2:
        for length in (13, 14):
            peer1.send(bytes([length]) + bytes(59))
        assert peer2.recv(2000) == b"\x0e" + bytes(13)
    running.signal(signal.SIGUSR1)
    running.wait_until(lambda: "port 2: " in running.output())
    (line,) = (line for line in running.output().splitlines() if "port 2: " in line)
    assert "tx_packets=1 " in line
    assert "tx_dropped=1" in line
