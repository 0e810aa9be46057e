# SPDX-License-Identifier: Apache-2.0
"""The C extension itself, with the shipped pipeline and without ports."""

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import hectograph
from hectograph import _native

ffi: Any = _native.ffi
lib: Any = _native.lib

REPOSITORY = Path(__file__).parents[3]
PIPELINE = Path(hectograph.__file__).parent / "pipelines" / "hectograph.so"

HOST_PORT, CLIENT_PORT, GROUP = 1, 2, 7
PAYLOAD = b"the same bytes for everyone"
_REPLICATE = "replicate", b"\x56\x78"
_IS_HOST = "is_host", b""


def ok(result: int) -> int:
    assert result >= 0, errno.errorcode[-result]
    return result


class Native:
    """A switch that runs the shipped pipeline; entries of its exact tables by name."""

    def __init__(self, switch: Any, loaded: Any) -> None:
        self.switch = switch
        self.loaded = loaded

    def table(self, name: str) -> int:
        return ok(lib.hg_table_index(self.loaded, name.encode()))

    def insert(self, table: str, key: bytes, action: str, params: bytes) -> int:
        index = self.table(table)
        kept = ffi.from_buffer("uint8_t[]", key), ffi.from_buffer("uint8_t[]", params)
        entry = ffi.new("struct hg_flat_entry *")
        entry.key, entry.params = kept
        entry.params_bytes = len(params)
        entry.action = ok(lib.hg_action_index(self.loaded, index, action.encode()))
        entry.cookie = 42
        return lib.hg_entry_insert(self.switch, self.loaded, index, entry)

    def inject(self, port: int, frame: bytes) -> list[tuple[int, bytes]]:
        outputs: list[tuple[int, bytes]] = []

        def take(_: Any, out_port: int, data: Any, length: int) -> None:
            outputs.append((out_port, bytes(ffi.buffer(data, length))))

        callback = ffi.callback("hg_output_fn", take)
        ok(lib.hg_switch_inject(self.switch, port, frame, len(frame), callback, ffi.NULL))
        return outputs


@pytest.fixture
def native() -> Iterator[Native]:
    error = ffi.new("char[]", lib.HG_ERROR_BYTES)
    switch, loaded = ffi.new("struct hg_switch **"), ffi.new("struct hg_loaded **")
    config = ffi.new("struct hg_switch_config *", {"cpu_port": lib.HG_CPU_PORT})
    ok(lib.hg_switch_new(config, switch, error))
    ok(lib.hg_pipeline_load(switch[0], str(PIPELINE).encode(), loaded, error))
    ok(lib.hg_pipeline_commit(switch[0], loaded[0]))
    yield Native(switch[0], loaded[0])
    lib.hg_switch_free(switch[0])


def push_frame(payload_sum: int) -> bytes:
    """docs/wire-format.md"""
    header = bytes([lib.HG_PUSH_VERSION << 4 | lib.HG_PUSH_KIND_GROUP, 0])
    header += GROUP.to_bytes(2) + len(PAYLOAD).to_bytes(2) + payload_sum.to_bytes(2) + bytes(8)
    ethernet = bytes(6) + b"\x02\0\0\0\0\x01" + lib.HG_ETHERTYPE_PUSH.to_bytes(2)
    return (ethernet + header + PAYLOAD).ljust(lib.HG_ETHERNET_MIN_BYTES, b"\0")


def ones_complement_sum(data: bytes) -> int:
    total = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0")) for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_constants_are_those_of_the_headers() -> None:
    text = (REPOSITORY / "p4/wire.h").read_text()
    constants = re.findall(r"^#define (HG_\w+) (\w+)", text, re.MULTILINE)
    assert {name: getattr(lib, name) for name, _ in constants} == {
        name: int(value, 0) for name, value in constants
    }
    assert len(constants) > 20


