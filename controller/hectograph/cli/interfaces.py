# SPDX-License-Identifier: Apache-2.0
"""What `up` must know of the interfaces that it is given."""

from dataclasses import dataclass
from typing import Any

from hectograph.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class PortInterface:
    """A switch port and the interface that is its link."""

    port: int
    interface: str

    @classmethod
    def parse(cls, text: str, where: str) -> "PortInterface":
        port, _, interface = text.partition("@")
        if not port.isdecimal() or not interface:
            raise InvalidInput(f"{text!r} is not PORT@INTERFACE", where=where)
        return cls(int(port), interface)

    def __str__(self) -> str:
        return f"{self.port}@{self.interface}"


@dataclass(frozen=True, slots=True)
class Link:
    mtu: int
    peer: str | None
    """The other end of a veth, when it is in this network namespace too."""


def link(interface: str) -> Link:
    from pyroute2 import IPRoute  # pyright: ignore[reportMissingTypeStubs]

    ip: Any = IPRoute()
    try:
        found = ip.link_lookup(ifname=interface)
        if not found:
            raise NotFound("there is no such interface", where=interface)
        message = ip.link("get", index=found[0])[0]
        kind = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
        # The other end's namespace is said only when it is not this one.
        if kind != "veth" or message.get_attr("IFLA_LINK_NETNSID") is not None:
            return Link(message.get("mtu"), None)
        peer = ip.link("get", index=message.get_attr("IFLA_LINK"))[0]
        return Link(message.get("mtu"), peer.get("ifname"))
    finally:
        ip.close()
