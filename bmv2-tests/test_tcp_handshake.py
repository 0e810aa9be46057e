# SPDX-License-Identifier: Apache-2.0
"""SYN in, SYN-ACK out: to the byte, whatever the options; nothing else is told or remembered."""

from dataclasses import dataclass, replace

import pytest
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether

from packetlab.lab import assert_frames
from packetlab.site import Site
from packetlab.tcp import NO_SCALE, Client, constants, ipv4_client, ipv6_client

IPV4, IPV6 = ipv4_client(), ipv6_client()
CLIENTS = {
    "ipv4": IPV4,
    "ipv6": IPV6,
    "ipv4 tagged": ipv4_client(vlan=42),
    "ipv6 tagged": ipv6_client(vlan=4094, priority=5),
    "another port": ipv6_client(switch_port=4),
}


def mss(size: int) -> bytes:
    return b"\x02\x04" + size.to_bytes(2)


def wscale(shift: int) -> bytes:
    return b"\x03\x03" + bytes([shift])


NOP, END, SACK = b"\x01", b"\x00", b"\x04\x02"
TIMESTAMPS = b"\x08\x0a" + bytes(8)
FAST_OPEN = b"\x22\x02"


@dataclass(frozen=True, slots=True)
class Options:
    name: str
    sent: bytes
    wscale: int = NO_SCALE
    mss_class: int = 0
    sack: int = 0

    @property
    def constants(self) -> int:
        return constants(self.wscale, self.mss_class, self.sack)

    def answer(self, size: int) -> bytes:
        """The options of the SYN-ACK: MSS, SACK permitted, window scale 0."""
        sack = NOP + NOP + SACK if self.sack else b""
        return mss(size) + sack + (b"" if self.wscale == NO_SCALE else NOP + wscale(0))


MSS_CLASSES = (
    (0, 511, 512, 536, 1151),
    (1152, 1220, 1407),
    (1408, 1440, 1460, 8831),
    (8832, 8940, 65535),
)
LINUX = mss(1460) + SACK + TIMESTAMPS + NOP + wscale(7)
CASES = [
    Options("none", b""),
    *(
        Options(f"mss {size}", mss(size), mss_class=number)
        for number, sizes in enumerate(MSS_CLASSES)
        for size in sizes
    ),
    *(
        Options(f"window scale {n}", NOP + wscale(n), wscale=min(n, 14))
        for n in (*range(18), 31, 128, 255)
    ),
    Options("sack", SACK + NOP + NOP, sack=1),
    Options("as Linux sends them", LINUX, wscale=7, mss_class=2, sack=1),
    Options(
        "as Windows sends them",
        mss(1460) + NOP + wscale(8) + NOP + NOP + SACK,
        wscale=8,
        mss_class=2,
        sack=1,
    ),
    Options("jumbo", mss(8940) + SACK + NOP + wscale(14) + NOP + NOP, 14, 3, 1),
    Options("jumbo without scale: no sack", mss(8940) + SACK + NOP + NOP, mss_class=3),
    Options("timestamps alone", NOP + NOP + TIMESTAMPS),
    Options("forty bytes of no operation", NOP * 40),
    Options("the last of forty bytes", NOP * 37 + wscale(3), wscale=3),
    Options("forty bytes in one", b"\xfd\x28" + bytes(38)),
    Options("behind the end", mss(1460) + END + wscale(7), mss_class=2),
    Options("end alone", END * 4),
    Options("garbage behind the end", END + b"\xff\xff\xff"),
    Options("unknown", b"\xfe\x06abcd" + SACK, sack=1),
    Options("unknown without a value", FAST_OPEN + SACK, sack=1),
    Options("fast open", b"\x22\x0acookie42" + NOP * 4 + SACK, sack=1),
    Options("mss twice", mss(1460) + mss(536)),
    Options("window scale twice", wscale(15) + wscale(2) + NOP + NOP, wscale=2),
    Options("mss of another length", b"\x02\x03\xff" + NOP),
    Options("window scale of another length", b"\x03\x04\x07\x07"),
    Options("sack of another length", b"\x04\x04\x01\x01"),
    Options("md5", b"\x13\x12" + bytes(16) + NOP + NOP),
]


