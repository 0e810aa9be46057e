# SPDX-License-Identifier: Apache-2.0
"""P4Runtime over TLS: who is let in, and what files are refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from authorities import Authority, authority
from finsy.proto import p4r
from p4client import DEVICE_ID, Controller, load_config

from hectograph.cli.main import main
from hectograph.errors import InvalidInput
from hectograph.switch.native import Switch
from hectograph.switch.server import P4RuntimeServer, Tls


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    return authority(tmp_path / "theirs")


async def serve(switch: Switch, tls: Tls) -> AsyncIterator[str]:
    server = P4RuntimeServer(switch, DEVICE_ID)
    port = await server.start("127.0.0.1:0", tls)
    yield f"localhost:{port}"
    await server.stop()


@pytest.fixture
async def tls_address(native_switch: Switch, ours: Authority) -> AsyncIterator[str]:
    async for address in serve(native_switch, Tls(*ours.issue("localhost"))):
        yield address


@pytest.fixture
async def mtls_address(native_switch: Switch, ours: Authority) -> AsyncIterator[str]:
    async for address in serve(native_switch, Tls(*ours.issue("localhost"), ours.file)):
        yield address


async def use(client: Controller) -> None:
    """Every call there is."""
    await client.become_primary()
    await client.set_config(load_config("kinds"))
    await client.get_config()
    await client.write()
    await client.read(p4r.Entity(table_entry=p4r.TableEntry()))


async def refused(client: Controller) -> None:
    """In each of them."""
    stub = client.stub
    calls = (
        stub.Write(p4r.WriteRequest(), timeout=10),
        stub.Read(p4r.ReadRequest(), timeout=10).read(),
        stub.SetForwardingPipelineConfig(p4r.SetForwardingPipelineConfigRequest(), timeout=10),
        stub.GetForwardingPipelineConfig(p4r.GetForwardingPipelineConfigRequest(), timeout=10),
        stub.Capabilities(p4r.CapabilitiesRequest(), timeout=10),
        stub.StreamChannel(timeout=10).read(),
    )
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_tls(tls_address: str, ours: Authority) -> None:
    async with Controller(tls_address, credentials=ours.credentials()) as client:
        await use(client)


async def test_a_client_in_the_clear_is_refused(tls_address: str) -> None:
    async with Controller(tls_address) as client:
        await refused(client)


async def test_a_client_that_trusts_another_authority_turns_away(
    tls_address: str, theirs: Authority
) -> None:
    async with Controller(tls_address, credentials=theirs.credentials()) as client:
        await refused(client)


async def test_mtls(mtls_address: str, ours: Authority) -> None:
    credentials = ours.credentials(ours.issue("client"))
    async with Controller(mtls_address, credentials=credentials) as client:
        await use(client)


async def test_without_the_right_certificate_nobody_gets_in(
    mtls_address: str, ours: Authority, theirs: Authority
) -> None:
    async with Controller(mtls_address) as client:
        await refused(client)
    async with Controller(mtls_address, credentials=ours.credentials()) as client:
        await refused(client)
    credentials = ours.credentials(theirs.issue("client"))
    async with Controller(mtls_address, credentials=credentials) as client:
        await refused(client)


def bad_files(ours: Authority, theirs: Authority) -> dict[str, Tls]:
    certificate, key = ours.issue("localhost")
    _, other_key = theirs.issue("localhost")
    rubbish = ours.directory / "rubbish"
    rubbish.write_text("no PEM")
    return {
        "cannot be read: No such file": Tls(ours.directory / "nothing", key),
        f"{certificate}, {other_key}: not a certificate and its key": Tls(certificate, other_key),
        f"{rubbish}, {key}: not a certificate": Tls(rubbish, key),
        f"{rubbish}: not a CA's certificate": Tls(certificate, key, rubbish),
    }


async def test_bad_files_are_named(
    native_switch: Switch, ours: Authority, theirs: Authority
) -> None:
    for message, tls in bad_files(ours, theirs).items():
        server = P4RuntimeServer(native_switch, DEVICE_ID)
        with pytest.raises(InvalidInput) as caught:
            await server.start("127.0.0.1:0", tls)
        assert message in str(caught.value)


@pytest.mark.parametrize(
    "options", [["--tls-cert", "a"], ["--tls-key", "a"], ["--tls-ca", "a"]], ids=lambda o: o[0]
)
def test_half_of_it_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["switch", *options]) != 0
    assert "TLS needs a certificate and its key" in capsys.readouterr().err


async def test_a_renewed_certificate_is_shown_from_then_on(
    native_switch: Switch, ours: Authority, theirs: Authority
) -> None:
    """What stands goes on, and a file that is none is not taken."""
    certificate, key = ours.issue("localhost")
    read = p4r.Entity(table_entry=p4r.TableEntry())
    async for address in serve(native_switch, Tls(certificate, key)):
        async with Controller(address, credentials=ours.credentials()) as before:
            await use(before)
            for old, new in zip((certificate, key), theirs.issue("localhost"), strict=True):
                new.replace(old)
            async with Controller(address, credentials=theirs.credentials()) as after:
                await after.read(read)
            certificate.write_text("nonsense")
            async with Controller(address, credentials=theirs.credentials()) as kept:
                await kept.read(read)
            await before.read(read)
