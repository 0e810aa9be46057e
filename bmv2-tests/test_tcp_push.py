# SPDX-License-Identifier: Apache-2.0
"""A host's flow push becomes the client's segment, to the byte, or is refused and counted."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from packetlab.lab import CLIENT_PORTS, HOST_PORT, assert_frames
from packetlab.site import Site, counted
from packetlab.tcp import CURRENT, Client, constants, ipv4_client, ipv6_client

IPV4, IPV6 = ipv4_client(), ipv6_client()
LOW = constants(7, 2, 1)
NEXT_SECRET = 0x0F1E2D3C4B5A6978
CLIENTS = {
    "ipv4": IPV4,
    "ipv6": IPV6,
    "ipv4 tagged": ipv4_client(vlan=1),
    "ipv6 tagged": ipv6_client(vlan=4094, priority=7),
    "its hosts own port": ipv4_client(switch_port=HOST_PORT),
    "jumbo port": ipv6_client(switch_port=4),
    "another service": ipv6_client(service_port=8080, service_mac="02:00:00:00:02:09"),
}


def pushed(
    site: Site,
    client: Client,
    payload: bytes = b"",
    **push: Any,  # noqa: ANN401
) -> dict[int, list[bytes]]:
    fields: dict[str, Any] = {"secret": site.secrets.number, "constants": LOW, **push}
    return site.lab.exchange(HOST_PORT, [client.push(payload, **fields)])


def check(
    site: Site,
    client: Client,
    payload: bytes = b"",
    *,
    offset: int = 0,
    flags: str = "A",
    ack_no: int = 1001,
    window: int = 500,
    low: int = LOW,
) -> None:
    received = pushed(
        site,
        client,
        payload,
        offset=offset,
        flags=flags,
        constants=low,
        ack_no=ack_no,
        window=window,
    )
    seq = client.first(site.secrets.current, low) + offset
    segment = client.received(flags, seq=seq, ack=ack_no, payload=payload, window=window)
    assert_frames(received, {client.switch_port: [segment]})


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("payload", [b"", bytes(range(128))], ids=["empty", "data"])
def test_clients(site: Site, client: Client, payload: bytes) -> None:
    with counted(site.lab):
        check(site, client, payload)


SIZES = [0, 1, 2, 127, 128, 129, 512, 1024, 1152, 1280, 1408, 1440]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_sizes(site: Site, client: Client, size: int) -> None:
    check(site, client, pattern(size))


@pytest.mark.parametrize("size", [8832, 8840, 8846])
def test_jumbo_sizes(site: Site, size: int) -> None:
    """Up to what the host's own link takes with the headers of a flow push."""
    check(site, replace(IPV6, switch_port=4), pattern(size))


def pattern(size: int) -> bytes:
    return bytes(at * 7 % 251 for at in range(size))


@pytest.mark.parametrize("flags", ["A", "PA", "FA", "FPA", "R", "RA", "UAEC", ""])
def test_flags(site: Site, flags: str) -> None:
    check(site, IPV4, b"data", flags=flags)
    check(site, IPV6, flags=flags)


GIBI = 1 << 30
OFFSETS = [128, 1408, GIBI, 2 * GIBI - 1408, 2 * GIBI - 128, 2 * GIBI, -1, 3 * GIBI]


@pytest.mark.parametrize("offset", OFFSETS)
def test_offsets(site: Site, offset: int) -> None:
    """From the first byte to the last of 2^31, and a keep-alive's one byte before."""
    check(site, IPV4, b"data", offset=offset)
    check(site, IPV6, offset=offset)


def test_the_sequence_number_wraps(site: Site) -> None:
    first = IPV6.first(site.secrets.current, LOW)
    for offset in ((1 << 32) - first + change for change in (-1, 0, 1)):
        check(site, IPV6, b"data", offset=offset)


@pytest.mark.parametrize("low", [0, 1, 0x40, 0x7F])
def test_constants(site: Site, low: int) -> None:
    check(site, IPV4, low=low)


@pytest.mark.parametrize(("ack_no", "window"), [(0, 0), (0xFFFFFFFF, 0xFFFF), (1 << 31, 1)])
def test_acknowledgements(site: Site, ack_no: int, window: int) -> None:
    check(site, IPV4, ack_no=ack_no, window=window)


@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("payload", [bytes(128), b"\xff" * 128, b"\xff" * 127])
def test_corners_of_the_checksum(site: Site, client: Client, payload: bytes) -> None:
    check(site, client, payload)


def test_both_zeros_of_the_payload_sum(site: Site) -> None:
    """0x0000 and 0xFFFF are the same sum: the checksum differs in nothing that counts."""
    payload = bytes(126)
    plain = pushed(site, IPV4, payload)
    other = pushed(site, IPV4, payload, push={"payload_sum": 0xFFFF})
    assert plain == other


def test_the_group_and_the_reserved_fields_mean_nothing(site: Site) -> None:
    plain = pushed(site, IPV6, b"data")
    with counted(site.lab):
        other = pushed(site, IPV6, b"data", push={"group": 7, "content": 9}, reserved=1)
    assert plain == other


