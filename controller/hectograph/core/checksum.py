# SPDX-License-Identifier: Apache-2.0
"""The constant part of a member's UDP or TCP checksum; the pipeline adds the rest.

p4/v1model/checksum.p4:

    UDP: ~fold(member_sum + payload_sum + 2 · udp_length)
    TCP: ~fold(member_sum + payload_sum + seq_no >> 16 + seq_no & 0xFFFF + flags + tcp_length)
"""

from ipaddress import IPv4Address, IPv6Address

TCP_PROTOCOL = 6
UDP_PROTOCOL = 17
TCP_DATA_OFFSET = 5 << 12
"""The header word of data offset and flags, without the flags."""


def ones_complement_sum(data: bytes) -> int:
    """RFC 1071's sum of 16-bit words, not inverted; an odd last byte is a high byte.

    2^16 is 1 modulo 2^16 - 1, so adding words with end-around carry is that
    remainder of the whole as one number; of the two zeros 0xFFFF is the sum of
    anything that is not all zero.
    """
    number = int.from_bytes(data + bytes(len(data) % 2))
    return number % 0xFFFF or (0xFFFF if number else 0)


def udp_member_sum(
    source: IPv4Address | IPv6Address,
    destination: IPv4Address | IPv6Address,
    source_port: int,
    destination_port: int,
) -> int:
    """Of the words that are the same in every datagram, as table `member` takes it."""
    number = int(source) + int(destination) + UDP_PROTOCOL + source_port + destination_port
    return number % 0xFFFF or 0xFFFF


def tcp_member_sum(
    source: IPv4Address | IPv6Address,
    destination: IPv4Address | IPv6Address,
    source_port: int,
    destination_port: int,
    ack_no: int,
    window: int,
) -> int:
    """The same of every segment."""
    number = int(source) + int(destination) + TCP_PROTOCOL + source_port + destination_port
    number += ack_no + window + TCP_DATA_OFFSET
    return number % 0xFFFF or 0xFFFF
