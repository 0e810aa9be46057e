# SPDX-License-Identifier: Apache-2.0
"""The embedded switch over mTLS: who programs it, and what the others are told."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from authorities import Authority, authority
from fakes.examples import GROUP, SWITCH, member
from fakes.pusher import FakePusher
from fakes.waiting import until
from realswitch import ARTIFACTS, RealSwitch

from hectograph.core.model import Switch, Tls
from hectograph.core.status import ApplyState, SwitchState
from hectograph.drivers import tls
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.errors import InvalidInput, Unavailable
from hectograph.service import Service
from hectograph.testbed.targets import target

HOST = "127.0.0.1"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    return authority(tmp_path / "theirs")


@pytest.fixture
async def address(
    ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """Of a switch that wants our certificates."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    certificate, key = ours.issue(HOST)
    files = {"--tls-cert": certificate, "--tls-key": key, "--tls-ca": ours.file}
    options = (str(word) for option in files.items() for word in option)
    embedded = target("embedded")
    switch = RealSwitch(replace(embedded, program=(*embedded.program, *options)), tmp_path)
    await switch.start()
    yield switch.address
    await switch.kill()


def files(ca: Authority, client: Authority | None = None) -> Tls:
    if client is None:
        return Tls(str(ca.file))
    certificate, key = client.issue("controller")
    return Tls(str(ca.file), str(certificate), str(key))


def at(address: str, tls: Tls) -> Switch:
    return replace(SWITCH, address=address, device_id=1, tls=tls)


def remove(path: str | None) -> None:
    Path(path or "").unlink()


def put_right(wanted: Tls, ours: Authority) -> None:
    """Where theirs was."""
    for old, new in zip((wanted.certificate, wanted.key), ours.issue("right"), strict=True):
        new.replace(old or "")


async def refusal(driver: P4RuntimeDriver, switch: Switch) -> str:
    with pytest.raises(Unavailable) as caught:
        async with driver(switch):
            pass
    return str(caught.value)


async def test_the_reason_is_said(
    address: str, driver: P4RuntimeDriver, ours: Authority, theirs: Authority
) -> None:
    right, stranger = files(ours, ours), files(ours, theirs)
    for told, switch in {
        f"certificate does not pass with {theirs.file}: unable to get": at(address, files(theirs)),
        "certificate is not valid for 'localhost'": at(address.replace(HOST, "localhost"), right),
        "it wants a client's certificate, and none is given": at(address, files(ours)),
        f"it does not take the certificate {stranger.certificate}": at(address, stranger),
        "NOT_FOUND": replace(at(address, right), device_id=2),
        "Connection refused": at(f"{HOST}:1", right),
    }.items():
        assert told in await refusal(driver, switch)


async def test_switches_that_are_not_grpcs(driver: P4RuntimeDriver, ours: Authority) -> None:
    """They may speak no TLS, or hang up without a word."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue(HOST))
    context.load_verify_locations(ours.file)
    context.verify_mode = ssl.CERT_REQUIRED

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 418 I'm a teapot\r\n\r\n")
        writer.close()

    for security, told in (
        (None, "the switch does not speak TLS"),
        (context, "the switch hung up: it wants a client's certificate, and none is given"),
    ):
        server = await asyncio.start_server(answer, HOST, 0, ssl=security)
        host, port = server.sockets[0].getsockname()
        assert await refusal(driver, at(f"{host}:{port}", files(ours))) == told
        server.close()
        await server.wait_closed()


async def test_a_switch_that_says_why(driver: P4RuntimeDriver, ours: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue(HOST))
    context.load_verify_locations(ours.file)
    context.verify_mode = ssl.CERT_REQUIRED

    def refuse(listener: socket.socket) -> None:
        """Once for gRPC and once for the words."""
        for _ in range(2):
            client, _ = listener.accept()
            with client, suppress(OSError):
                context.wrap_socket(client, server_side=True).close()

    with socket.create_server((HOST, 0)) as listener:
        refusing = asyncio.create_task(asyncio.to_thread(refuse, listener))
        told = await refusal(driver, at(f"{HOST}:{listener.getsockname()[1]}", files(ours)))
        await refusing
    assert told == "the switch hung up: tlsv13 alert certificate required"


async def test_bad_files_are_named(ours: Authority, theirs: Authority) -> None:
    right, (_, other_key) = files(ours, ours), theirs.issue("controller")
    rubbish = ours.directory / "rubbish"
    rubbish.write_text("no PEM")
    for told, bad in {
        f"{rubbish}: not a CA's certificate": Tls(str(rubbish)),
        "/nowhere: cannot be read: No such file": replace(right, certificate="/nowhere"),
        f"{ours.directory}: is no regular file": replace(right, key=str(ours.directory)),
        f"{rubbish}, {right.key}: not a cert": replace(right, certificate=str(rubbish)),
        f"{right.certificate}, {other_key}: not a": replace(right, key=str(other_key)),
    }.items():
        with pytest.raises(InvalidInput) as caught:
            await tls.read(bad)
        assert str(caught.value).startswith(told)


async def test_the_controller_gets_in_once_its_files_are_right(
    address: str, tmp_path: Path, driver: P4RuntimeDriver, ours: Authority, theirs: Authority
) -> None:
    service = Service(tmp_path / "x.db", artifacts=ARTIFACTS, pusher_driver=FakePusher())

    async def says(reason: str, state: SwitchState = SwitchState.CONNECTING) -> None:
        async def said() -> bool:
            status = await service.switch_status("s1")
            return status.state is state and reason in (status.reason or "")

        await until(said)

    async def is_ready() -> bool:
        return not await service.ready()

    async with service:
        await service.put_switch(at(address, files(theirs, ours)))
        await service.put_group(GROUP)
        await service.put_members("g", [member(i) for i in range(1, 11)])
        await says(f"does not pass with {theirs.file}")
        await service.put_switch(at(address, files(ours)))
        await says("wants a client's certificate")

        wanted = files(ours, theirs)
        await service.put_switch(at(address, wanted))
        await says(f"does not take the certificate {wanted.certificate}")
        remove(wanted.key)
        await says(f"{wanted.key}: cannot be read", SwitchState.FAILED)
        async with driver(at(address, files(ours, ours))) as session:
            assert session.is_primary
            assert await session.ensure_pipeline(), "nobody was here before"

        put_right(wanted, ours)
        await until(is_ready)
        assert (await service.group_status("g")).state is ApplyState.APPLIED
        async with driver(at(address, files(ours, ours))) as session:
            assert not session.is_primary
            assert sum(map(len, (await session.read()).members.values())) == 10