def test_the_last_bit_of_the_constants_is_not_theirs(site: Site) -> None:
    assert pushed(site, IPV6, constants=LOW | 0x80) == pushed(site, IPV6)


class TestSecrets:
    """A push names the secret by its number, so that it may be on its way while they rotate."""

    def test_the_previous_one(self, site: Site) -> None:
        number, secret = site.secrets.number, site.secrets.current
        site.set_secrets(site.secrets.rotated(NEXT_SECRET))
        seq = IPV4.first(secret, LOW)
        segment = IPV4.received("A", seq=seq, ack=0, window=0)
        assert_frames(pushed(site, IPV4, secret=number), {IPV4.switch_port: [segment]})

    @pytest.mark.parametrize("number", [0, 255, 1])
    def test_numbers_wrap(self, site: Site, number: int) -> None:
        site.set_secrets(replace(site.secrets, number=number))
        for offset, secret in ((0, site.secrets.current), (-1, site.secrets.previous)):
            segment = IPV4.received("A", seq=IPV4.first(secret, LOW), ack=0, window=0)
            received = pushed(site, IPV4, secret=(number + offset) % 256)
            assert_frames(received, {IPV4.switch_port: [segment]})

    @pytest.mark.parametrize("ahead", [1, -2, 128])
    def test_one_that_is_gone_or_to_come(self, site: Site, ahead: int) -> None:
        frame = IPV4.push(secret=(site.secrets.number + ahead) % 256)
        with counted(site.lab, flow_secret=1):
            assert_frames(site.lab.exchange(HOST_PORT, [frame]), {})


@dataclass(frozen=True, slots=True)
class Refused:
    name: str
    reason: str
    frame: bytes
    port: int = HOST_PORT


GOOD = IPV4.push(b"data", secret=7)
REFUSED = [
    *(Refused(f"from client port {n}", "push_from_client", GOOD, n) for n in CLIENT_PORTS),
    *(Refused(f"version {n}", "push_version", IPV4.push(push={"version": n})) for n in (0, 2, 15)),
    Refused("one byte less", "push_length", GOOD[:-1]),
    Refused("one byte more", "push_length", GOOD + b"\0"),
    Refused("length says 0", "push_length", IPV4.push(b"data", push={"payload_length": 0})),
    Refused("length says 65535", "push_length", IPV4.push(push={"payload_length": 0xFFFF})),
    *(
        Refused(f"egress port {n}", "flow_port", IPV4.push(egress_port=n))
        for n in (0, 510, 511, 512, 0x0202, 65535)
    ),
    Refused("no flow header", "malformed", GOOD[:30]),
    Refused("half a flow header", "malformed", GOOD[:60]),
    Refused("all but its last byte", "malformed", IPV4.push()[:-1]),
    Refused("kind pull", "push_kind", IPV4.push(push={"kind": 3})),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused(site: Site, case: Refused) -> None:
    with counted(site.lab, **{case.reason: 1}):
        assert_frames(site.lab.exchange(case.port, [case.frame]), {})


def test_a_refused_push_enters_nobody(site: Site) -> None:
    number = IPV4.first(site.secrets.current, LOW) + 128
    frame = IPV4.segment("A", ack=number)
    site.limit(1, 0)
    for port in CLIENT_PORTS:
        site.lab.exchange(port, [IPV4.push(secret=site.secrets.number)])
    site.lab.exchange(HOST_PORT, [IPV4.push(secret=site.secrets.number + 1)])
    site.dropped(IPV4, frame, "unverified_meter")
    pushed(site, IPV4)
    site.pulled(IPV4, frame, site.pull(IPV4, frame, number, CURRENT))


def test_to_a_port_that_is_not_there(site: Site) -> None:
    assert_frames(pushed(site, replace(IPV4, switch_port=77)), {})


def test_ipv4_options_are_left_as_they_are(site: Site) -> None:
    """Nobody's here, so the header's checksum is the sender's, right or wrong."""
    plain = Ether(IPV4.segment("S"))
    for wrong in (False, True):
        packet = plain.copy()
        packet[IP].options = [b"\x94\x04\x00\x00"]
        del packet[IP].ihl, packet[IP].len, packet[IP].chksum
        frame = bytearray(bytes(packet))
        frame[24] ^= wrong
        with counted(site.lab):
            assert_frames(site.exchange(IPV4, bytes(frame)), {})
        assert site.lab.control.packet_in().payload == bytes(frame)


numbers = st.integers(0, (1 << 32) - 1)


@settings(
    max_examples=settings().max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    client=st.sampled_from(list(CLIENTS.values())),
    payload=st.binary(max_size=1440) | st.integers(0, 1440).map(lambda size: b"\xff" * size),
    offset=numbers,
    ack_no=numbers,
    window=st.integers(0, 65535),
    low=st.integers(0, 127),
    flags=st.sampled_from(["A", "PA", "FA", "R"]),
)
def test_segments_are_what_scapy_builds(
    site: Site,
    client: Client,
    payload: bytes,
    offset: int,
    ack_no: int,
    window: int,
    low: int,
    flags: str,
) -> None:
    check(site, client, payload, offset=offset, ack_no=ack_no, window=window, low=low, flags=flags)
