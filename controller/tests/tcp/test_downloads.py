# SPDX-License-Identifier: Apache-2.0
"""Every size, client and fault: what arrives is what was added, byte for byte."""

import socket
from pathlib import Path
from random import Random

import pytest
from tcplab import Client, Content, Lab, exchange, sha256

from hectograph.core.flows import FlowKey, FlowPhase

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"

SIZES = (0, 1, 127, 128, 129, 511, 512, 513, 1151, 1152, 1153, 1407, 1408, 1409, 8831, 8832, 8833)

FAULTS = {
    "loss of 1 %": ("--loss", "0.01"),
    "loss of 5 %": ("--loss", "0.05"),
    "reordering": ("--reorder", "0.05"),
    "duplication": ("--duplicate", "0.05"),
    "25 ms each way": ("--delay", "25"),
    "all of it": ("--loss", "0.01", "--reorder", "0.02", "--duplicate", "0.02", "--delay", "5"),
}

OPTIONS = {
    "a receive buffer of 2 KiB": ((socket.SOL_SOCKET, socket.SO_RCVBUF, 2048),),
    "MSS 536": ((socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536),),
    "MSS 1200": ((socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1200),),
}

SETTINGS = {
    "no SACK": ("net.ipv4.tcp_sack=0", "net.ipv4.tcp_sack=1"),
    "no window scaling": ("net.ipv4.tcp_window_scaling=0", "net.ipv4.tcp_window_scaling=1"),
}

LIVES = 8


def body(response: bytes) -> bytes:
    head, _, content = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    return content


def assert_downloads(client: Client, content: Content) -> None:
    """Over IPv4 and IPv6, with curl."""
    for url in content.urls:
        done = client.run("curl", "-sS", "--noproxy", "*", "--max-time", "100", url)
        assert (done.returncode, sha256(done.stdout)) == (0, content.sha256), done.stderr


@pytest.mark.parametrize("size", SIZES)
def test_sizes(lab: Lab, size: int) -> None:
    content = lab.add_content(Random(size).randbytes(size))
    with lab.faulty(0) as client:
        assert_downloads(client, content)


def test_jumbo_segments(lab: Lab, mebibyte: Content) -> None:
    with lab.faulty(3) as client:
        assert_downloads(client, mebibyte)


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_faults(lab: Lab, mebibyte: Content, faults: tuple[str, ...]) -> None:
    with lab.faulty(0, *faults, "--seed", "1") as client:
        assert_downloads(client, mebibyte)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_socket_options(
    lab: Lab, mebibyte: Content, options: tuple[tuple[int, int, int], ...]
) -> None:
    with lab.faulty(0) as client:
        for address in mebibyte.addresses:
            response = exchange(client.connect(address, options), GET)
            assert sha256(body(response)) == mebibyte.sha256


@pytest.mark.parametrize(("on", "off"), SETTINGS.values(), ids=SETTINGS)
def test_kernel_settings(lab: Lab, mebibyte: Content, on: str, off: str) -> None:
    with lab.faulty(1, "--loss", "0.01", "--seed", "2") as client:
        assert client.run("sysctl", "-w", on).returncode == 0
        assert_downloads(client, mebibyte)
        assert client.run("sysctl", "-w", off).returncode == 0


def test_wget(lab: Lab, mebibyte: Content) -> None:
    with lab.faulty(0) as client:
        for url in mebibyte.urls:
            done = client.run("wget", "-q", "--no-proxy", "-O", "-", url)
            assert sha256(done.stdout) == mebibyte.sha256


def test_pusher_killed(lab: Lab, large: Content) -> None:
    """Three downloads, and a kill -9 every 400 ms: all go on where they were."""
    with lab.faulty(0) as one, lab.faulty(1, "--loss", "0.01") as two, lab.faulty(2) as three:
        curls = [client.start_curl(large.urls[n % 2]) for n, client in enumerate((one, two, three))]
        for _ in range(4):
            one.run("sleep", "0.4")
            lab.kill_pusher()
        assert lab.counters()["flows_restored"] > 0
        for curl in curls:
            output, errors = curl.communicate(timeout=100)
            assert (curl.returncode, sha256(output)) == (0, large.sha256), errors


def acknowledged(lab: Lab) -> dict[FlowKey, int]:
    """How far each download is."""
    flows = lab.host.flows()
    return {flow.key: flow.acked for flow in flows if flow.phase is FlowPhase.RESPONSE}


def test_short_lives(lab: Lab, mebibyte: Content) -> None:
    """The pusher is killed again and again, as soon as it has heard of every client: each
    answers when it is asked where it stands, however lately another life has asked it."""
    others = acknowledged(lab)  # whose clients' links are gone, and who never answer

    def ours() -> dict[FlowKey, int]:
        return {key: acked for key, acked in acknowledged(lab).items() if key not in others}

    with lab.faulty(0, "--delay", "25") as one, lab.faulty(1, "--delay", "25") as two:
        paths = [str(lab.testbed.directory / f"lives{n}") for n in range(4)]
        curls = [
            client.start_curl(mebibyte.urls[n % 2], "-o", path)
            for n, (client, path) in enumerate(zip((one, two, two, one), paths, strict=True))
        ]
        while len(ours()) < len(curls):
            one.run("sleep", "0.02")
        asked = clients = 0
        for _ in range(LIVES):
            clients += len(ours())
            lab.kill_pusher()
            before = ours()
            while any(before.get(key) == acked for key, acked in ours().items()):
                one.run("sleep", "0.02")
            asked += lab.counters()["resume_probes"]
        assert asked > LIVES
        # BMv2 loses some, and whoever has to wait for the CPU is asked once more.
        assert asked < 3 * clients
        for curl, path in zip(curls, paths, strict=True):
            _, errors = curl.communicate(timeout=100)
            assert curl.returncode == 0, errors
            assert sha256(Path(path).read_bytes()) == mebibyte.sha256


def test_secrets_rotated(lab: Lab, large: Content) -> None:
    """Under a download, and what connects after that is answered under the new secret."""
    with lab.faulty(0) as one, lab.faulty(1) as two:
        before = one.start_curl(large.urls[0])
        one.run("sleep", "0.5")
        lab.rotate_secrets()
        after = two.start_curl(large.urls[1])
        for curl in (before, after):
            output, errors = curl.communicate(timeout=100)
            assert (curl.returncode, sha256(output)) == (0, large.sha256), errors
    assert lab.counters()["pull_secret"] == 0
