# SPDX-License-Identifier: Apache-2.0
"""The shipped pipeline's flow filter with many flows in it: theory, and no flow forgotten."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest

import hectograph
from hectograph import _native
from packetlab.tcp import CURRENT, ipv6_client

ffi: Any = _native.ffi
lib: Any = _native.lib

CELLS = 1 << 20
"""SIZE_FILTER of p4/shared/sizes.p4, of each of the two halves."""
FLOWS = 200_000
PROBES = 50_000
ANY_POSITION = 0xFFFF_FF80
"""A response so long that every acknowledgement number is plausible."""
HOST_PORT, CLIENT_PORT, HOST_SET = 1, 2, 3
SECRETS = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
CLIENT = ipv6_client()
PULL_FLAGS_AT = 15
PUSH_CLIENT_AT, ACK_CLIENT_AT = 14 + 16 + 16, 14 + 8
"""Where the client's address stands in a flow push and in an IPv6 frame."""


def ok(result: int) -> int:
    assert result >= 0, f"errno {-result}"
    return result


class Filter:
    """A switch that serves one content, driven frame by frame without ports."""

    def __init__(self, switch: Any, loaded: Any) -> None:
        self._switch, self._loaded = switch, loaded
        self._flags: list[int] = []
        self._callback = ffi.callback("hg_output_fn", self._take)
        self._push = bytearray(CLIENT.push(secret=7))
        self._ack = bytearray(CLIENT.segment("A", ack=0x12345678))
        self._insert("host_port", HOST_PORT.to_bytes(2), "is_host", b"")
        service = CLIENT.service_address.packed + CLIENT.service_port.to_bytes(2)
        serve = bytes(4) + ANY_POSITION.to_bytes(4) + HOST_SET.to_bytes(2)
        self._insert("service", service, "serve", serve)
        for bucket in range(16):
            key = HOST_SET.to_bytes(2) + bytes([bucket])
            self._insert("service_host", key, "to_host", HOST_PORT.to_bytes(2) + bytes(6))

    def set_epoch(self, epoch: int, previous: int) -> None:
        table = ok(lib.hg_table_index(self._loaded, b"flow_secrets"))
        action = ok(lib.hg_action_index(self._loaded, table, b"set_secrets"))
        params = b"".join(secret.to_bytes(8) for secret in SECRETS)
        params += bytes([epoch, previous]) + (1220).to_bytes(2) + b"\x07"
        ok(lib.hg_default_set(self._switch, self._loaded, table, action, params, len(params)))

    def enter(self, addresses: list[bytes]) -> None:
        for address in addresses:
            self._push[PUSH_CLIENT_AT : PUSH_CLIENT_AT + 16] = address
            self._inject(HOST_PORT, self._push)
        self._flags.clear()

    def verified(self, addresses: list[bytes]) -> int:
        """How many of them the filter takes for flows under the current secret."""
        for address in addresses:
            self._ack[ACK_CLIENT_AT : ACK_CLIENT_AT + 16] = address
            self._inject(CLIENT_PORT, self._ack)
        assert len(self._flags) == len(addresses)
        count = sum(flags == CURRENT for flags in self._flags)
        self._flags.clear()
        return count

    def _take(self, _: Any, __: int, data: Any, ___: int) -> None:
        self._flags.append(data[PULL_FLAGS_AT])

    def _inject(self, port: int, frame: bytearray) -> None:
        data = ffi.from_buffer("uint8_t[]", frame)
        ok(lib.hg_switch_inject(self._switch, port, data, len(frame), self._callback, ffi.NULL))

    def _insert(self, table: str, key: bytes, action: str, params: bytes) -> None:
        index = ok(lib.hg_table_index(self._loaded, table.encode()))
        kept = ffi.from_buffer("uint8_t[]", key), ffi.from_buffer("uint8_t[]", params or b"\0")
        entry = ffi.new("struct hg_flat_entry *")
        entry.key, entry.params = kept
        entry.params_bytes = len(params)
        entry.action = ok(lib.hg_action_index(self._loaded, index, action.encode()))
        ok(lib.hg_entry_insert(self._switch, self._loaded, index, entry))


@pytest.fixture
def flow_filter() -> Iterator[Filter]:
    error = ffi.new("char[]", lib.HG_ERROR_BYTES)
    switch, loaded = ffi.new("struct hg_switch **"), ffi.new("struct hg_loaded **")
    config = ffi.new("struct hg_switch_config *", {"cpu_port": lib.HG_CPU_PORT})
    path = f"{hectograph.__path__[0]}/pipelines/hectograph.so"
    ok(lib.hg_switch_new(config, switch, error))
    ok(lib.hg_pipeline_load(switch[0], path.encode(), loaded, error))
    ok(lib.hg_pipeline_commit(switch[0], loaded[0]))
    yield Filter(switch[0], loaded[0])
    lib.hg_switch_free(switch[0])


def test_as_many_false_positives_as_theory_says(flow_filter: Filter) -> None:
    """Two cells of a flow are each set by one of n others with probability 1 - (1 - 1/m)^n."""
    dice = random.Random(1)
    addresses = [dice.randbytes(16) for _ in range(FLOWS + PROBES)]
    # None that is discarded for its address alone.
    addresses = [b"\x20" + address[1:] for address in addresses]
    known, strangers = addresses[:FLOWS], addresses[FLOWS:]
    flow_filter.set_epoch(2, 1)
    assert flow_filter.verified(strangers) == 0
    flow_filter.enter(known)
    cell_is_set = 1 - (1 - 1 / CELLS) ** FLOWS
    false = cell_is_set**2
    # The previous secret looks in the same filter: where both find it, it is nobody's.
    expected = false * (1 - false)
    deviation = math.sqrt(PROBES * expected * (1 - expected))
    found = flow_filter.verified(strangers)
    assert abs(found - PROBES * expected) < 4 * deviation

    # No flow is forgotten, but for those that the previous secret claims, too.
    claimed = PROBES * false
    assert abs(PROBES - flow_filter.verified(known[:PROBES]) - claimed) < 4 * deviation
    flow_filter.set_epoch(3, 2)
    assert flow_filter.verified(strangers) == found
    flow_filter.set_epoch(4, 3)
    assert flow_filter.verified(strangers) == flow_filter.verified(known[:PROBES]) == 0
