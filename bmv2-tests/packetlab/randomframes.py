# SPDX-License-Identifier: Apache-2.0
"""Random frames for a world: what it serves, what it refuses, and both of them damaged."""

import random
from collections.abc import Callable
from ipaddress import IPv4Address

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import checksum

from packetlab.frames import ETHERNET_MIN_BYTES, ETHERTYPE_PUSH, push_frame
from packetlab.lab import CLIENT_PORTS, HOST_PORT
from packetlab.tcp import Client
from packetlab.world import World, random_address, random_mac, random_port, random_vlan

ETHERNET_BYTES = 14
LARGEST = 1500
FLAGS = ("S", "A", "PA", "FA", "FPA", "R", "RA", "SA", "SR", "SF", "F", "P", "", "SEC", "AEC")
Recipe = Callable[[random.Random, World], bytes]


def random_frame(dice: random.Random, world: World) -> tuple[int, bytes]:
    """A well-formed one, and the port where it belongs."""
    pushes = dice.random() < 0.3
    recipe = dice.choice(PUSHES if pushes else OTHERS)
    port = dice.choice((HOST_PORT, HOST_PORT, HOST_PORT, world.host_port or 2))
    return (port if pushes else dice.choice(CLIENT_PORTS)), recipe(dice, world)


def damaged(dice: random.Random, frame: bytes) -> bytes:
    """Truncated, extended or with bits that flipped; every other IPv4 header's checksum mended."""
    data = bytearray(frame)
    for _ in range(dice.choice((1, 1, 2))):
        how = dice.randrange(6)
        if how == 0:
            del data[dice.randrange(len(data) + 1) :]
        elif how == 1:
            data += dice.randbytes(dice.randrange(1, 64))
        elif how == 2 and len(data) > ETHERNET_BYTES:
            at = dice.randrange(12, len(data))
            data[at : at + dice.randrange(1, 5)] = dice.randbytes(4)
        elif data:
            for _ in range(dice.choice((1, 1, 1, 2, 8))):
                # The headers decide, and they are in front.
                end = dice.choice((len(data), min(len(data), 100)))
                data[dice.randrange(end)] ^= 1 << dice.randrange(8)
    if dice.random() < 0.5:
        _mend_ipv4(data)
    return bytes(data[:LARGEST]).ljust(ETHERNET_BYTES, b"\0")


def _mend_ipv4(data: bytearray) -> None:
    at = 18 if bytes(data[12:14]) == b"\x81\x00" else 14
    if bytes(data[at - 2 : at]) == b"\x08\x00" and len(data) >= at + 20:
        data[at + 10 : at + 12] = bytes(2)
        data[at + 10 : at + 12] = checksum(bytes(data[at : at + 20])).to_bytes(2)


def _payload(dice: random.Random) -> bytes:
    size = dice.choice((0, 1, 2, 5, 30, 31, dice.randrange(200), dice.randrange(1400)))
    return dice.choice((dice.randbytes(size), bytes(size), b"\xff" * size))


def _group_push(dice: random.Random, world: World) -> bytes:
    fields: dict[str, int] = {
        "tcp_flags": dice.getrandbits(8),
        "content": dice.getrandbits(32),
        "offset": dice.getrandbits(32),
    }
    if dice.random() < 0.1:
        fields["payload_sum"] = dice.getrandbits(16)
    if dice.random() < 0.05:
        fields["version"] = dice.randrange(16)
    if dice.random() < 0.05:
        fields["kind"] = dice.randrange(16)
    group = dice.choice(world.groups).number if dice.random() < 0.95 else dice.getrandbits(16)
    frame = push_frame(group, _payload(dice), **fields)
    padding = dice.randbytes(max(0, ETHERNET_MIN_BYTES - len(frame)))
    return frame + padding if dice.random() < 0.5 else frame


def _flow_push(dice: random.Random, world: World) -> bytes:
    client = dice.choice(world.clients)
    number = world.secrets.number
    return client.push(
        _payload(dice),
        offset=dice.getrandbits(32),
        flags=dice.choice(("A", "PA", "FA", "FPA", "R")),
        push={"payload_sum": dice.getrandbits(16)} if dice.random() < 0.1 else None,
        secret=dice.choice((number, number, (number - 1) % 256, dice.getrandbits(8))),
        constants=dice.getrandbits(8),
        ack_no=dice.getrandbits(32),
        window=dice.getrandbits(16),
        egress_port=random_port(dice),
        client_mac=random_mac(dice),
    )


def _options(dice: random.Random) -> bytes:
    kinds = (
        b"\x02\x04" + dice.choice((536, 1152, 1220, 1407, 1408, 1460, 8832, 65535)).to_bytes(2),
        b"\x03\x03" + bytes([dice.choice((0, 7, 13, 14, 15, 255))]),
        b"\x04\x02",
        b"\x08\x0a" + dice.randbytes(8),
        b"\x01",
        b"\x00",
        bytes([dice.randrange(5, 256), dice.choice((2, 3, 6, 12))]) + bytes(10),
        bytes([dice.randrange(256), dice.randrange(256)]),
        b"\x02\x03\x05",
        b"\x03\x04\x02\x01",
    )
    weights = (8, 8, 8, 4, 8, 1, 1, 1, 1, 1)
    options = b"".join(dice.choices(kinds, weights, k=dice.randrange(7)))[:40]
    return options + bytes([dice.choice((0, 1))]) * (-len(options) % 4)


