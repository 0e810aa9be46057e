# SPDX-License-Identifier: Apache-2.0
"""Is one object of the desired state well formed, whatever else there is? InvalidInput if not."""

import re
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath

from hectograph import wire
from hectograph.core.model import (
    Addressing,
    Content,
    FileSource,
    Group,
    Host,
    Member,
    Rate,
    Source,
    Stream,
    Switch,
    Tls,
    UdpSource,
    UrlSource,
)
from hectograph.core.profiles import profile
from hectograph.errors import InvalidInput

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE = re.compile(rf"(?=.{{3,127}}$){_WORD}/{_WORD}(; ?{_WORD}={_WORD})*")
"""RFC 9110, 8.3.1, without quoted strings; at most what a pusher takes."""
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]+)")
_SOCKET = re.compile(r"unix:/[^\s\0]+")

_LIMITED_BROADCAST = IPv4Address("255.255.255.255")

MIN_MTU = 576
"""What every IPv4 host must take (RFC 791); IPv6 links have at least 1280."""
MAX_MTU = 9216
"""Jumbo frames, as far as the embedded switch takes them."""


def _host_and_port(text: str, where: str) -> None:
    matched = _ADDRESS.fullmatch(text)
    if not matched or not 1 <= int(matched[2]) <= 0xFFFF:
        raise InvalidInput(f"{text!r} is not HOST:PORT", where=where)


def _p4runtime_address(address: str, where: str) -> None:
    if address.startswith("unix:"):
        if not _SOCKET.fullmatch(address):
            raise InvalidInput(f"{address!r} is not unix:/PATH", where=where)
        return
    _host_and_port(address, where)


def check_switch(switch: Switch) -> None:
    where = f"switch {switch.name}"
    _name(switch.name, "switch")
    _p4runtime_address(switch.address, f"{where} address")
    if switch.metrics is not None:
        _host_and_port(switch.metrics, f"{where} metrics")
    _between(switch.device_id, 0, 2**64 - 1, f"{where} device_id")
    _between(switch.mtu, MIN_MTU, MAX_MTU, f"{where} mtu")
    profile(switch.profile)
    if switch.ports is not None:
        for port in sorted(switch.ports):
            check_port(port, f"{where} ports")
    for port in sorted(switch.host_ports):
        check_switch_port(switch, port, f"{where} host_ports")
    if switch.addressing is not None:
        _addressing(switch.addressing, f"{where} addressing")
    if switch.tls is not None:
        _tls(switch.tls, f"{where} tls")


def check_switch_port(switch: Switch, port: int, where: str) -> None:
    """Is this a port that the switch has?"""
    check_port(port, where)
    if switch.ports is not None and port not in switch.ports:
        known = ", ".join(map(str, sorted(switch.ports))) or "none"
        raise InvalidInput(
            f"switch {switch.name} has no port {port}; its ports: {known}", where=where
        )


def check_port(port: int, where: str) -> None:
    if port == wire.CPU_PORT:
        raise InvalidInput(f"port {port} is the CPU port", where=where)
    if port == wire.DROP_PORT:
        raise InvalidInput(f"port {port} is the drop port", where=where)
    _between(port, 1, wire.CPU_PORT - 1, where)


def check_host(host: Host) -> None:
    _name(host.name, "host")
    _absolute(host.control, f"host {host.name} control")


def check_group(group: Group) -> None:
    _name(group.name, "group")
    check_source(group.source, f"group {group.name} source")


def check_source(source: Source, where: str) -> None:
    _station(source.mac, f"{where} mac")
    if source.ipv4 is None and source.ipv6 is None:
        raise InvalidInput("neither an IPv4 nor an IPv6 address", where=where)
    for address in (source.ipv4, source.ipv6):
        if address is not None:
            _unicast(address, where)
    _between(source.udp_port, 1, 0xFFFF, f"{where} udp_port")


def check_member(member: Member) -> None:
    where = f"member {member.group}/{member.name}"
    _name(member.name, "member")
    check_port(member.port, f"{where} port")
    _station(member.mac, f"{where} mac")
    _unicast(member.address, f"{where} address")
    _between(member.udp_port, 1, 0xFFFF, f"{where} udp_port")
    _between(member.hop_limit, 1, 255, f"{where} hop_limit")
    _between(member.priority, 0, 7, f"{where} priority")
    if member.vlan is not None:
        _between(member.vlan, 1, 4094, f"{where} vlan")
    elif member.priority:
        raise InvalidInput("a priority needs a VLAN", where=f"{where} priority")
    if member.source is not None:
        check_source(member.source, f"{where} source")


