# SPDX-License-Identifier: Apache-2.0
"""What clients send after the handshake: to the host behind a pull header, or answered here."""

import time
from dataclasses import dataclass, replace

import pytest

from packetlab.lab import CLIENT_PORTS, HOST_PORT, assert_frames
from packetlab.site import LENGTH, RESET, UNVERIFIED, Site
from packetlab.tcp import (
    CURRENT,
    MAYBE_CURRENT,
    MAYBE_PREVIOUS,
    PREVIOUS,
    Client,
    constants,
    ipv4_client,
    ipv6_client,
)

IPV4, IPV6 = ipv4_client(), ipv6_client()
LOW = constants(7, 2, 1)
NEXT_SECRET = 0x0F1E2D3C4B5A6978
SACKED = b"\x01\x01\x05\x0a" + bytes(8)
CLIENTS = {
    "ipv4": IPV4,
    "ipv6": IPV6,
    "ipv4 tagged": ipv4_client(vlan=42, priority=3),
    "ipv6 tagged": ipv6_client(vlan=4094),
    "another port": ipv4_client(switch_port=CLIENT_PORTS[-1]),
    "lowest ports": ipv4_client(port=1),
    "highest ports": ipv6_client(port=65535),
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_the_ack_that_completes_a_handshake(site: Site, client: Client) -> None:
    number = client.first(site.secrets.current, LOW)
    frame = client.segment("A", ack=number)
    site.pulled(client, frame, site.pull(client, frame, number, CURRENT))


@pytest.mark.parametrize("low", [0, 1, 0x3F, 0x78, 0x7E])
def test_constants(site: Site, low: int) -> None:
    number = IPV6.first(site.secrets.current, low)
    frame = IPV6.segment("A", ack=number)
    site.pulled(IPV6, frame, site.pull(IPV6, frame, number, CURRENT))


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    flags: str = "A"
    options: bytes = b""
    payload: bytes = b""
    trailer: bytes = b""


SEGMENTS = [
    Segment("request", "PA", payload=b"GET / HTTP/1.1\r\n\r\n"),
    Segment("largest request", "PA", payload=bytes(range(244)) * 5),
    Segment("options", options=SACKED),
    Segment("padded", trailer=bytes(6)),
    Segment("fin", "FA"),
    Segment("fin with data", "FPA", payload=b"last"),
    Segment("reset", "RA"),
    Segment("urgent", "UA"),
    Segment("congestion", "AEC"),
]


@pytest.mark.parametrize("segment", SEGMENTS, ids=lambda each: each.name)
@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_all_segments_of_a_flow_reach_the_host(
    site: Site, client: Client, segment: Segment
) -> None:
    site.enter(client, LOW)
    number = client.first(site.secrets.current, LOW) + 5 * 128
    frame = client.segment(
        segment.flags, ack=number, options=segment.options, payload=segment.payload
    )
    frame += segment.trailer
    site.pulled(client, frame, site.pull(client, frame, number % (1 << 32), CURRENT))


def test_a_reset_that_acknowledges_nothing(site: Site) -> None:
    """What a kernel sends when its socket is gone; the filter alone tells whose it is."""
    frame = IPV4.segment("R", seq=77)
    site.dropped(IPV4, frame, "tcp_invalid")
    site.enter(IPV4)
    site.pulled(IPV4, frame, site.pull(IPV4, frame, 0, CURRENT))
    site.set_secrets(site.secrets.rotated(NEXT_SECRET))
    site.pulled(IPV4, frame, site.pull(IPV4, frame, 0, PREVIOUS))


def test_it_enters_nobody(site: Site) -> None:
    """Nor does a reset that names position 0."""
    number = IPV4.first(site.secrets.current, LOW)
    site.dropped(IPV4, IPV4.segment("R", ack=number), "tcp_invalid")
    site.dropped(IPV4, IPV4.segment("RA", ack=number), "tcp_invalid")
    frame = IPV4.segment("A", ack=number + 128)
    site.pulled(IPV4, frame, site.pull(IPV4, frame, number + 128, MAYBE_CURRENT))


POSITIONS = {"one granule": 128, "the middle": LENGTH // 256 * 128, "the end": LENGTH}


@pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_plausible_positions(site: Site, position: int, known: bool) -> None:
    if known:
        site.enter(IPV6, LOW)
    number = (IPV6.first(site.secrets.current, LOW) + position) % (1 << 32)
    frame = IPV6.segment("A", ack=number)
    pull = site.pull(IPV6, frame, number, CURRENT if known else MAYBE_CURRENT)
    site.pulled(IPV6, frame, pull)


def test_the_fin_takes_one_number(site: Site) -> None:
    """The constants are one more, whatever they are: a pipeline without memory cannot tell."""
    for low in (0, LOW, 0x7E):
        site.enter(IPV6, low)
        number = (IPV6.first(site.secrets.current, low) + LENGTH + 1) % (1 << 32)
        frame = IPV6.segment("A", ack=number)
        site.pulled(IPV6, frame, site.pull(IPV6, frame, number, CURRENT))


@pytest.mark.parametrize("position", [-128, LENGTH + 128, 1 << 31, -(1 << 30)])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_implausible_positions_are_reset(
    site: Site, client: Client, position: int, known: bool
) -> None:
    """RFC 9293, 3.10.7.1: with the number that the segment acknowledged."""
    if known:
        site.enter(client)
    ack = client.first(site.secrets.current, 0) + position
    frame = client.segment("PA", seq=5, ack=ack, options=SACKED, payload=b"data")
    reset = client.received("R", seq=ack, ack=0, window=0, trailer=SACKED + b"data")
    site.answered(client, frame, reset)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_resets_reach_every_client(site: Site, client: Client) -> None:
    ack = client.first(site.secrets.current, 0) - 128
    reset = client.received("R", seq=ack, ack=0, window=0)
    site.answered(client, client.segment("A", ack=ack), reset)


def test_a_syn_ack_is_reset(site: Site) -> None:
    """Nobody here has sent a SYN, whatever it acknowledges."""
    ack = IPV4.first(site.secrets.current, 0)
    reset = IPV4.received("R", seq=ack, ack=0, window=0)
    site.answered(IPV4, IPV4.segment("SA", ack=ack), reset)


@pytest.mark.parametrize("flags", ["R", "RA", "RPA", "RFA", "SRA"])
def test_no_reset_is_answered(site: Site, flags: str) -> None:
    for client in (IPV4, replace(IPV4, service_port=81)):
        site.dropped(client, client.segment(flags, ack=1 << 20), "tcp_invalid")


@pytest.mark.parametrize("position", [0, 128, LENGTH])
def test_an_empty_response(site: Site, position: int) -> None:
    client = replace(IPV6, service_port=8080)
    site.serve(client, length=0)
    ack = client.first(site.secrets.current, LOW) + position
    frame = client.segment("A", ack=ack)
    if position == 0:
        site.pulled(client, frame, site.pull(client, frame, ack, CURRENT, length=0))
    else:
        site.answered(client, frame, client.received("R", seq=ack, ack=0, window=0))


def test_the_largest_response(site: Site) -> None:
    client = replace(IPV6, service_port=8080)
    site.serve(client, length=1 << 31)
    # Both secrets the same, or the other one's position would be as good as any.
    site.set_secrets(replace(site.secrets, previous=site.secrets.current))
    first = client.first(site.secrets.current, LOW)
    flags = MAYBE_CURRENT | MAYBE_PREVIOUS
    for position in (128, 1 << 30, (1 << 31) - 128, 1 << 31):
        number = (first + position) % (1 << 32)
        frame = client.segment("A", ack=number)
        site.pulled(client, frame, site.pull(client, frame, number, flags, length=1 << 31))
    ack = first + (1 << 31) + 128
    frame = client.segment("A", ack=ack)
    site.answered(client, frame, client.received("R", seq=ack, ack=0, window=0))


class TestRotation:
    """A flow keeps the secret that its SYN was answered under; two are valid at a time."""

    def test_known_under_the_previous(self, site: Site) -> None:
        site.enter(IPV4, LOW)
        number = IPV4.first(site.secrets.current, LOW) + 1280
        site.set_secrets(site.secrets.rotated(NEXT_SECRET))
        frame = IPV4.segment("A", ack=number)
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, PREVIOUS))

    def test_unknown_under_the_previous(self, site: Site) -> None:
        number = IPV4.first(site.secrets.previous, LOW) + 1280
        frame = IPV4.segment("A", ack=number)
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, MAYBE_PREVIOUS))

    def test_a_handshake_from_before(self, site: Site) -> None:
        number = IPV6.first(site.secrets.previous, LOW)
        for position in (0, 128):
            frame = IPV6.segment("A", ack=number + position)
            pull = site.pull(IPV6, frame, number + position, PREVIOUS)
            site.pulled(IPV6, frame, pull)

    def test_gone_after_two(self, site: Site) -> None:
        site.enter(IPV4, LOW)
        ack = IPV4.first(site.secrets.current, LOW) + 1280
        site.set_secrets(site.secrets.rotated(NEXT_SECRET).rotated(1))
        reset = IPV4.received("R", seq=ack, ack=0, window=0)
        site.answered(IPV4, IPV4.segment("A", ack=ack), reset)

    def test_numbers_wrap(self, site: Site) -> None:
        site.set_secrets(replace(site.secrets, number=0))
        number = IPV4.first(site.secrets.current, LOW)
        frame = IPV4.segment("A", ack=number)
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, CURRENT))

    def test_plausible_under_both(self, site: Site) -> None:
        number, frame = self.under_both(site)
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, MAYBE_CURRENT | MAYBE_PREVIOUS))

    def test_known_under_one_and_plausible_under_both(self, site: Site) -> None:
        number, frame = self.under_both(site)
        site.enter(IPV4, LOW)
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, CURRENT))

    def test_known_under_both_is_a_mistake_of_the_filter(self, site: Site) -> None:
        """Only a host that knows the flow can tell which; but a handshake is one."""
        number, frame = self.under_both(site)
        site.enter(IPV4, LOW)
        ack = IPV4.first(site.secrets.previous, LOW)
        site.exchange(IPV4, IPV4.segment("A", ack=ack))
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, MAYBE_CURRENT | MAYBE_PREVIOUS))
        number = IPV4.first(site.secrets.current, LOW)
        frame = IPV4.segment("A", ack=number)
        site.pulled(IPV4, frame, site.pull(IPV4, frame, number, CURRENT))

    @staticmethod
    def under_both(site: Site) -> tuple[int, bytes]:
        """Secrets whose cookies for this client are near each other, and an ACK beyond both."""
        current = site.secrets.current
        first = IPV4.first(current, LOW)
        previous = next(
            secret
            for secret in range(1, 1 << 20)
            if 0 < (IPV4.first(secret, LOW) - first) % (1 << 32) < LENGTH - 128
        )
        site.set_secrets(replace(site.secrets, previous=previous))
        number = (IPV4.first(previous, LOW) + 128) % (1 << 32)
        return number, IPV4.segment("A", ack=number)