def _syn(dice: random.Random, world: World) -> bytes:
    client = dice.choice(world.clients)
    fields = {"window": dice.getrandbits(16), "urgptr": dice.getrandbits(16)}
    flags = dice.choice(("S", "S", "S", "SEC", "SP"))
    payload = _payload(dice) if dice.random() < 0.1 else b""
    return client.segment(
        flags,
        seq=dice.getrandbits(32),
        ack=dice.getrandbits(32),
        options=_options(dice),
        payload=payload,
        **fields,
    )


def _number(dice: random.Random, world: World, client: Client) -> int:
    """Of our sequence numbers: right, near or wrong, under either secret."""
    secret = dice.choice((world.secrets.current, world.secrets.previous))
    first = client.first(secret, dice.getrandbits(7))
    position = dice.choice((0, 0, 0, 1, 127, 128, 128 * dice.randrange(100), dice.getrandbits(32)))
    near = dice.choice((0, 0, 0, -1, 1, -128, 128))
    return (first + position + near) % (1 << 32)


def _segment(dice: random.Random, world: World) -> bytes:
    client = dice.choice(world.clients)
    fields = {"dataofs": dice.randrange(16)} if dice.random() < 0.1 else {}
    options = _options(dice) if dice.random() < 0.3 else b""
    return client.segment(
        dice.choice(("A", "A", "PA", *FLAGS)),
        seq=dice.getrandbits(32),
        ack=_number(dice, world, client),
        options=options,
        payload=dice.choice((b"", b"", _payload(dice))),
        **fields,
    )


def _ethernet(dice: random.Random) -> Packet:
    frame: Packet = Ether(src=random_mac(dice), dst=random_mac(dice))
    vlan, priority = random_vlan(dice)
    return frame if vlan is None else frame / Dot1Q(vlan=vlan, prio=priority)


def _icmp_error(dice: random.Random, world: World) -> bytes:
    client = dice.choice(world.clients)
    quoted = TCP(sport=client.service_port, dport=client.port, seq=_number(dice, world, client))
    source, router = str(client.service_address), str(random_address(dice, client.address.version))
    mtu = dice.choice((0, 576, 1280, 1499, 65535))
    if isinstance(client.address, IPv4Address):
        about = IP(src=source, dst=str(client.address)) / quoted
        packet = IP(src=router, dst=source) / ICMP(
            type=3, code=dice.choice((4, 4, 4, 1)), nexthopmtu=mtu
        )
    else:
        about = IPv6(src=source, dst=str(client.address)) / quoted
        packet = IPv6(src=router, dst=source) / ICMPv6PacketTooBig(
            code=dice.choice((0, 1)), mtu=mtu
        )
    about = Raw(bytes(about)[: dice.choice((200, 28, 48, 47))])
    return bytes(_ethernet(dice) / packet / about)


def _arp(dice: random.Random, world: World) -> bytes:
    addresses = [str(address) for address in world.addresses if address.version == 4]
    return bytes(
        _ethernet(dice)
        / ARP(
            op=dice.choice((1, 1, 1, 2, 3)),
            hwsrc=random_mac(dice),
            psrc=str(random_address(dice, 4)),
            pdst=dice.choice((*addresses, "10.9.8.7")),
        )
    ).ljust(dice.choice((42, 60)), b"\0")


def _neighbour(dice: random.Random, world: World) -> bytes:
    addresses = [str(address) for address in world.addresses if address.version == 6]
    target = dice.choice((*addresses, "2001:db8::77"))
    source = dice.choice(("::", str(random_address(dice, 6)), str(random_address(dice, 6))))
    packet = IPv6(src=source, dst=dice.choice(("ff02::1", target)), hlim=dice.choice((255, 64)))
    message = dice.choice(
        (
            ICMPv6ND_NS(tgt=target),
            ICMPv6ND_NS(tgt=target) / ICMPv6NDOptSrcLLAddr(lladdr=random_mac(dice)),
            ICMPv6ND_NA(tgt=target),
            ICMPv6ND_RS(),
        )
    )
    return bytes(_ethernet(dice) / packet / message)


def _ping(dice: random.Random, world: World) -> bytes:
    address = dice.choice(world.addresses)
    other = str(random_address(dice, address.version))
    if isinstance(address, IPv4Address):
        packet = IP(src=other, dst=str(address)) / ICMP(type=dice.choice((8, 8, 0)))
    else:
        packet = IPv6(src=other, dst=str(address)) / ICMPv6EchoRequest()
    return bytes(_ethernet(dice) / packet / Raw(_payload(dice)))


def _nobodys(dice: random.Random, world: World) -> bytes:
    """Fragments, options, UDP, unknown EtherTypes, noise."""
    address = str(next((a for a in world.addresses if a.version == 4), "10.1.2.3"))
    packets: tuple[Packet, ...] = (
        IP(dst=address, frag=dice.randrange(1, 1 << 13)) / TCP(),
        IP(dst=address, flags="MF") / TCP(),
        IP(dst=address, ihl=6) / Raw(dice.randbytes(24)),
        IP(dst=address) / UDP() / Raw(_payload(dice)),
        IPv6(nh=dice.getrandbits(8)) / Raw(dice.randbytes(40)),
        Raw(dice.randbytes(dice.randrange(1, 100))),
    )
    frame = _ethernet(dice)
    packet = dice.choice(packets)
    if isinstance(packet, Raw):
        frame.lastlayer().type = dice.choice((0x88CC, 0x0801, 0x9100, ETHERTYPE_PUSH, 0x0806))
    return bytes(frame / packet)


PUSHES: tuple[Recipe, ...] = (_group_push, _group_push, _flow_push)
OTHERS: tuple[Recipe, ...] = (
    *(_syn, _syn, _segment, _segment, _segment, _segment),
    *(_icmp_error, _arp, _neighbour, _ping, _nobodys),
)
