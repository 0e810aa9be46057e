# SPDX-License-Identifier: Apache-2.0
"""Random members and payloads: the pipeline and scapy agree on every bit."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packetlab.frames import Member
from packetlab.lab import CLIENT_PORTS, Lab, assert_frames

GROUP = 7
PAYLOADS_AT_ONCE = 8

ports_16 = st.integers(1, 65535)
macs = st.integers(0, 2**48 - 1).map(lambda n: n.to_bytes(6).hex(":"))
hop_limits = st.integers(1, 255)
vlans = st.none() | st.integers(1, 4094)
priorities = st.integers(0, 7)
# Runs of one byte reach the corners of the one's-complement sum that random bytes never do.
LARGEST = 1500 - 48
zeros = st.integers(1, LARGEST).map(bytes)
ones = st.integers(1, LARGEST).map(lambda size: b"\xff" * size)
payloads = st.binary(min_size=1, max_size=LARGEST) | zeros | ones


def members(address: type[IPv4Address] | type[IPv6Address], bits: int) -> st.SearchStrategy[Member]:
    addresses = st.integers(0, 2**bits - 1).map(address)
    return st.builds(
        Member,
        port=st.sampled_from(CLIENT_PORTS),
        instance=st.integers(1, 65535),
        dst_addr=addresses,
        src_addr=addresses,
        dst_mac=macs,
        src_mac=macs,
        dst_port=ports_16,
        src_port=ports_16,
        hop_limit=hop_limits,
        vlan=vlans,
        priority=priorities,
    )


groups = st.lists(
    members(IPv4Address, 32) | members(IPv6Address, 128),
    min_size=1,
    max_size=6,
    unique_by=lambda member: member.instance,
)


@settings(
    max_examples=settings().max_examples,
    deadline=None,
    # One switch serves all examples; prepare() empties it.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(group=groups, batch=st.lists(payloads, min_size=1, max_size=PAYLOADS_AT_ONCE))
def test_replicas_are_what_scapy_builds(lab: Lab, group: list[Member], batch: list[bytes]) -> None:
    lab.prepare()
    lab.control.add_group(GROUP, group)
    received = lab.push(GROUP, *batch)
    expected: dict[int, list[bytes]] = {}
    for payload in batch:
        for member in group:
            expected.setdefault(member.port, []).append(member.replica(payload))
    assert_frames(received, expected)
