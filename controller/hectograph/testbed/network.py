# SPDX-License-Identifier: Apache-2.0
"""Network namespaces and the veth links between them."""

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_interface
from pathlib import Path
from typing import Protocol, TypeVar, cast

from hectograph.errors import InvalidInput, NotFound, Unavailable
from hectograph.testbed import syscalls

T = TypeVar("T")

INTERFACE_NAME_BYTES = 15
"""IFNAMSIZ less the terminating zero."""

QUIET = {
    "net/ipv6/conf/{scope}/accept_dad": 0,
    "net/ipv6/conf/{scope}/dad_transmits": 0,
    "net/ipv6/conf/{scope}/accept_ra": 0,
    "net/ipv6/conf/{scope}/router_solicitations": 0,
    # No link-local address of the kernel's own making. What is left of IPv6's own
    # traffic is one MLD report for an address that an End was given.
    "net/ipv6/conf/{scope}/addr_gen_mode": 1,
}

UP_SECONDS = 5

LINE_BURST_BYTES = 16 << 10
"""That a line of limited rate sends at once: more than the longest frame that is not segmented."""

LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class Counters:
    """The kernel's count of an interface, from its own side."""

    rx_packets: int
    rx_bytes: int
    rx_dropped: int
    tx_packets: int
    tx_bytes: int
    tx_dropped: int


