# SPDX-License-Identifier: Apache-2.0
"""--trace: what a packet meets on its way, in order; a pipeline without it has no trace of it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from p4client import PROGRAMS, SHIPPED, Controller, insert, table
from switchlab import Lab
from test_native import (
    CLIENT_PORT,
    GROUP,
    HOST_PORT,
    Native,
    ok,
    push_frame,
)
from test_native import PIPELINE as INSTALLED

from hectograph import _native
from hectograph.switch.compiler import build

ffi: Any = _native.ffi
lib: Any = _native.lib

PIPELINE = SHIPPED / "hectograph.json"
JSONS = [*sorted(PROGRAMS.glob("*.json")), PIPELINE]
FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)


DROPPED = table(
    r"""table_id: $exact_table
    match { field_id: 1 exact { value: "\xff\xff\xff\xff\xff\xff" } }
    match { field_id: 2 exact { value: "\x01" } }
    action { action { action_id: $drop } }"""
)
BOTH = """\
Processing packet received on port 1, of size 60
Parser: start
Parser: state 'start'
Parser: state 'parse_ethernet'
Extracting header 'ethernet'
Parser: end
Pipeline 'ingress': start
Action kinds175
Applying table 'KindsIngress.keyless_table'
Table 'KindsIngress.keyless_table': miss
Action entry is KindsIngress.mark - tag=0005
Action KindsIngress.mark
Applying table 'KindsIngress.const_table'
* ether_type: 0806
Table 'KindsIngress.const_table': hit with handle 1
Action entry is KindsIngress.mark - tag=0002
Action KindsIngress.mark
Condition node_5, kinds.p4:179: false
Condition node_10, kinds.p4:189: false
Applying table 'KindsIngress.exact_table'
* dst_addr: ffffffffffff
* ingress_port: 0001
""".splitlines()
"""What every packet of kinds.p4 with this frame meets, in the order of the program."""
UNKNOWN = """\
Table 'KindsIngress.exact_table': miss
Action entry is KindsIngress.drop -
Action KindsIngress.drop
Action kinds194
Pipeline 'ingress': end
Egress port is 510, instance 0
Pipeline 'egress': start
Pipeline 'egress': end
Deparsing header 'packet_in'
Deparsing header 'ethernet'
Transmitting packet of size 62 out of port 510
""".splitlines()
DROPPED_BY_ENTRY = """\
Table 'KindsIngress.exact_table': hit with handle 0
Action entry is KindsIngress.drop -
Action KindsIngress.drop
Pipeline 'ingress': end
Dropping packet: at the end of ingress
""".splitlines()


def way(text: str, packet: int) -> list[str]:
    prefix = f"[{packet}] "
    return [line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)]


@pytest.mark.parametrize("json", JSONS, ids=lambda json: json.stem)
def test_c_with_traces_and_without(json: Path) -> None:
    """With them it has no warnings either; without them it has none of them."""
    assert "hg_traced" not in build.to_c(json.read_bytes()).text
    source = build.to_c(json.read_bytes(), traced=True)
    assert source.digest != build.to_c(json.read_bytes()).digest
    command = ["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(
        [*command, f"-I{build.header_directory()}"],
        input=source.text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


async def test_a_packets_way(lab: Lab) -> None:
    """One that no table knows goes to the controller, and then an entry drops it."""
    json = str(PROGRAMS / "kinds.json")
    program = lab.start("-i", "1@port1", "-i", "2@port2", "--trace", json)
    async with Controller(lab.address) as client:
        await client.become_primary()
        with lab.raw_socket("peer1") as peer:
            peer.send(FRAME)
            assert (await client.receive()).packet.payload == FRAME
            await client.write(insert(DROPPED))
            peer.send(FRAME)
            program.wait_until(lambda: "Dropping packet" in program.output())
    assert way(program.output(), 1) == BOTH + UNKNOWN
    assert way(program.output(), 2) == BOTH + DROPPED_BY_ENTRY


class Traced(Native):
    """A switch that may run the shipped pipeline, and what it printed so far."""

    def __init__(self, directory: Path, *, pipeline: bool = True, traced: bool = True) -> None:
        self.path = directory / "trace"
        error = ffi.new("char[]", lib.HG_ERROR_BYTES)
        switch, loaded = ffi.new("struct hg_switch **"), ffi.new("struct hg_loaded **")
        with self.path.open("wb") as file:
            values = {"cpu_port": lib.HG_CPU_PORT, "trace_fd": file.fileno() if traced else 0}
            ok(lib.hg_switch_new(ffi.new("struct hg_switch_config *", values), switch, error))
        if pipeline:
            path = build.find_or_build(PIPELINE, traced=True) if traced else INSTALLED
            ok(lib.hg_pipeline_load(switch[0], str(path).encode(), loaded, error))
            ok(lib.hg_pipeline_commit(switch[0], loaded[0]))
        super().__init__(switch[0], loaded[0])

    def way(self, packet: int) -> list[str]:
        return way(self.path.read_text(), packet)


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    switch = Traced(tmp_path)
    yield switch
    lib.hg_switch_free(switch.switch)


def program_group(native: Native) -> None:
    """Of two: the first is a member, the second an empty slot."""
    group = GROUP.to_bytes(2)
    ok(native.insert("host_port", HOST_PORT.to_bytes(2), "is_host", b""))
    ok(native.insert("push_group", group, "replicate", group))
    ok(native.insert("member", group + b"\0\1", "udp_ipv4", bytes(14) + bytes(8) + bytes(7)))
    replicas = ffi.new("struct hg_replica[]", [(CLIENT_PORT, 1), (CLIENT_PORT, 2)])
    ok(lib.hg_group_insert(native.switch, GROUP, replicas, 2))


def test_replicas(traced: Traced, tmp_path: Path) -> None:
    """In their order, and what leaves is the same as without."""
    (tmp_path / "plain").mkdir()
    plain = Traced(tmp_path / "plain", traced=False)
    for switch in (traced, plain):
        program_group(switch)
    frame = push_frame(0)
    ((port, copy),) = traced.inject(HOST_PORT, frame)
    assert plain.inject(HOST_PORT, frame) == [(port, copy)]
    lib.hg_switch_free(plain.switch)
    assert plain.way(1) == []
    lines = traced.way(1)
    shown = [
        "Multicast requested for packet: group 7, 2 replicas",
        "Egress port is 2, instance 1",
        "* instance: 0001",
        "Table 'member': hit with handle 0",
        "Deparsing header 'udp'",
        f"Transmitting packet of size {len(copy)} out of port 2",
        "Egress port is 2, instance 2",
        "* instance: 0002",
        "Table 'member': miss",
        "Dropping packet: at the end of egress",
    ]
    assert [line for line in lines if line in shown] == shown


def test_what_no_program_decides(traced: Traced, tmp_path: Path) -> None:
    """Too short a packet; and no program at all."""
    assert traced.inject(HOST_PORT, bytes(10)) == []
    assert "Parser: PacketTooShort" in traced.way(1)
    (tmp_path / "empty").mkdir()
    empty = Traced(tmp_path / "empty", pipeline=False)
    assert empty.inject(HOST_PORT, FRAME) == []
    lib.hg_switch_free(empty.switch)
    assert empty.way(1) == [
        "Processing packet received on port 1, of size 60",
        "Dropping packet: no pipeline runs",
    ]
