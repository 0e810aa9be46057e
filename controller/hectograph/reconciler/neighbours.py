# SPDX-License-Identifier: Apache-2.0
"""Punted packets: clients that ask for a group's source address get their answer.

ARP (RFC 826) and neighbour solicitations (RFC 4861) for the source addresses of a
switch's groups are answered out of the port that they came from, with the source's
MAC. Everything else is counted. The pipeline meters what comes here.
"""

import struct
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from hectograph import wire
from hectograph.core.checksum import ones_complement_sum
from hectograph.core.state import State
from hectograph.core.status import PuntCounters
from hectograph.core.validate import mac_number
from hectograph.drivers.base import Session

MacOf = Callable[[IPv4Address | IPv6Address], bytes | None]

_VLAN, _ARP, _IPV6 = b"\x81\x00", b"\x08\x06", b"\x86\xdd"
_ARP_ETHERNET_IPV4 = b"\x00\x01\x08\x00\x06\x04"
_REQUEST, _REPLY = b"\x00\x01", b"\x00\x02"
_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT = 135, 136
_ALL_NODES = IPv6Address("ff02::1")
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_TARGET_LINK_LAYER_ADDRESS = 2
_SOLICITED, _OVERRIDE = 0x40000000, 0x20000000


class Neighbours:
    def __init__(self, state: State, switch: str) -> None:
        self._state = state
        self._switch = switch
        self._punted: Counter[str] = Counter()
        self._answered = 0
        self._ignored = 0
        self._lost = 0

    @property
    def counters(self) -> PuntCounters:
        return PuntCounters(dict(self._punted), self._answered, self._ignored, self._lost)

    async def serve(self, session: Session) -> None:
        lost_before = self._lost
        async for packet in session.packets():
            self._lost = lost_before + session.packets_lost
            self._punted[wire.PUNT_REASONS.get(packet.reason, str(packet.reason))] += 1
            reply = answer(packet.frame, self._mac_of)
            if reply is None:
                self._ignored += 1
            else:
                await session.send(packet.ingress_port, reply)
                self._answered += 1

    def _mac_of(self, address: IPv4Address | IPv6Address) -> bytes | None:
        for group in self._state.groups_on(self._switch):
            for source in (group.group.source, *group.sources):
                if address in (source.ipv4, source.ipv6):
                    return mac_number(source.mac).to_bytes(6)
        return None


def answer(frame: bytes, mac_of: MacOf) -> bytes | None:
    """The reply to a request for an address of ours; None for everything else."""
    sender, tag = frame[6:12], b""
    rest = frame[12:]
    if rest[:2] == _VLAN:
        tag, rest = rest[:4], rest[4:]
    if rest[:2] == _ARP:
        return _answer_arp(rest[2:], tag, mac_of)
    if rest[:2] == _IPV6:
        return _answer_solicitation(rest[2:], sender, tag, mac_of)
    return None


def _answer_arp(packet: bytes, tag: bytes, mac_of: MacOf) -> bytes | None:
    if len(packet) < 28 or packet[:8] != _ARP_ETHERNET_IPV4 + _REQUEST:
        return None
    asker, target = packet[8:18], packet[24:28]
    mac = mac_of(IPv4Address(target))
    if mac is None:
        return None
    ethernet = asker[:6] + mac + tag + _ARP
    return ethernet + _ARP_ETHERNET_IPV4 + _REPLY + mac + target + asker


def _answer_solicitation(packet: bytes, sender: bytes, tag: bytes, mac_of: MacOf) -> bytes | None:
    source, destination, message = packet[8:24], packet[24:40], packet[40:]
    message = message[: int.from_bytes(packet[4:6])]
    # RFC 4861, 7.1.1: what does not hold here is discarded without a word.
    if len(message) < 24 or packet[6:8] != bytes((_ICMPV6, 255)):
        return None
    if message[:2] != bytes((_SOLICITATION, 0)):
        return None
    if _icmpv6_sum(source, destination, message) != 0xFFFF:
        return None
    target = message[8:24]
    mac = mac_of(IPv6Address(target))
    if mac is None:
        return None
    if IPv6Address(source).is_unspecified:  # duplicate address detection: tell everyone
        return _advertisement(mac, target, _ALL_NODES_MAC, _ALL_NODES.packed, tag, _OVERRIDE)
    return _advertisement(mac, target, sender, source, tag, _SOLICITED | _OVERRIDE)


def _advertisement(
    mac: bytes, target: bytes, asker_mac: bytes, asker: bytes, tag: bytes, flags: int
) -> bytes:
    option = bytes((_TARGET_LINK_LAYER_ADDRESS, 1)) + mac
    message = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, flags) + target + option
    checksum = 0xFFFF - _icmpv6_sum(target, asker, message)
    message = message[:2] + struct.pack("!H", checksum) + message[4:]
    ipv6 = struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 255) + target + asker
    return asker_mac + mac + tag + _IPV6 + ipv6 + message


def _icmpv6_sum(source: bytes, destination: bytes, message: bytes) -> int:
    """With the pseudo-header (RFC 8200, 8.1); 0xFFFF when the message's checksum is right."""
    pseudo = source + destination + struct.pack("!II", len(message), _ICMPV6)
    return ones_complement_sum(pseudo + message)
