# SPDX-License-Identifier: Apache-2.0
"""The constant part of a member's UDP checksum; the pipeline adds the rest.

p4/v1model/checksum.p4: checksum = ~fold(member_sum + payload_sum + 2 · udp_length).
"""

from ipaddress import IPv4Address, IPv6Address

UDP_PROTOCOL = 17


def ones_complement_sum(data: bytes) -> int:
    """RFC 1071's sum of 16-bit words, not inverted; an odd last byte is a high byte.

    2^16 is 1 modulo 2^16 - 1, so adding words with end-around carry is that
    remainder of the whole as one number; of the two zeros 0xFFFF is the sum of
    anything that is not all zero.
    """
    number = int.from_bytes(data + bytes(len(data) % 2))
    return number % 0xFFFF or (0xFFFF if number else 0)


def member_sum(
    source: IPv4Address | IPv6Address,
    destination: IPv4Address | IPv6Address,
    source_port: int,
    destination_port: int,
) -> int:
    """Of the words that are the same in every packet to this member, as table `member` takes it."""
    number = int(source) + int(destination) + UDP_PROTOCOL + source_port + destination_port
    return number % 0xFFFF or 0xFFFF
