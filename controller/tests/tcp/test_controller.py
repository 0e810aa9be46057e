# SPDX-License-Identifier: Apache-2.0
"""Contents by the controller: real clients, a real pusher, whatever happens on the way."""

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from pathlib import Path
from random import Random

import pytest
from fakes.waiting import until
from tcplab import FIRST_CLIENT_PORT, HOST_PORT, HOST_PORTS, Lab, running_lab

from hectograph.core.contents import ContentSpec, ContentState, FileIdentity
from hectograph.core.model import Addressing, Content, FileSource, Host, Switch
from hectograph.core.status import ContentStage
from hectograph.pusher.client import PusherClient
from hectograph.reconciler import handover as handover_module
from hectograph.reconciler import host as host_module
from hectograph.reconciler.librarian import FILE_LOOK_SECONDS
from hectograph.service import Service
from hectograph.testbed import Testbed
from hectograph.testbed.targets import DEVICE_ID, TARGETS

ADDRESSING = Addressing(
    "02:00:00:00:00:aa", IPv6Network("2001:db8:1::/80"), IPv4Address("10.0.1.1")
)
SECONDS = 60.0


@pytest.fixture(scope="module", params=sorted(TARGETS))
def bare(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Nobody has written anything to the switch."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    target = TARGETS[str(request.param)]
    if reason := target.missing():
        pytest.skip(reason)
    with (
        Testbed() as testbed,
        running_lab(testbed, target, (1500, 1500), entries=False) as lab,
        lab.faulty(0),
        lab.faulty(1),
    ):
        yield lab


@pytest.fixture
async def service(bare: Lab, tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path / "controller.db") as service:
        await service.put_switch(switch_of(bare))
        await service.put_host(Host("h1", str(bare.host.control), "s1", HOST_PORT))
        yield service


def switch_of(lab: Lab) -> Switch:
    ports = frozenset({*HOST_PORTS, FIRST_CLIENT_PORT, FIRST_CLIENT_PORT + 1})
    return Switch(
        "s1",
        lab.address,
        DEVICE_ID,
        lab.target.name,
        frozenset(HOST_PORTS),
        ports=ports,
        addressing=ADDRESSING,
    )


class File:
    def __init__(self, path: Path, size: int, seed: int = 1) -> None:
        self.path = path
        path.write_bytes(Random(seed).randbytes(size))
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def content(self, name: str) -> Content:
        return Content(name, "s1", FileSource(str(self.path)))


async def serve(service: Service, content: Content) -> tuple[str, ...]:
    """Its URLs, once they work."""
    await service.put_content(content)

    async def serving() -> bool:
        status = await service.content_status(content.name)
        assert status.state is not ContentStage.FAILED, status.reason
        return status.state is ContentStage.SERVING

    await until(serving, seconds=SECONDS)
    return (await service.content_status(content.name)).urls


async def download(lab: Lab, *urls: str, options: Sequence[str] = ()) -> list[str]:
    """All at once; their SHA-256s, or what curl complained about."""
    clients = [lab.clients[index % len(lab.clients)] for index in range(len(urls))]
    running = [client.start_curl(url, *options) for client, url in zip(clients, urls, strict=True)]
    return await asyncio.gather(*(asyncio.to_thread(_digest, process) for process in running))


def _digest(process: "subprocess.Popen[bytes]") -> str:
    output, errors = process.communicate(timeout=100)
    return hashlib.sha256(output).hexdigest() if process.returncode == 0 else errors.decode()


async def test_a_content_is_served_at_all_its_addresses(
    bare: Lab, service: Service, tmp_path: Path
) -> None:
    file = File(tmp_path / "file", 1 << 20)
    urls = await serve(service, file.content("film"))
    assert urls == ("http://[2001:db8:1::1]/", "http://10.0.1.1:8001/")
    assert await download(bare, *urls, *urls) == [file.sha256] * 4
    status = await service.content_status("film")
    assert (status.sha256, status.bytes) == (file.sha256, 1 << 20)
    assert not await service.ready()


async def test_handshakes_are_counted(bare: Lab, service: Service, tmp_path: Path) -> None:
    """Before anything was asked for. One may be told of twice: a client whose SYN came twice
    acknowledges twice."""
    (url, _) = await serve(service, File(tmp_path / "file", 1000).content("film"))
    address = IPv6Address(url.removeprefix("http://[").removesuffix("]/"))
    before = (await service.switch_status("s1")).handshakes

    async def told() -> bool:
        return (await service.switch_status("s1")).handshakes >= before + len(bare.clients)

    connecting = (asyncio.to_thread(client.connect, address) for client in bare.clients)
    for sock in await asyncio.gather(*connecting):
        sock.close()
    await until(told, seconds=SECONDS)


async def test_what_was_removed_is_nowhere(bare: Lab, service: Service, tmp_path: Path) -> None:
    """Its entries leave the switch a moment after the last host has let it go: who connects in
    between is reset."""
    file = File(tmp_path / "file", 1000)
    urls = await serve(service, file.content("film"))
    await service.delete_content("film")
    await until(lambda: _gone(service), seconds=SECONDS)
    command = ("curl", "-sS", "--noproxy", "*", "--max-time", "2", urls[0])

    async def refused() -> bool:
        ended = await asyncio.to_thread(bare.clients[0].run, *command)
        assert ended.returncode in (7, 28, 56), ended  # refused, no answer, reset
        return ended.returncode != 56

    await until(refused, seconds=SECONDS)


async def _gone(service: Service) -> bool:
    return not await service.list_contents()


async def test_downloads_outlive_everything(bare: Lab, service: Service, tmp_path: Path) -> None:
    """The pusher is killed, the secrets rotate, the controller restarts."""
    file = File(tmp_path / "file", 24 << 20)
    urls = await serve(service, file.content("film"))
    downloads = asyncio.create_task(download(bare, *urls, *urls))
    await asyncio.sleep(0.2)
    await service.rotate_secrets("s1")
    await asyncio.to_thread(bare.host.pusher.kill)
    bare.host.pusher.start()
    await service.close()
    await service.start()
    await service.advance_epoch("s1")
    assert await downloads == [file.sha256] * 4


async def test_another_host_takes_over(bare: Lab, service: Service, tmp_path: Path) -> None:
    """One of two dies for good: the other goes on with its downloads. When it is back, it
    gets its buckets again, and the downloads with them."""
    file = File(tmp_path / "file", 12 << 20)
    with bare.another_host(entries=False) as other:
        await service.put_host(Host("h2", str(other.control), "s1", other.port))
        urls = await serve(service, file.content("film"))
        await until(lambda: len(answering(service)) == 2, seconds=SECONDS)
        limits = ("--limit-rate", "1M")
        downloads = asyncio.create_task(download(bare, *urls * 4, options=limits))
        await asyncio.sleep(2)
        assert {flow.host for flow in await service.flows(limit=100)} == {"h1", "h2"}
        await asyncio.to_thread(bare.host.pusher.kill)
        await until(lambda: answering(service) == {"h2"}, seconds=SECONDS)
        await asyncio.sleep(1)
        bare.host.pusher.start()
        await until(lambda: answering(service) == {"h1", "h2"}, seconds=SECONDS)
        assert await downloads == [file.sha256] * 8
        await asyncio.to_thread(bare.host.pusher.kill)
        await until(lambda: answering(service) == {"h2"}, seconds=SECONDS)
        assert await download(bare, *urls * 4) == [file.sha256] * 8
        bare.host.pusher.start()
        await service.delete_host("h2")


@pytest.mark.parametrize("told_by", ["host", "switch"])
async def test_a_silent_client_is_taken_over(
    bare: Lab, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    """Its window is shut and its host dies for good: all that the controller knows of it is
    what its host has said, or only that its handshake was complete."""
    if told_by == "switch":
        monkeypatch.setattr(host_module, "LIST_SECONDS", 3600.0)
    else:
        monkeypatch.setattr(handover_module, "LEARNT_SECONDS", 0.0)
    file = File(tmp_path / "file", 2 << 20)
    with bare.another_host(entries=False) as other:
        await service.put_host(Host("h2", str(other.control), "s1", other.port))
        (url, _) = await serve(service, file.content("film"))
        await until(lambda: len(answering(service)) == 2, seconds=SECONDS)
        address = IPv6Address(url.removeprefix("http://[").removesuffix("]/"))
        clients = [client for client in bare.clients for _ in range(6)]
        socks = [await asyncio.to_thread(client.connect, address) for client in clients]
        for sock in socks:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await asyncio.sleep(1.5)
        ports = {sock.getsockname()[1] for sock in socks}
        flows = [f for f in await service.flows(limit=100) if f.flow.key.client_port in ports]
        mine = {flow.flow.key for flow in flows if flow.host == "h1"}
        assert 0 < len(mine) < len(socks)
        await asyncio.to_thread(bare.host.pusher.kill)
        await until(lambda: answering(service) == {"h2"}, seconds=SECONDS)
        responses = await asyncio.gather(*(asyncio.to_thread(read_all, sock) for sock in socks))
        digests = {hashlib.sha256(r.partition(b"\r\n\r\n")[2]).hexdigest() for r in responses}
        assert digests == {file.sha256}
        counters = await asyncio.to_thread(other.counters)
        assert counters["flows_handed_over"] >= len(mine)
        assert counters["flows_adopted"] == 0
        bare.host.pusher.start()
        await service.delete_host("h2")


def read_all(sock: socket.socket) -> bytes:
    received = bytearray()
    with sock:
        while chunk := sock.recv(1 << 16):
            received += chunk
    return bytes(received)


async def test_a_switch_that_starts_anew(bare: Lab, service: Service, tmp_path: Path) -> None:
    """It was away for longer than its hosts' timeouts, and has lost everything."""
    file = File(tmp_path / "file", 12 << 20)
    urls = await serve(service, file.content("film"))
    downloads = asyncio.create_task(download(bare, *urls, *urls, options=("--limit-rate", "4M")))
    await asyncio.sleep(1)
    await asyncio.to_thread(bare.switch.kill)
    await asyncio.sleep(3.5)
    bare.switch.start()
    assert await downloads == [file.sha256] * 4


def answering(service: Service) -> set[str]:
    """Hosts that have buckets on the switch."""
    return service.hosts_in_use("s1")


async def test_a_file_that_changes_is_not_served(
    bare: Lab, service: Service, tmp_path: Path
) -> None:
    file = File(tmp_path / "file", 1 << 20)
    (url, _) = await serve(service, file.content("film"))
    file.path.write_bytes(b"other")
    await download(bare, url)

    async def failed() -> bool:
        return (await service.content_status("film")).state is ContentStage.FAILED

    await until(failed, seconds=SECONDS)
    reason = (await service.content_status("film")).reason
    assert reason is not None
    assert str(file.path) in reason
    (again, _) = await serve(service, file.content("film"))
    assert again != url
    assert await download(bare, again) == [hashlib.sha256(b"other").hexdigest()]


# A file that is exchanged under its name


BYTES = 3 << 20
SLOWLY = ("--limit-rate", "1M")


async def begin(bare: Lab, url: str) -> "subprocess.Popen[bytes]":
    """A download that runs for some seconds."""
    running = bare.clients[0].start_curl(url, *SLOWLY)
    await asyncio.sleep(1)
    return running


async def test_a_file_that_is_replaced_is_downloaded_to_its_end(
    bare: Lab, service: Service, tmp_path: Path
) -> None:
    """``mv new old``: who reads the old one has it open, and it is what it was."""
    file, new = File(tmp_path / "file", BYTES), File(tmp_path / "new", BYTES, seed=2)
    (url, _) = await serve(service, file.content("film"))
    running = await begin(bare, url)
    new.path.rename(file.path)

    async def failed() -> bool:
        return (await service.content_status("film")).state is ContentStage.FAILED

    await until(failed, seconds=SECONDS)
    assert "replaced" in ((await service.content_status("film")).reason or "")
    assert await asyncio.to_thread(_digest, running) == file.sha256
    assert new.sha256 not in await download(bare, url, options=("--max-time", "3"))


async def test_the_same_bytes_are_no_change(bare: Lab, service: Service, tmp_path: Path) -> None:
    """``cp -p`` onto a served file, and ``mv`` of a copy."""
    file = File(tmp_path / "file", BYTES)
    (url, _) = await serve(service, file.content("film"))
    shutil.copy2(file.path, tmp_path / "copy")
    running = await begin(bare, url)
    (tmp_path / "copy").rename(file.path)
    await asyncio.sleep(2 * FILE_LOOK_SECONDS)
    os.link(file.path, tmp_path / "another name")  # its status has changed, and not its bytes
    await asyncio.sleep(2 * FILE_LOOK_SECONDS)
    assert await asyncio.to_thread(_digest, running) == file.sha256
    assert (await service.content_status("film")).state is ContentStage.SERVING
    bare.host.pusher.kill()
    bare.host.pusher.start()  # it opens the new one
    assert await download(bare, url) == [file.sha256]


async def test_a_change_whose_time_was_set_back_ends_the_serving(
    service: Service, tmp_path: Path
) -> None:
    file = File(tmp_path / "file", BYTES)
    await serve(service, file.content("film"))
    status = file.path.stat()
    with file.path.open("r+b") as opened:
        opened.write(b"other bytes")
    os.utime(file.path, ns=(status.st_atime_ns, status.st_mtime_ns))

    async def failed() -> bool:
        return (await service.content_status("film")).state is ContentStage.FAILED

    await until(failed, seconds=SECONDS)
    assert "set back" in ((await service.content_status("film")).reason or "")


async def test_a_file_that_is_put_there_after_the_check_is_not_opened(
    bare: Lab, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size and times are those of the one that was measured."""
    file, other = File(tmp_path / "file", 1000), File(tmp_path / "other", 1000, seed=2)
    status = file.path.stat()
    os.utime(other.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    add = PusherClient.add_content

    async def exchange(
        client: PusherClient, spec: ContentSpec, identity: FileIdentity | None = None
    ) -> ContentState:
        if other.path.exists():
            other.path.rename(file.path)
        return await add(client, spec, identity)

    monkeypatch.setattr(PusherClient, "add_content", exchange)
    await service.put_content(file.content("film"))

    async def failed() -> bool:
        return (await service.content_status("film")).state is ContentStage.FAILED

    await until(failed, seconds=SECONDS)
    reason = (await service.content_status("film")).reason or ""
    assert "not the file whose digest was taken" in reason or "replaced" in reason
    held = await asyncio.to_thread(bare.host.ask, lambda pusher: pusher.contents())
    assert str(file.path) not in {content.spec.path for content in held}
