# SPDX-License-Identifier: Apache-2.0
"""From a content's number to its addresses.

Numbers go up and come round: one that is free again is not taken before all others
were, so that an old client's segments never meet another content at their address.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from hectograph.core.model import Addressing

HTTP_PORT = 80
MAX_NUMBER = 0xFFFF
MAX_ENTRIES = 16384
"""Of the tables service and content_address (p4/shared/sizes.p4)."""


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    address: IPv4Address | IPv6Address
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"http://{host}/" if self.port == HTTP_PORT else f"http://{host}:{self.port}/"


def addresses(addressing: Addressing, number: int) -> tuple[ServiceAddress, ...]:
    """IPv6 first."""
    found: list[ServiceAddress] = []
    if addressing.ipv6 is not None:
        found.append(ServiceAddress(addressing.ipv6.network_address + number, HTTP_PORT))
    if addressing.ipv4 is not None:
        found.append(ServiceAddress(addressing.ipv4, addressing.ipv4_first_port + number - 1))
    return tuple(found)


def last_number(addressing: Addressing) -> int:
    """Numbers are 1 to this. An IPv6 prefix's own address is every router's (RFC 4291, 2.6.1)."""
    last = MAX_NUMBER
    if addressing.ipv6 is not None:
        last = min(last, addressing.ipv6.num_addresses - 1)
    if addressing.ipv4 is not None:
        last = min(last, 0xFFFF - addressing.ipv4_first_port + 1)
    return last


def capacity(addressing: Addressing) -> int:
    """How many contents there can be at a time: each family is an entry of its own."""
    families = (addressing.ipv6 is not None) + (addressing.ipv4 is not None)
    return min(last_number(addressing), MAX_ENTRIES // families)