def check_stream(stream: Stream) -> None:
    where = f"stream {stream.name}"
    _name(stream.name, "stream")
    _rate(stream.rate, f"{where} rate")
    _between(stream.content, 0, 2**32 - 1, f"{where} content")
    if stream.segment_bytes is not None:
        _between(stream.segment_bytes, 1, MAX_MTU, f"{where} segment_bytes")
    match stream.source:
        case FileSource(path):
            _absolute(path, f"{where} path")
        case UdpSource(_, port):
            _between(port, 1, 0xFFFF, f"{where} port")
            if stream.loop:
                raise InvalidInput("only a file can loop", where=f"{where} loop")


def check_content(content: Content) -> None:
    where = f"content {content.name}"
    _name(content.name, "content")
    match content.source:
        case FileSource(path):
            _absolute(path, f"{where} path")
        case UrlSource(url):
            if not _URL.fullmatch(url):
                raise InvalidInput(f"{url!r} is not http:// or https://", where=f"{where} url")
    if content.sha256 is not None and not _SHA256.fullmatch(content.sha256):
        raise InvalidInput(
            f"{content.sha256!r} is not 64 digits of 0-9 and a-f", where=f"{where} sha256"
        )
    if not _MEDIA_TYPE.fullmatch(content.type):
        raise InvalidInput(f"{content.type!r} is not a media type", where=f"{where} type")
    if content.hosts is not None and not content.hosts:
        raise InvalidInput("no host would serve it", where=f"{where} hosts")


def mac_number(text: str) -> int:
    """Of an address that was checked."""
    return int(text.replace(":", ""), 16)


def _addressing(addressing: Addressing, where: str) -> None:
    _station(addressing.mac, f"{where} mac")
    if addressing.ipv4 is None and addressing.ipv6 is None:
        raise InvalidInput("neither an IPv4 nor an IPv6 address", where=where)
    if addressing.ipv4 is not None:
        _unicast(addressing.ipv4, f"{where} ipv4")
        _between(addressing.ipv4_first_port, 1, 0xFFFF, f"{where} ipv4_first_port")
    if addressing.ipv6 is not None:
        _unicast(addressing.ipv6.network_address, f"{where} ipv6")
        if addressing.ipv6.num_addresses < 2:
            raise InvalidInput(
                f"{addressing.ipv6} has no address beside its own", where=f"{where} ipv6"
            )


def _tls(tls: Tls, where: str) -> None:
    for field, path in (("ca", tls.ca), ("certificate", tls.certificate), ("key", tls.key)):
        if path is not None:
            _absolute(path, f"{where} {field}")
    if (tls.certificate is None) != (tls.key is None):
        raise InvalidInput("a certificate and its key: both or neither", where=where)


def _unicast(address: IPv4Address | IPv6Address, where: str) -> None:
    if address.is_multicast:
        raise InvalidInput(f"{address} is a multicast address", where=where)
    if address == _LIMITED_BROADCAST:
        raise InvalidInput(f"{address} is everybody's", where=where)
    _routable(address, where)


def _station(mac: str, where: str) -> None:
    if _mac(mac, where) >> 40 & 1:
        raise InvalidInput(f"{mac} is a multicast address", where=where)


def _name(name: str, kind: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is not a name: 1 to 63 of a-z, 0-9 and -, a letter or digit at both ends",
            where=kind,
        )


def _between(value: int, low: int, high: int, where: str) -> None:
    if not low <= value <= high:
        raise InvalidInput(f"{value} is not between {low} and {high}", where=where)


def _mac(text: str, where: str) -> int:
    if not _MAC.fullmatch(text):
        raise InvalidInput(f"{text!r} is not a MAC address like 02:00:00:00:00:01", where=where)
    number = mac_number(text)
    if number == 0:
        raise InvalidInput("the MAC address is all zero", where=where)
    return number


def _routable(address: IPv4Address | IPv6Address, where: str) -> None:
    if address.is_unspecified or address.is_loopback:
        raise InvalidInput(f"{address} does not leave a machine", where=where)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise InvalidInput(f"{address} names an interface, which means nothing here", where=where)


def _absolute(path: str, where: str) -> None:
    if not PurePosixPath(path).is_absolute() or "\0" in path:
        raise InvalidInput(f"{path!r} is not an absolute path", where=where)


def _rate(rate: Rate, where: str) -> None:
    given = [r for r in (rate.bits_per_second, rate.packets_per_second) if r is not None]
    if len(given) != 1:
        raise InvalidInput("give bits_per_second or packets_per_second, one of them", where=where)
    _between(given[0], 1, 2**63 - 1, where)
