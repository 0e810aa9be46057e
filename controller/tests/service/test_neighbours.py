# SPDX-License-Identifier: Apache-2.0
"""A client's own kernel resolves a group's source, through a real switch and the controller."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.examples import GROUP, SOURCE, SWITCH
from fakes.pusher import FakePusher
from fakes.waiting import until

from hectograph.core.status import PuntCounters
from hectograph.service import Service
from hectograph.testbed import End, Namespace, Testbed
from hectograph.testbed.targets import DEVICE_ID, target

ARTIFACTS = Path(__file__).parents[3] / "p4/build/v1model"
CLIENT_PORT = 2
START_SECONDS = 20.0
INTERFACES = itertools.count()
"""A link goes some time after its namespace; its name is not free at once."""


@pytest.fixture
def client(testbed: Testbed) -> Namespace:
    return testbed.namespace("client")


@pytest.fixture(params=["embedded", "bmv2"])
def address(request: pytest.FixtureRequest, testbed: Testbed, client: Namespace) -> str:
    """Of a switch that the client is plugged into."""
    kind = target(request.param)
    if missing := kind.missing():
        pytest.skip(missing)
    here = Namespace.current()
    interface = f"port{next(INTERFACES)}"
    testbed.veth(
        End(here, interface, ipv6=False),
        End(client, "eth0", addresses=("198.51.100.7/24", "2001:db8::7/64")),
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = kind.command({CLIENT_PORT: interface}, address)
    program = testbed.start("switch", command, here)
    port = int(address.rpartition(":")[2])
    program.wait_until(lambda: here.listens_on_tcp(port), START_SECONDS)
    here.close()
    return address


@pytest.fixture
async def service(address: str, tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(tmp_path / "x.db", artifacts=ARTIFACTS, pusher_driver=FakePusher())
    async with service:
        await service.put_switch(replace(SWITCH, address=address, device_id=DEVICE_ID))
        await service.put_group(GROUP)

        async def is_ready() -> bool:
            return not await service.ready()

        await until(is_ready)
        yield service


def send_to(address: str) -> None:
    """What a client sends to its source: it leaves only when the source has been resolved."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"thanks", (address, SOURCE.udp_port))


@pytest.mark.parametrize(
    ("source", "request_kind"),
    [(str(SOURCE.ipv4), "arp"), (str(SOURCE.ipv6), "neighbour_discovery")],
)
async def test_a_source_is_resolved(
    service: Service, client: Namespace, source: str, request_kind: str
) -> None:
    await asyncio.to_thread(client.call, lambda: send_to(source))

    async def punts() -> PuntCounters:
        (counters,) = await service.counters()
        return counters.punts

    async def datagram_came() -> bool:
        return (await punts()).punted.get("unknown", 0) > 0

    await until(datagram_came)
    assert (await punts()).punted[request_kind] >= 1
    assert (await punts()).answered >= 1


async def test_nobody_answers_for_others(service: Service, client: Namespace) -> None:
    await asyncio.to_thread(client.call, lambda: send_to("198.51.100.99"))

    async def was_ignored() -> bool:
        (counters,) = await service.counters()
        return counters.punts.ignored > 0 and counters.punts.punted["arp"] > 0

    await until(was_ignored)
    (counters,) = await service.counters()
    assert counters.punts.answered == 0