def test_push_becomes_a_members_packet(native: Native) -> None:
    source, destination = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    ports = (5000).to_bytes(2) + (6000).to_bytes(2)
    member_sum = ones_complement_sum(source + destination + b"\0\x11" + ports)
    params = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + bytes(2)
    params += source + destination + b"\x40" + ports + member_sum.to_bytes(2)

    ok(native.insert("host_port", b"\0\x01", "is_host", b""))
    ok(
        native.insert(
            "push_group",
            GROUP.to_bytes(2),
            "replicate",
            GROUP.to_bytes(2),
        )
    )
    ok(native.insert("member", GROUP.to_bytes(2) + b"\0\x01", "udp_ipv4", params))
    replicas = ffi.new("struct hg_replica[]", [(CLIENT_PORT, 1), (CLIENT_PORT, 2)])
    ok(lib.hg_group_insert(native.switch, GROUP, replicas, 2))

    ((port, frame),) = native.inject(HOST_PORT, push_frame(ones_complement_sum(PAYLOAD)))
    assert port == CLIENT_PORT
    packet = Ether(frame)
    assert packet[Ether].dst == "02:00:00:00:00:02"
    assert (packet[IP].src, packet[IP].dst, packet[IP].ttl) == ("10.0.0.1", "10.0.0.2", 64)
    assert bytes(packet[UDP].payload)[: len(PAYLOAD)] == PAYLOAD
    # scapy computes what is not there: the packet must come out the same.
    received = packet[IP].chksum, packet[UDP].chksum
    del packet[IP].chksum, packet[UDP].chksum
    expected = Ether(bytes(packet))
    assert received == (expected[IP].chksum, expected[UDP].chksum)

    stats = ffi.new("struct hg_switch_stats *")
    lib.hg_switch_stats_get(native.switch, stats)
    assert (stats.replicas, stats.dropped_egress) == (2, 1)  # slot 2 has no member


def test_an_entry_is_read_as_it_was_written(native: Native) -> None:
    ok(native.insert("push_group", b"\x12\x34", *_REPLICATE))
    snapshot = ffi.new("struct hg_snapshot **")
    table = native.table("push_group")
    ok(lib.hg_table_snapshot(native.switch, native.loaded, table, snapshot))
    assert lib.hg_snapshot_count(snapshot[0]) == 1
    entry = ffi.new("struct hg_read_entry *")
    lib.hg_snapshot_get(snapshot[0], 0, entry)
    assert bytes(ffi.buffer(entry.key, 2)) == b"\x12\x34"
    assert bytes(ffi.buffer(entry.params, entry.params_bytes)) == b"\x56\x78"
    assert (entry.cookie, entry.is_const, entry.counter.packets) == (42, False, 0)
    lib.hg_snapshot_free(snapshot[0])


_REFUSED = {
    "twice": (b"\x12\x34", *_REPLICATE, errno.EEXIST),
    "parameters too short": (b"\0\x01", "replicate", b"\x56", errno.EINVAL),
}


@pytest.mark.parametrize(
    ("key", "action", "params", "error"), _REFUSED.values(), ids=_REFUSED.keys()
)
def test_refused_entry(native: Native, key: bytes, action: str, params: bytes, error: int) -> None:
    ok(native.insert("push_group", b"\x12\x34", *_REPLICATE))
    assert native.insert("push_group", key, action, params) == -error


def test_full_table(native: Native) -> None:
    """SIZE_HOST_PORT of p4/shared/sizes.p4."""
    results = [native.insert("host_port", port.to_bytes(2), *_IS_HOST) for port in range(65)]
    assert results == [0] * 64 + [-errno.ENOSPC]


def test_a_file_that_is_no_pipeline_is_named(native: Native, tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a shared object")
    loaded = ffi.new("struct hg_loaded **")
    for path in (text, tmp_path / "missing.so", Path(_native.__file__ or "")):
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        result = lib.hg_pipeline_load(native.switch, str(path).encode(), loaded, error)
        assert result == -errno.ENOEXEC
        assert str(path) in ffi.string(error).decode()


def test_a_started_switch_takes_no_injected_frames(native: Native) -> None:
    error = ffi.new("char[]", lib.HG_ERROR_BYTES)
    ok(lib.hg_switch_start(native.switch, error))
    result = lib.hg_switch_inject(native.switch, 1, b"", 0, ffi.NULL, ffi.NULL)
    assert result == -errno.EBUSY
    ok(lib.hg_switch_stop(native.switch))
    assert native.inject(1, bytes(60)) != []  # the unknown is punted to the CPU


def test_packets_to_and_from_the_cpu_port(native: Native) -> None:
    """A packet-out to port 3, which is not there: counted, and nothing comes back."""
    error = ffi.new("char[]", lib.HG_ERROR_BYTES)
    ok(lib.hg_switch_start(native.switch, error))
    frame = b"\0\x03" + bytes(60)
    ok(lib.hg_cpu_send(native.switch, frame, len(frame)))
    stats = ffi.new("struct hg_switch_stats *")
    for _ in range(1000):
        lib.hg_switch_stats_get(native.switch, stats)
        if stats.dropped_no_port:
            break
        ok(lib.hg_switch_stop(native.switch))  # waits for the round that is under way
        ok(lib.hg_switch_start(native.switch, error))
    assert stats.dropped_no_port == 1
    buffer = ffi.new("uint8_t[]", 100)
    assert lib.hg_cpu_receive(native.switch, buffer, 100) == -errno.EAGAIN