class TestFin:
    """Of a client that nobody remembers, and that has everything."""

    @pytest.mark.parametrize("payload", [b"", b"more"])
    @pytest.mark.parametrize("extra", [0, 1], ids=["before our fin", "after our fin"])
    @pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
    def test_acknowledged(self, site: Site, client: Client, extra: int, payload: bytes) -> None:
        ack = client.first(site.secrets.current, LOW) + LENGTH + extra
        seq = 0xFFFFFFFF
        frame = client.segment("FA", seq=seq, ack=ack, options=SACKED, payload=payload)
        answer = client.received("A", seq=ack, ack=seq + len(payload) + 1, trailer=SACKED + payload)
        site.answered(client, frame, answer)

    def test_under_the_previous_secret(self, site: Site) -> None:
        ack = IPV4.first(site.secrets.previous, LOW) + LENGTH
        answer = IPV4.received("A", seq=ack, ack=1001)
        site.answered(IPV4, IPV4.segment("FA", ack=ack), answer)

    def test_before_the_end_the_host_may_know(self, site: Site) -> None:
        number = IPV4.first(site.secrets.current, LOW) + LENGTH - 128
        frame = IPV4.segment("FA", ack=number % (1 << 32))
        pull = site.pull(IPV4, frame, number % (1 << 32), MAYBE_CURRENT)
        site.pulled(IPV4, frame, pull)


