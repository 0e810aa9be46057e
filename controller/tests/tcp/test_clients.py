# SPDX-License-Identifier: Apache-2.0
"""Programs that people use, and kernels with other settings than ours."""

import re
import shutil
import socket
import sys
from collections.abc import Iterator
from random import Random

import pytest
from tcplab import Client, Content, Lab, exchange, sha256

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"

# Of the client's namespace: [before, after].
KERNELS = {
    "no SACK": {"tcp_sack": ("0", "1")},
    "no window scaling": {"tcp_window_scaling": ("0", "1")},
    "neither, no timestamps": {
        "tcp_sack": ("0", "1"),
        "tcp_window_scaling": ("0", "1"),
        "tcp_timestamps": ("0", "1"),
    },
    "window scale 0": {"tcp_rmem": ("4096 65535 65535", "4096 131072 6291456")},
    "window scale 14": {"tcp_rmem": ("4096 131072 1073725440", "4096 131072 6291456")},
    "no DSACK": {"tcp_dsack": ("0", "1")},
    "ECN asked for": {"tcp_ecn": ("1", "2")},
}

URLLIB = """
import http.client, hashlib, sys
from urllib.parse import urlsplit
connection = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc)
headers = {"Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}
connection.request("GET", "/", headers=headers)
response = connection.getresponse()
body = response.read()
assert response.status == 200 and len(body) == int(response.headers["Content-Length"])
print(hashlib.sha256(body).hexdigest())
"""

HTTPX = """
import hashlib, httpx, sys
response = httpx.get(sys.argv[1], trust_env=False).raise_for_status()
print(hashlib.sha256(response.content).hexdigest())
"""


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on PATH: apt-get install {package}")


@pytest.fixture
def client(lab: Lab) -> Iterator[Client]:
    with lab.faulty(0) as client:
        yield client


@pytest.mark.parametrize("program", [URLLIB, HTTPX], ids=["http.client", "httpx"])
def test_python(client: Client, mebibyte: Content, program: str) -> None:
    for url in mebibyte.urls:
        done = client.run(sys.executable, "-c", program, url)
        assert done.stdout.decode().strip() == mebibyte.sha256, done.stderr


def test_curl_at_once(client: Client, mebibyte: Content) -> None:
    """One process, eight connections; and a connection that it wants to keep."""
    urls = [url for _ in range(4) for url in mebibyte.urls]
    done = client.run("curl", "-sS", "--noproxy", "*", "--parallel", "--compressed", *urls)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 8 << 20
    done = client.run("curl", "-sS", "--noproxy", "*", *urls[:2])
    assert sha256(done.stdout) == sha256(2 * mebibyte.path.read_bytes())


def test_ab(client: Client, mebibyte: Content) -> None:
    """It speaks HTTP/1.0, and counts what came."""
    needs("ab", "apache2-utils")
    done = client.run("ab", "-q", "-n", "40", "-c", "8", mebibyte.urls[0])
    report = done.stdout.decode()
    assert re.search(r"^Complete requests: +40$", report, re.M), report + done.stderr.decode()
    assert re.search(r"^Failed requests: +0$", report, re.M), report
    assert re.search(rf"^HTML transferred: +{40 << 20} bytes$", report, re.M), report


def test_chromium(lab: Lab, client: Client) -> None:
    """It opens connections ahead of need, and shows what it downloaded."""
    needs("chromium", "chromium")
    text = "0123456789abcdef" * 40000
    content = lab.add_content(f"<!doctype html><title>t</title><body>{text}".encode(), "text/html")
    for url in content.urls:
        done = client.run(
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            f"--user-data-dir={client.directory}/chromium",
            "--dump-dom",
            url,
        )
        assert text.encode() in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("settings", KERNELS.values(), ids=KERNELS)
def test_kernels(lab: Lab, mebibyte: Content, settings: dict[str, tuple[str, str]]) -> None:
    with lab.faulty(1, "--loss", "0.005", "--reorder", "0.005", "--seed", "3") as client:
        try:
            for name, (value, _) in settings.items():
                done = client.run("sysctl", "-w", f"net.ipv4.{name}={value}")
                assert done.returncode == 0, done.stderr
            for url in mebibyte.urls:
                done = client.run("curl", "-sS", "--noproxy", "*", "--max-time", "100", url)
                assert (done.returncode, sha256(done.stdout)) == (0, mebibyte.sha256), done.stderr
        finally:
            for name, (_, value) in settings.items():
                client.run("sysctl", "-w", f"net.ipv4.{name}={value}")


@pytest.mark.parametrize("mss", [536, 8940])
def test_mss(lab: Lab, mebibyte: Content, mss: int) -> None:
    """Of the jumbo link: 8,940 is what its 9,000 leave to IPv6, 536 what the option says."""
    with lab.faulty(3) as client:
        options = [(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)]
        for address in mebibyte.addresses:
            response = exchange(client.connect(address, options), GET)
            assert sha256(response.partition(b"\r\n\r\n")[2]) == mebibyte.sha256


def test_slow_reader(lab: Lab, client: Client) -> None:
    """2 KiB of receive buffer, read in sips: the window shuts and opens again and again."""
    content = lab.add_content(Random(6).randbytes(20000))
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)]
    for address in content.addresses:
        received = bytearray()
        with client.connect(address, options) as sock:
            sock.sendall(GET)
            while chunk := sock.recv(300):
                received += chunk
        assert sha256(bytes(received).partition(b"\r\n\r\n")[2]) == content.sha256
