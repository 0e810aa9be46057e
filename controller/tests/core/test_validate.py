# SPDX-License-Identifier: Apache-2.0
"""What is not well formed is refused, and the error says where it is wrong."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from fakes.examples import GROUP, HOST, SOURCE, STREAM, SWITCH, member

from hectograph.core import validate
from hectograph.core.model import Group, Host, Member, Rate, Source, Stream, Switch, Tls, UdpSource
from hectograph.errors import InvalidInput

UDP = UdpSource(IPv4Address("192.0.2.1"), 7000)


@pytest.mark.parametrize("name", ["a", "0", "a-b", "x" * 63])
def test_names(name: str) -> None:
    validate.check_switch(replace(SWITCH, name=name))


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a b", "x" * 64, "é", "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a name"):
        validate.check_switch(replace(SWITCH, name=name))


@pytest.mark.parametrize(
    ("switch", "where"),
    [
        (replace(SWITCH, address="nowhere"), "switch s1 address"),
        (replace(SWITCH, address="host:0"), "switch s1 address"),
        (replace(SWITCH, address="::1:9559"), "switch s1 address"),
        (replace(SWITCH, device_id=-1), "switch s1 device_id"),
        (replace(SWITCH, mtu=575), "switch s1 mtu"),
        (replace(SWITCH, mtu=9217), "switch s1 mtu"),
        (replace(SWITCH, host_ports=frozenset({0})), "switch s1 host_ports"),
        (replace(SWITCH, host_ports=frozenset({510})), "switch s1 host_ports"),
        (replace(SWITCH, host_ports=frozenset({511})), "switch s1 host_ports"),
        (replace(SWITCH, ports=frozenset({2})), "switch s1 host_ports"),
        (replace(SWITCH, ports=frozenset({1, 600})), "switch s1 ports"),
        (replace(SWITCH, tls=Tls("ca.pem")), "switch s1 tls ca"),
        (replace(SWITCH, tls=Tls("/ca", "c", "/k")), "switch s1 tls certificate"),
        (replace(SWITCH, tls=Tls("/ca", "/c", "k\0")), "switch s1 tls key"),
        (replace(SWITCH, tls=Tls("/ca", "/c")), "switch s1 tls"),
        (replace(SWITCH, tls=Tls("/ca", key="/k")), "switch s1 tls"),
    ],
)
def test_bad_switches(switch: Switch, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate.check_switch(switch)
    assert caught.value.where == where


def test_unknown_profile_names_those_that_are_known() -> None:
    with pytest.raises(InvalidInput, match=r"'tofino2'.*bmv2, embedded"):
        validate.check_switch(replace(SWITCH, profile="tofino2"))


@pytest.mark.parametrize("tls", [Tls("/ca"), Tls("/ca", "/c", "/k")])
def test_tls(tls: Tls) -> None:
    validate.check_switch(replace(SWITCH, tls=tls))


def test_ipv6_address_of_a_switch() -> None:
    validate.check_switch(replace(SWITCH, address="[::1]:9559"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (replace(SOURCE, mac="02:00:00:00:00"), "is not a MAC address"),
        (replace(SOURCE, mac="00:00:00:00:00:00"), "all zero"),
        (replace(SOURCE, mac="01:00:5e:00:00:01"), "is a multicast address"),
        (replace(SOURCE, ipv4=None, ipv6=None), "neither"),
        (replace(SOURCE, ipv4=IPv4Address("224.0.0.1")), "is a multicast address"),
        (replace(SOURCE, ipv6=IPv6Address("::")), "does not leave a machine"),
        (replace(SOURCE, udp_port=0), "is not between 1 and 65535"),
    ],
)
def test_bad_sources(source: Source, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        validate.check_group(Group("g", "s1", source))
    assert caught.value.where
    assert caught.value.where.startswith("group g source")


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        (replace(member(0), port=0), "port"),
        (replace(member(0), port=510), "port"),
        (replace(member(0), mac="nonsense"), "mac"),
        (replace(member(0), mac="01:00:5e:01:01:01"), "mac"),
        (replace(member(0), mac="ff:ff:ff:ff:ff:ff"), "mac"),
        (replace(member(0), address=IPv4Address("239.1.1.1")), "address"),
        (replace(member(0), address=IPv6Address("ff3e::1")), "address"),
        (replace(member(0), address=IPv4Address("255.255.255.255")), "address"),
        (replace(member(0), address=IPv4Address("0.0.0.0")), "address"),
        (replace(member(0), address=IPv6Address("::1")), "address"),
        (replace(member(0), address=IPv6Address("fe80::1%eth0")), "address"),
        (replace(member(0), udp_port=65536), "udp_port"),
        (replace(member(0), vlan=0), "vlan"),
        (replace(member(0), vlan=4095), "vlan"),
        (replace(member(0), vlan=7, priority=8), "priority"),
        (replace(member(0), priority=1), "priority"),
        (replace(member(0), hop_limit=0), "hop_limit"),
        (replace(member(0), hop_limit=256), "hop_limit"),
        (replace(member(0), source=replace(SOURCE, mac="x")), "source mac"),
    ],
)
def test_bad_members(bad: Member, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate.check_member(bad)
    assert caught.value.where == f"member g/m0 {where}"


@pytest.mark.parametrize(
    ("stream", "where"),
    [
        (replace(STREAM, rate=Rate()), "rate"),
        (replace(STREAM, rate=Rate(1, 1)), "rate"),
        (replace(STREAM, rate=Rate(bits_per_second=0)), "rate"),
        (replace(STREAM, content=2**32), "content"),
        (replace(STREAM, segment_bytes=0), "segment_bytes"),
        (replace(STREAM, source=replace(STREAM.source, path="film")), "path"),
        (replace(STREAM, source=replace(UDP, port=0)), "port"),
        (replace(STREAM, source=UDP, loop=True), "loop"),
    ],
)
def test_bad_streams(stream: Stream, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate.check_stream(stream)
    assert caught.value.where == f"stream film {where}"


@pytest.mark.parametrize("control", ["", "pusher.sock", "/run/\0"])
def test_bad_hosts(control: str) -> None:
    bad: Host = replace(HOST, control=control)
    with pytest.raises(InvalidInput, match="is not an absolute path"):
        validate.check_host(bad)


def test_examples_are_well_formed() -> None:
    validate.check_switch(SWITCH)
    validate.check_host(HOST)
    validate.check_group(GROUP)
    validate.check_stream(STREAM)
    for index in range(1, 20):
        validate.check_member(member(index))