@dataclass(slots=True)
class Namespace:
    """A network namespace without a name in the file system: it lives while it is open."""

    name: str
    descriptor: int

    @classmethod
    def create(cls, name: str) -> "Namespace":
        """With loopback up; interfaces made in it later send nothing by themselves."""

        def make() -> int:
            syscalls.unshare(syscalls.CLONE_NEWNET)
            _silence("default")
            _set_up("lo")
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

        return cls(name, _in_thread(make))

    @classmethod
    def current(cls, name: str = "own") -> "Namespace":
        """The calling thread's, with loopback up."""
        _in_thread(lambda: _set_up("lo"))
        return cls(name, os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    def close(self) -> None:
        os.close(self.descriptor)

    @contextmanager
    def entered(self) -> Generator[None]:
        """The calling thread is inside: the sockets and processes that it makes belong there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            syscalls.setns(self.descriptor, syscalls.CLONE_NEWNET)
            try:
                yield
            finally:
                syscalls.setns(before, syscalls.CLONE_NEWNET)
        finally:
            os.close(before)

    def call(self, function: Callable[[], T]) -> T:
        """What `function` returns, called inside by a thread of its own."""

        def inside() -> T:
            syscalls.setns(self.descriptor, syscalls.CLONE_NEWNET)
            return function()

        return _in_thread(inside)

    def counters(self, interface: str) -> Counters:
        return self.call(lambda: _counters(interface))

    def listens_on_tcp(self, port: int) -> bool:
        """Does anyone listen on that port, on any address?"""
        return self.call(lambda: port in _listening_ports())


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link."""

    namespace: Namespace
    interface: str
    mac: str | None = None
    addresses: tuple[str, ...] = field(default=())
    """With prefix length: ``10.0.0.1/24``, ``fd00::1/64``."""
    ipv6: bool = True
    """False keeps the kernel's IPv6 off the interface: a switch port has no addresses."""
    checksum_offload: bool = False
    """Where it is on, a raw socket sees packets whose checksums nobody has filled in."""


def make_veth(one: End, other: End, mtu: int) -> None:
    """A link between two ends, both up."""
    for end in (one, other):
        if len(end.interface.encode()) > INTERFACE_NAME_BYTES:
            raise InvalidInput(f"longer than {INTERFACE_NAME_BYTES} bytes", where=end.interface)
    first, second = (_link_attributes(end, mtu) for end in (one, other))
    _in_thread(lambda: _netlink(lambda ip: ip.link("add", kind="veth", peer=second, **first)))
    for configure in (_configure, _wait_until_up):  # neither end comes up before both are set
        for end in (one, other):
            end.namespace.call(lambda end=end, configure=configure: configure(end))


def limit_rate(namespace: Namespace, interface: str, bits_per_second: int, queue: int) -> None:
    """What the interface sends passes a line of this rate, behind a queue of so many bytes.

    What finds no room there is dropped, and its sender told so (ENOBUFS).
    """

    def add(ip: _RouteSocket) -> None:
        index = ip.link_lookup(ifname=interface)[0]
        rate = f"{bits_per_second}bit"
        ip.tc("add", "tbf", index, rate=rate, burst=LINE_BURST_BYTES, limit=queue)

    try:
        namespace.call(lambda: _netlink(add))
    except _netlink_error() as error:
        raise Unavailable(f"no limit of its rate: {error}", where=interface) from error


def _netlink_error() -> type[Exception]:
    from pyroute2 import NetlinkError  # pyright: ignore[reportMissingTypeStubs]

    return NetlinkError


def _link_attributes(end: End, mtu: int) -> dict[str, object]:
    attributes: dict[str, object] = {
        "ifname": end.interface,
        "net_ns_fd": end.namespace.descriptor,
        "mtu": mtu,
    }
    if end.mac:
        attributes["address"] = end.mac
    return attributes


def _configure(end: End) -> None:
    if not end.ipv6:
        _write_sysctl(f"net/ipv6/conf/{end.interface}/disable_ipv6", 1)
    if not end.checksum_offload:
        _checksum_offload_off(end.interface)

    def configure(ip: _RouteSocket) -> None:
        index = ip.link_lookup(ifname=end.interface)[0]
        for address in end.addresses:
            bare, length = address.split("/")
            ip.addr("add", index=index, address=bare, prefixlen=int(length))
        ip.link("set", index=index, state="up")

    _netlink(configure)


def _wait_until_up(end: End) -> None:
    """Until queues and addresses are in use; what is sent before that is lost."""

    def is_up(ip: _RouteSocket) -> bool:
        link = ip.link("get", index=ip.link_lookup(ifname=end.interface)[0])[0]
        return link.get("operstate") == "UP"

    addresses = [ip_interface(address).ip for address in end.addresses]
    ipv6 = {address.packed.hex() for address in addresses if address.version == 6}
    deadline = time.monotonic() + UP_SECONDS
    while not (_netlink(is_up) and ipv6 <= _local_ipv6()):
        if time.monotonic() > deadline:
            raise Unavailable(f"not up after {UP_SECONDS} s", where=end.interface)
        time.sleep(0.01)


def _local_ipv6() -> set[str]:
    """Addresses that packets are taken for: the kernel makes their routes in its own time."""
    path = Path("/proc/thread-self/net/ipv6_route")
    routes = path.read_text().splitlines() if path.exists() else []
    return {address for address, prefix, *_ in map(str.split, routes) if prefix == "80"}


def _counters(interface: str) -> Counters:
    def read(ip: _RouteSocket) -> _Message:
        found = ip.link_lookup(ifname=interface)
        if not found:
            raise NotFound("no such interface", where=interface)
        return ip.link("get", index=found[0])[0]

    stats = cast(Mapping[str, int], _netlink(read).get("stats64"))
    return Counters(**{name: stats[name] for name in Counters.__slots__})


def _listening_ports() -> set[int]:
    """Of the calling thread's namespace."""
    ports: set[int] = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/thread-self/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            local, _, state = line.split()[1:4]
            if state == LISTENING:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def _silence(scope: str) -> None:
    for name, value in QUIET.items():
        _write_sysctl(name.format(scope=scope), value)


def _write_sysctl(name: str, value: int) -> None:
    """A kernel without IPv6 has no such file, and nothing to turn off."""
    path = Path("/proc/sys") / name
    if path.exists():
        path.write_text(str(value))


def _set_up(interface: str) -> None:
    _netlink(lambda ip: ip.link("set", index=ip.link_lookup(ifname=interface)[0], state="up"))


def _checksum_offload_off(interface: str) -> None:
    from pyroute2.ethtool import Ethtool  # pyright: ignore[reportMissingTypeStubs]

    ethtool = cast(_Ethtool, Ethtool())
    for feature in ("rx-checksumming", "tx-checksumming"):
        ethtool.set_offload_flag(interface, feature, 0)
    ethtool.close()


class _Ethtool(Protocol):
    """What is used here of pyroute2's Ethtool."""

    def set_offload_flag(self, interface: str, feature: str, value: int, /) -> None: ...
    def close(self) -> None: ...


class _Message(Protocol):
    def get(self, attribute: str, /) -> object: ...


class _RouteSocket(Protocol):
    """What is used here of pyroute2's IPRoute, which has no types of its own."""

    def link_lookup(self, *, ifname: str) -> Sequence[int]: ...
    def link(self, command: str, /, **attributes: object) -> Sequence[_Message]: ...
    def addr(self, command: str, /, **attributes: object) -> object: ...
    def tc(self, command: str, kind: str, index: int, /, **attributes: object) -> object: ...
    def close(self) -> None: ...


def _netlink(function: Callable[[_RouteSocket], T]) -> T:
    # Imported late: it takes a third of a second, and --help needs none of it.
    from pyroute2 import IPRoute  # pyright: ignore[reportMissingTypeStubs]

    ip = cast(_RouteSocket, IPRoute())
    try:
        return function(ip)
    finally:
        ip.close()


def _in_thread(function: Callable[[], T]) -> T:
    """In a thread of its own, which may change namespace without taking the caller along.

    It also keeps pyroute2's event loop apart from one that the caller runs.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function).result()
