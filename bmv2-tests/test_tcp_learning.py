# SPDX-License-Identifier: Apache-2.0
"""The controller is told of each complete handshake, in a digest with all that a host needs."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from packetlab.lab import CLIENT_PORTS, HOST_PORT, assert_frames
from packetlab.site import CONTENT, LEARN, LENGTH, Site
from packetlab.tcp import CURRENT, PREVIOUS, Client, constants, ipv4_client, ipv6_client

IPV4, IPV6 = ipv4_client(), ipv6_client()
CLIENTS = {
    "ipv4": IPV4,
    "ipv6": IPV6,
    "ipv4 tagged": ipv4_client(vlan=42, priority=3),
    "ipv6 tagged": ipv6_client(vlan=4094, priority=7),
    "lowest ports": ipv4_client(port=1, switch_port=CLIENT_PORTS[-1]),
    "highest ports": ipv6_client(port=65535),
}
LOW = constants(7, 2, 1)
SACKED = b"\x01\x01\x05\x0a" + bytes(8)
REQUEST = b"GET / HTTP/1.1\r\n\r\n"
SECONDS = 20

LAST_MAC = "02:00:00:00:01:ff"
_last_ports = itertools.cycle(range(50000, 60000))


@dataclass(frozen=True, slots=True)
class Listener:
    site: Site

    def told(self) -> list[dict[str, int]]:
        """Since this was called before: what came ahead of a handshake made for that alone."""
        last = ipv4_client(port=next(_last_ports), mac=LAST_MAC)
        frame = completing(self.site, last, self.site.secrets.current)
        self.site.exchange(last, frame)
        expected = digest_of(self.site, last, self.site.secrets.number)
        digests: list[dict[str, int]] = []
        while (digest := self.site.lab.control.handshake()) != expected:
            digests.append(digest)
        return digests


@pytest.fixture
def listener(site: Site) -> Listener:
    listener = Listener(site)
    listener.told()
    return listener


def digest_of(site: Site, client: Client, secret: int, low: int = LOW) -> dict[str, int]:
    client_addr, service_addr = client.mapped
    return {
        "client_addr": client_addr,
        "service_addr": service_addr,
        "client_port": client.port,
        "service_port": client.service_port,
        "content": CONTENT,
        "ingress_port": client.switch_port,
        "client_mac": _number(client.mac),
        "service_mac": _number(client.service_mac),
        "vlan_tci": client.vlan_tci,
        "secret": secret,
        "constants": low,
        "seq_no": next_byte(site),
    }


def next_byte(site: Site) -> int:
    """The client's; another for each test, since equal digests are not told again at once."""
    return site.secrets.previous & 0xFFFF_FFFF


def _number(mac: str) -> int:
    return int.from_bytes(bytes.fromhex(mac.replace(":", "")))


def completing(site: Site, client: Client, secret: int, low: int = LOW) -> bytes:
    return client.segment("A", seq=next_byte(site), ack=client.first(secret, low))


@pytest.mark.parametrize("secret", ["current", "previous"])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_all_of_it_is_told_once(
    site: Site, listener: Listener, client: Client, secret: str
) -> None:
    is_current = secret == "current"
    key = site.secrets.current if is_current else site.secrets.previous
    frame = completing(site, client, key)
    pull = site.pull(client, frame, client.first(key, LOW), CURRENT if is_current else PREVIOUS)
    site.pulled(client, frame, pull)
    number = site.secrets.number - (not is_current)
    assert listener.told() == [digest_of(site, client, number)]


def test_every_constant(site: Site, listener: Listener) -> None:
    """All ones are none (docs/stateless-tcp.md)."""
    lows = range(0x7F)
    clients = [replace(IPV6, port=30000 + low) for low in lows]
    frames = [
        completing(site, client, site.secrets.current, low)
        for client, low in zip(clients, lows, strict=True)
    ]
    site.exchange(IPV6, *frames)
    assert listener.told() == [
        digest_of(site, client, site.secrets.number, low)
        for client, low in zip(clients, lows, strict=True)
    ]


def test_numbers_of_secrets_wrap(site: Site, listener: Listener) -> None:
    site.set_secrets(replace(site.secrets, number=0))
    site.exchange(IPV4, completing(site, IPV4, site.secrets.previous))
    assert listener.told() == [digest_of(site, IPV4, 255)]


def test_a_handshake_under_both_is_the_current_ones(site: Site, listener: Listener) -> None:
    site.set_secrets(replace(site.secrets, previous=site.secrets.current))
    site.exchange(IPV4, completing(site, IPV4, site.secrets.current))
    assert listener.told() == [digest_of(site, IPV4, site.secrets.number)]