@pytest.mark.parametrize("options", CASES, ids=lambda case: case.name)
def test_options(site: Site, options: Options) -> None:
    syn = IPV6.segment("S", seq=0xFFFFFFFF, options=options.sent)
    site.answered(IPV6, syn, syn_ack(site, IPV6, options, 0xFFFFFFFF))


def syn_ack(
    site: Site, client: Client, options: Options, seq: int = 1000, trailer: bytes = b""
) -> bytes:
    first = client.first(site.secrets.current, options.constants)
    answer = options.answer(site.secrets.mss)
    return client.received("SA", seq=first - 1, ack=seq + 1, options=answer, trailer=trailer)


LINUX_OPTIONS = next(case for case in CASES if case.sent == LINUX)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_clients(site: Site, client: Client) -> None:
    syn = client.segment("S", options=LINUX)
    site.answered(client, syn, syn_ack(site, client, LINUX_OPTIONS))


@pytest.mark.parametrize("size", [536, 1220, 1440, 8940, 61000])
def test_our_mss(site: Site, size: int) -> None:
    site.set_secrets(replace(site.secrets, mss=size))
    for client in (IPV4, IPV6):
        site.answered(
            client, client.segment("S", options=LINUX), syn_ack(site, client, LINUX_OPTIONS)
        )


@pytest.mark.parametrize("flags", ["S", "SEC", "SP", "SU", "SPU"])
def test_flags_that_change_nothing(site: Site, flags: str) -> None:
    """ECN is not taken up; urgent data in a SYN is nobody's."""
    syn = IPV4.segment(flags, options=LINUX, urgptr=77, reserved=7)
    site.answered(IPV4, syn, syn_ack(site, IPV4, LINUX_OPTIONS))


