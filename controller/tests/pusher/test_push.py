# SPDX-License-Identifier: Apache-2.0
"""``hectograph-pusher push``: what leaves is what went in, with the right headers."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from pusherlab import HOST, HOST_ADDRESS, SEGMENT, Lab

from hectograph.pusher import program_path
from hectograph.testbed import Testbed


def test_file(lab: Lab, data: bytes) -> None:
    with lab.capture() as capture:
        done = lab.push(lab.file(data), "--content", "4294967295")
    assert (done.returncode, done.stderr) == (0, "")
    assert capture.content() == data
    assert {push.content for push in capture.pushes} == {0xFFFFFFFF}
    assert [len(push.payload) for push in capture.pushes[:-1]] == [SEGMENT] * (len(data) // SEGMENT)
    assert f"pushes {len(capture.pushes)}, payload bytes {len(data)}" in done.stdout


@pytest.mark.parametrize("size", [1, 2, 29, 30, 31, SEGMENT - 1, SEGMENT, SEGMENT + 1])
def test_sizes(lab: Lab, data: bytes, size: int) -> None:
    with lab.capture() as capture:
        assert lab.push(lab.file(data[:size])).returncode == 0
    assert capture.content() == data[:size]


@pytest.mark.parametrize("segment", [1, 7, 128, 1472, 1484])
def test_segment_bytes(lab: Lab, data: bytes, segment: int) -> None:
    content = data[: 20 * segment + 3]
    with lab.capture() as capture:
        assert lab.push(lab.file(content), "--segment-bytes", str(segment)).returncode == 0
    assert capture.content() == content
    assert {len(push.payload) for push in capture.pushes[:20]} == {segment}


def test_zeros_and_ones(lab: Lab) -> None:
    """Both zeros of one's complement."""
    content = bytes(SEGMENT) + b"\xff" * SEGMENT
    with lab.capture() as capture:
        lab.push(lab.file(content))
    assert capture.content() == content
    assert [push.payload_sum for push in capture.pushes] == [0, 0xFFFF]


def test_several_groups(lab: Lab, data: bytes) -> None:
    groups = (3, 1, 8191)
    with lab.capture() as capture:
        done = lab.push(lab.file(data), "--group", "3,1", "--group", "8191")
    assert done.returncode == 0
    assert [push.group for push in capture.pushes] == [*groups] * (len(capture.pushes) // 3)
    for group in groups:
        assert capture.content(group) == data


def test_start_offset(lab: Lab, data: bytes) -> None:
    offset = 100 * SEGMENT
    with lab.capture() as capture:
        assert lab.push(lab.file(data), "--start-offset", str(offset)).returncode == 0
    assert capture.pushes[0].offset == offset
    assert b"".join(push.payload for push in capture.pushes) == data[offset:]


def test_loop(lab: Lab, data: bytes) -> None:
    """Over and over, until interrupted."""
    content = data[: 3 * SEGMENT + 5]
    with lab.capture() as capture:
        process = lab.popen(lab.file(content), "--loop", "--pps", "1000", "--start-offset", "1452")
        capture.wait_for(50)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=5)
    assert process.returncode == 128 + signal.SIGINT
    offsets = [push.offset for push in capture.pushes]
    rounds = [0, 1452, 2904, 4356] * len(offsets)
    assert offsets == rounds[1 : len(offsets) + 1]
    assert f"pushes {len(offsets)}," in out.decode()


def test_standard_input(lab: Lab, data: bytes) -> None:
    with lab.capture() as capture:
        done = lab.push("-", stdin=data)
    assert done.returncode == 0
    assert capture.content() == data


def test_live_input_does_not_wait_for_a_full_segment(lab: Lab) -> None:
    with lab.capture() as capture:
        process = lab.popen("-")
        assert process.stdin is not None
        for word in (b"one", b"two", b"three"):
            process.stdin.write(word)
            process.stdin.flush()
            count = len(capture.pushes)
            capture.wait_for(count + 1, timeout=5)
        process.communicate(timeout=5)
    assert process.returncode == 0
    assert [push.payload for push in capture.pushes] == [b"one", b"two", b"three"]
    assert capture.content() == b"onetwothree"


def test_fifo(lab: Lab, data: bytes) -> None:
    path = lab.testbed.directory / "fifo"
    os.mkfifo(path)
    with lab.capture() as capture:
        process = lab.popen(path)
        with path.open("wb") as fifo:  # waits for the pusher
            fifo.write(data[:500_000])
            time.sleep(0.2)
            fifo.write(data[500_000:])
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert capture.content() == data