@pytest.mark.parametrize("seq", [0, 0xFFFF_FFFF])
def test_the_clients_next_byte(site: Site, listener: Listener, seq: int) -> None:
    ack = IPV4.first(site.secrets.current, LOW)
    site.exchange(IPV4, IPV4.segment("A", seq=seq, ack=ack))
    assert listener.told() == [digest_of(site, IPV4, site.secrets.number) | {"seq_no": seq}]


def test_options_and_padding_are_no_data(site: Site, listener: Listener) -> None:
    ack = IPV4.first(site.secrets.current, LOW)
    other = replace(IPV4, port=IPV4.port + 1)
    site.exchange(
        IPV4,
        IPV4.segment("A", seq=next_byte(site), ack=ack, options=SACKED),
        completing(site, other, site.secrets.current) + bytes(6),
    )
    assert listener.told() == [
        digest_of(site, client, site.secrets.number) for client in (IPV4, other)
    ]


@dataclass(frozen=True, slots=True)
class Silent:
    name: str
    flags: str
    position: int = 0
    payload: bytes = b""


SILENT = [
    Silent("request", "PA", payload=REQUEST),
    Silent("one byte", "A", payload=b"G"),
    Silent("fin", "FA"),
    Silent("request and fin", "FPA", payload=REQUEST),
    Silent("reset", "RA"),
    Silent("reset without ack", "R"),
    Silent("syn", "S"),
    Silent("later", "A", position=128),
    Silent("everything", "A", position=LENGTH),
    Silent("after our fin", "A", position=LENGTH + 1),
    Silent("before the beginning", "A", position=-128),
    Silent("beyond the end", "A", position=LENGTH + 128),
]


@pytest.mark.parametrize("secret", ["current", "previous"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("segment", SILENT, ids=lambda each: each.name)
@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_nothing_else_is_told(
    site: Site, listener: Listener, client: Client, segment: Silent, known: bool, secret: str
) -> None:
    key = site.secrets.current if secret == "current" else site.secrets.previous
    if known:
        site.exchange(client, completing(site, client, key))
        assert len(listener.told()) == 1
    ack = client.first(key, LOW) + segment.position
    site.exchange(client, client.segment(segment.flags, seq=7, ack=ack, payload=segment.payload))
    assert listener.told() == []


def test_a_handshake_without_a_service_is_none(site: Site, listener: Listener) -> None:
    client = replace(IPV4, service_port=81)
    site.exchange(client, completing(site, client, site.secrets.current))
    assert listener.told() == []


@pytest.mark.parametrize("burst", [1, 3])
def test_above_its_meter_the_handshake_is_complete_all_the_same(
    site: Site, listener: Listener, burst: int
) -> None:
    clients = [replace(IPV6, port=30000 + index) for index in range(15)]
    frames = [completing(site, client, site.secrets.current) for client in clients]
    pulls = [
        site.pull(client, frame, client.first(site.secrets.current, LOW), CURRENT)
        for client, frame in zip(clients, frames, strict=True)
    ]
    before = site.lab.control.drops()
    site.limit(LEARN, burst)
    started = time.monotonic()
    assert_frames(site.exchange(IPV6, *frames), {HOST_PORT: pulls})
    refilled = int(time.monotonic() - started) + 1
    site.unlimit(LEARN)
    told = listener.told()
    assert burst <= len(told) <= burst + refilled
    everything = [digest_of(site, client, site.secrets.number) for client in clients]
    assert all(digest in everything for digest in told)
    assert site.lab.control.drops() == before
    # The filter has those that nobody was told of.
    ack = clients[-1].first(site.secrets.current, LOW) + 128
    frame = clients[-1].segment("A", ack=ack)
    site.pulled(clients[-1], frame, site.pull(clients[-1], frame, ack % (1 << 32), CURRENT))


def test_acknowledgements(site: Site, listener: Listener) -> None:
    """The same digest comes again only when the first was acknowledged."""
    first, second = replace(IPV4, port=41001), replace(IPV4, port=41002)
    site.lab.control.acknowledges = False
    frame = completing(site, first, site.secrets.current)
    site.exchange(first, frame, frame)
    assert listener.told() == [digest_of(site, first, site.secrets.number)]
    site.exchange(first, frame)
    assert listener.told() == []

    site.lab.control.acknowledges = True
    frame = completing(site, second, site.secrets.current)
    expected = [digest_of(site, second, site.secrets.number)]

    def told_again() -> bool:
        site.exchange(second, frame)
        told = listener.told()
        assert told in ([], expected)
        return told == expected

    assert told_again()
    wait_for(told_again)


def wait_for(condition: Callable[[], bool]) -> None:
    """An acknowledgement is on its way while the next packet is."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