@pytest.mark.parametrize("flags", ["S", "A", "FA", "PA", "", "F", "SEC"])
@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_a_port_without_a_service(site: Site, client: Client, flags: str) -> None:
    """RFC 9293, 3.10.7.1."""
    client = replace(client, service_port=81)
    frame = client.segment(flags, seq=0xFFFFFFF0, ack=7, payload=b"twenty bytes of data")
    if "A" in flags:
        reset = client.received("R", seq=7, ack=0, window=0, trailer=frame[-20:])
    else:
        carried = 20 + ("S" in flags) + ("F" in flags)
        reset = client.received(
            "RA", seq=0, ack=0xFFFFFFF0 + carried, window=0, trailer=frame[-20:]
        )
    site.answered(client, frame, reset)


def test_unverified_pulls_are_metered(site: Site) -> None:
    burst, sent = 3, 15
    number = IPV4.first(site.secrets.current, LOW) + 128
    frame = IPV4.segment("A", ack=number)
    pull = site.pull(IPV4, frame, number, MAYBE_CURRENT)
    metered(site, UNVERIFIED, [frame] * sent, pull, HOST_PORT, "unverified_meter", burst)
    # What is known is not.
    site.enter(IPV4, LOW)
    known = [site.pull(IPV4, frame, number, CURRENT)] * sent
    assert_frames(site.exchange(IPV4, *[frame] * sent), {HOST_PORT: known})


@pytest.mark.parametrize("service_port", [80, 81])
def test_resets_are_metered(site: Site, service_port: int) -> None:
    client = replace(IPV6, service_port=service_port)
    burst, sent = 3, 15
    ack = client.first(site.secrets.current, LOW) - 128
    reset = client.received("R", seq=ack, ack=0, window=0)
    frames = [client.segment("A", ack=ack)] * sent
    metered(site, RESET, frames, reset, client.switch_port, "reset_meter", burst)


def metered(
    site: Site, cell: int, frames: list[bytes], out: bytes, port: int, reason: str, burst: int
) -> None:
    site.limit(cell, burst)
    before = site.lab.control.drops()
    started = time.monotonic()
    received = site.exchange(IPV4, *frames)
    refilled = int(time.monotonic() - started) + 1
    passed = len(received[port])
    assert_frames(received, {port: [out] * passed})
    assert burst <= passed <= burst + refilled
    assert site.lab.control.drops() - before == {reason: len(frames) - passed}