def test_udp(lab: Lab, data: bytes) -> None:
    """Each datagram is one segment; what fits none is dropped and counted."""
    sizes = [1, 1400, SEGMENT, SEGMENT + 1, 0, 700, 9000, 3]
    with lab.host.entered():
        sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with lab.capture() as capture, sender:
        process = lab.popen("udp://[::1]:9000")
        lab.wait_for_udp(9000)
        for size in sizes:
            sender.sendto(data[:size], ("::1", 9000))
        capture.wait_for(5)
        process.terminate()
        out, _ = process.communicate(timeout=5)
    kept = [data[:size] for size in sizes if 0 < size <= SEGMENT]
    assert [push.payload for push in capture.pushes] == kept
    assert capture.content() == b"".join(kept)
    assert "datagrams dropped: oversized 2, empty 1, overflow 0" in out.decode()


def test_udp_overflow_is_counted(lab: Lab) -> None:
    """A flood, at two pushes a second: what the socket has no room for is counted."""
    with lab.host.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with lab.capture() as capture, sender:
        process = lab.popen("udp://127.0.0.1:9000", "--pps", "2")
        lab.wait_for_udp(9000)
        for _ in range(20_000):
            sender.sendto(bytes(1000), ("127.0.0.1", 9000))
        capture.wait_for(3)
        process.terminate()
        out, _ = process.communicate(timeout=5)
    assert int(out.decode().split("overflow ")[1]) > 0


def test_udp_multicast(lab: Lab) -> None:
    with lab.host.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    interface = socket.inet_aton(HOST_ADDRESS)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
    with lab.capture() as capture, sender:
        process = lab.popen("udp://239.1.2.3:9000", "--multicast-interface", HOST)
        lab.wait_for_udp(9000)
        sender.sendto(b"to all", ("239.1.2.3", 9000))
        capture.wait_for(1)
        process.terminate()
        process.communicate(timeout=5)
    assert capture.content() == b"to all"


def test_jumbo(testbed: Testbed, data: bytes) -> None:
    lab = Lab(testbed, mtu=9000)
    with lab.capture() as capture:
        assert lab.push(lab.file(data)).returncode == 0
    assert capture.content() == data
    assert len(capture.pushes[0].payload) == 9000 - 48


def refused(lab: Lab, *arguments: str | Path, status: int = 1) -> str:
    """What it says when it refuses, in one line."""
    done = lab.push(*arguments, stdin=b"")
    assert done.returncode == status
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("hectograph-pusher: ")
    return done.stderr


def test_sources_that_cannot_be_pushed(lab: Lab) -> None:
    directory = lab.testbed.directory
    content = lab.file(b"x" * 100)
    assert f"{directory}/none: No such file" in refused(lab, directory / "none")
    assert f"{directory}: Is a directory" in refused(lab, directory)
    assert "the file is empty" in refused(lab, lab.file(b"", "empty"))
    assert "standard input: it ended without a byte" in refused(lab, "-")
    assert "/dev/null: it ended without a byte" in refused(lab, "/dev/null")
    assert "start_offset 1452 is not inside" in refused(lab, content, "--start-offset", "1452")
    assert "is not a multiple" in refused(lab, content, "--start-offset", "1")
    assert "only a regular file can loop" in refused(lab, "-", "--loop")
    assert "not an IPv4 or IPv6 address" in refused(lab, "udp://host.example:9000")
    assert "192.0.2.1 port 9000: cannot bind" in refused(lab, "udp://192.0.2.1:9000")
    assert "nope: no such interface" in refused(
        lab, "udp://239.1.2.3:9000", "--multicast-interface", "nope"
    )
    assert "not a multicast address" in refused(
        lab, "udp://127.0.0.1:9000", "--multicast-interface", HOST
    )


def test_payload_larger_than_the_mtu(lab: Lab, data: bytes) -> None:
    """16 bytes of push header and the payload have to fit; both numbers are named."""
    said = refused(lab, lab.file(data), "--segment-bytes", "1485")
    assert "segment_bytes 1485" in said
    assert "1500" in said


def test_bad_usage(lab: Lab) -> None:
    content = lab.file(b"x")
    assert "group 0" in refused(lab, content, "--group", "0")
    assert "group 7 is named twice" in refused(lab, content, "--group", "7,7")
    for arguments in (
        ("--group", "65536", content),
        ("--rate", "fast", content),
        ("--rate", "1M", "--pps", "1", content),
        ("--segment-bytes", "0", content),
        ("--unknown", content),
        ("--rate",),
        (content, content),
    ):
        assert "--help" in refused(lab, *arguments, status=2)


def test_help_and_version() -> None:
    for option, start in (("--help", "usage: "), ("--version", "hectograph-pusher ")):
        out = subprocess.run([program_path(), option], capture_output=True, text=True, check=True)
        assert out.stdout.startswith(start)