@pytest.mark.parametrize("client", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_data_in_a_syn_is_not_acknowledged(site: Site, client: Client) -> None:
    """It comes again; what stood behind the header is padding of the answer."""
    data = b"GET / HTTP/1.1\r\n\r\n"
    syn = client.segment("S", options=LINUX, payload=data)
    site.answered(client, syn, syn_ack(site, client, LINUX_OPTIONS, trailer=data))


def test_ethernet_padding(site: Site) -> None:
    syn = IPV4.segment("S") + bytes(6)
    site.answered(IPV4, syn, syn_ack(site, IPV4, CASES[0], trailer=bytes(6)))


def test_a_syn_again_is_answered_the_same(site: Site) -> None:
    syn = IPV4.segment("S", options=LINUX)
    answer = syn_ack(site, IPV4, LINUX_OPTIONS)
    assert_frames(site.exchange(IPV4, syn, syn, syn), {IPV4.switch_port: [answer] * 3})


def test_under_another_secret_another_number(site: Site) -> None:
    before = IPV4.first(site.secrets.current, 0)
    site.set_secrets(site.secrets.rotated(0x0123456789ABCDEF))
    assert IPV4.first(site.secrets.current, 0) != before
    site.answered(IPV4, IPV4.segment("S"), syn_ack(site, IPV4, CASES[0]))


REFUSED_OPTIONS = {
    "no length": NOP * 3 + b"\x05",
    "length 0": b"\x05\x00\x01\x01",
    "length 1": b"\x05\x01\x01\x01",
    "no operation of length 0, not the first": NOP + b"\xfe\x00" + NOP,
    "one byte too long": mss(1460) + b"\x08\x05\x00\x00",
    "the longest": b"\x08\xff\x00\x00",
    "mss runs out": NOP * 2 + b"\x02\x04",
    "window scale runs out": NOP * 2 + b"\x03\x03",
    "the last of forty bytes": NOP * 39 + b"\x03",
    "after good ones": LINUX[:-4] + NOP * 2 + b"\x05\x0a",
}


@pytest.mark.parametrize("options", REFUSED_OPTIONS.values(), ids=REFUSED_OPTIONS)
def test_options_that_run_out(site: Site, options: bytes) -> None:
    """With data behind them, into which the parser must not run."""
    site.dropped(IPV6, IPV6.segment("S", options=options, payload=bytes(300)), "tcp_options")
    site.dropped(IPV4, IPV4.segment("S", options=options), "tcp_options")


@pytest.mark.parametrize("flags", ["SF", "SR", "SFR", "F", "", "P", "U", "FPU"])
def test_flags_that_no_state_answers(site: Site, flags: str) -> None:
    site.dropped(IPV4, IPV4.segment(flags, options=LINUX), "tcp_invalid")
    site.dropped(IPV6, IPV6.segment(flags), "tcp_invalid")


@pytest.mark.parametrize("flags", ["S", "A", "R", "FA"])
@pytest.mark.parametrize("words", [0, 1, 4, 6, 15])
def test_a_data_offset_that_cannot_be(site: Site, flags: str, words: int) -> None:
    """Below 5, or beyond the end that the IP header says: there is only padding."""
    for client in (IPV4, IPV6):
        frame = client.segment(flags, dataofs=words) + bytes(40)
        site.dropped(client, frame, "malformed")


def test_an_ip_length_shorter_than_the_headers(site: Site) -> None:
    for client, at in ((IPV4, 16), (IPV6, 18)):
        whole = client.segment("S", options=LINUX)
        start = int.from_bytes(whole[at : at + 2]) - 40
        for length in (0, start, start + 19, start + 39):
            frame = bytearray(whole)
            frame[at : at + 2] = length.to_bytes(2)
            site.dropped(client, repaired(frame), "malformed")


def repaired(frame: bytes | bytearray) -> bytes:
    """With the IPv4 header's checksum right again."""
    packet = Ether(bytes(frame))
    if packet.type == 0x0800:
        del packet.payload.chksum
        start = bytes(packet)[14:34]
        return bytes(frame[:14]) + start + bytes(frame[34:])
    return bytes(frame)


def test_truncated(site: Site) -> None:
    """Cut anywhere in its headers."""
    for client in (IPV4, IPV6):
        whole = client.segment("S", options=LINUX)
        frames = [whole[:size] for size in range(14, len(whole))]
        before = site.lab.control.drops()
        assert_frames(site.exchange(client, *frames), {})
        assert site.lab.control.drops() - before == {"malformed": len(frames)}


def test_a_wrong_ipv4_checksum(site: Site) -> None:
    frame = bytearray(IPV4.segment("S"))
    frame[24] ^= 1
    site.dropped(IPV4, bytes(frame), "checksum")


MARTIANS = {
    "to every station": ipv4_client(service_mac="ff:ff:ff:ff:ff:ff"),
    "to a multicast address": ipv6_client(service_mac="33:33:00:00:00:01"),
    "0.0.0.0": ("0.0.0.0", IPV4),
    "0.255.255.255": ("0.255.255.255", IPV4),
    "127.0.0.1": ("127.0.0.1", IPV4),
    "224.0.0.1": ("224.0.0.1", IPV4),
    "255.255.255.255": ("255.255.255.255", IPV4),
    "::": ("::", IPV6),
    "::1": ("::1", IPV6),
    "ff02::1": ("ff02::1", IPV6),
}


@pytest.mark.parametrize("who", MARTIANS.values(), ids=MARTIANS)
@pytest.mark.parametrize("flags", ["S", "A", "R"])
def test_martians(site: Site, who: Client | tuple[str, Client], flags: str) -> None:
    if isinstance(who, tuple):
        address, client = who
        who = replace(client, address=type(client.address)(address))
    site.dropped(who, who.segment(flags), "martian")


@pytest.mark.parametrize("address", ["1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255"])
def test_neighbours_of_martians(site: Site, address: str) -> None:
    client = ipv4_client(address=type(IPV4.address)(address))
    (frame,) = site.exchange(client, client.segment("S"))[client.switch_port]
    assert Ether(frame)[TCP].flags == "SA"
