# SPDX-License-Identifier: Apache-2.0
"""What templates encode is what finsy encodes, whatever the values."""

from ipaddress import IPv4Address, IPv6Address

import finsy
import pytest
from fakes.switch import P4INFO
from finsy.proto import p4r
from hypothesis import given
from hypothesis import strategies as st

from hectograph.core.entities import (
    Change,
    HostPort,
    MemberEntry,
    MulticastGroup,
    Operation,
    PushGroup,
    Replica,
    TcpMemberEntry,
    UdpMemberEntry,
)
from hectograph.drivers import codec
from hectograph.drivers.decoder import Decoder
from hectograph.drivers.encoder import Encoder

SCHEMA = finsy.P4Schema(P4INFO)
ENCODER = Encoder(SCHEMA)


def number(bits: int) -> st.SearchStrategy[int]:
    """Often with zero bytes in front, or everything set."""
    return st.one_of(st.integers(0, (1 << bits) - 1), st.sampled_from([0, 1, (1 << bits) - 1]))


def entries(
    addresses: st.SearchStrategy[IPv4Address | IPv6Address],
) -> st.SearchStrategy[MemberEntry]:
    common = (
        *(number(16), number(16), number(48), number(48), number(16)),
        *(addresses, addresses, number(16), number(16), number(16)),
    )
    udp = st.builds(UdpMemberEntry, *common, number(8))
    tcp = st.builds(TcpMemberEntry, *common, number(32), number(32), number(16))
    return st.one_of(udp, tcp)


def canonical(request: p4r.WriteRequest) -> bytes:
    """Every value as the shortest string for its number."""
    for update in request.updates:
        entry = update.entity.table_entry
        for match in entry.match:
            match.exact.value = match.exact.value.lstrip(b"\0") or b"\0"
        entry.action.action.params.sort(key=lambda param: param.param_id)
        for param in entry.action.action.params:
            param.value = param.value.lstrip(b"\0") or b"\0"
    return request.SerializeToString(deterministic=True)


def finsys(changes: list[Change]) -> bytes:
    updates = [codec.encode_change(change, SCHEMA) for change in changes]
    return canonical(p4r.WriteRequest(updates=updates))


@given(st.sampled_from(Operation), entries(st.ip_addresses(v=4)) | entries(st.ip_addresses(v=6)))
def test_members(operation: Operation, entry: MemberEntry) -> None:
    changes = [Change(operation, entry)]
    assert canonical(ENCODER.write_request(changes)) == finsys(changes)


@given(st.sampled_from(Operation), number(16), number(16))
def test_groups(operation: Operation, group: int, tree: int) -> None:
    changes = [Change(operation, PushGroup(group, tree))]
    assert canonical(ENCODER.write_request(changes)) == finsys(changes)


@given(
    st.sampled_from(Operation),
    st.frozensets(st.builds(Replica, st.integers(0, 511), number(16)), max_size=20),
)
def test_trees(operation: Operation, replicas: frozenset[Replica]) -> None:
    changes = [Change(operation, MulticastGroup(4095, replicas))]
    assert canonical(ENCODER.write_request(changes)) == finsys(changes)


def test_many_of_all_kinds_keep_their_order() -> None:
    changes = [
        Change(Operation.INSERT, entity)
        for number in range(1, 300)
        for entity in (
            HostPort(number),
            udp_entry(number, 0),
            MulticastGroup(number, frozenset({Replica(2, number)})),
            PushGroup(number, number),
        )
    ]
    request = ENCODER.write_request(changes)
    decoded = [Decoder(SCHEMA).entity(update.entity) for update in request.updates]
    assert decoded == [change.entity for change in changes]


def test_a_value_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(OverflowError):
        ENCODER.write_request([Change(Operation.INSERT, udp_entry(1, 1 << 48))])


def udp_entry(number: int, mac: int) -> UdpMemberEntry:
    address = IPv4Address(number)
    return UdpMemberEntry(number, 1, mac, 0, 0, address, address, 1, 2, 3, 64)
