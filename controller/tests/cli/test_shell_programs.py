# SPDX-License-Identifier: Apache-2.0
"""p4runtime-shell, unmodified, on other programs: all that it can ask of a switch."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import learn_program
import pytest
import state_program
from finsy.proto import p4r
from google.protobuf import text_format

from hectograph.cli import shell_environment
from hectograph.testbed import End, Testbed

HECTOGRAPH = [sys.executable, "-m", "hectograph"]
KINDS = Path(__file__).parents[1] / "switch" / "programs" / "kinds.json"

Execute = Callable[[Path, str], list[str]]


@pytest.fixture
def execute(testbed: Testbed) -> Execute:
    """Runs code in the shell, beside a switch that runs a program; what it showed."""
    if not shell_environment.directory().exists():
        pytest.fail("no network in here: run `hectograph shell --prepare` before the tests")
    home = testbed.namespace("home")
    testbed.veth(End(home, "host", ipv6=False), End(home, "port1", ipv6=False))

    def call(program: Path, code: str) -> list[str]:
        command = [*HECTOGRAPH, "switch", "-i", "1@port1", "--cpu-port", "510", str(program)]
        switch = testbed.start("switch", command, home)
        switch.wait_until(lambda: home.listens_on_tcp(9559), timeout=60)
        shell = [*HECTOGRAPH, "shell", "--execute", "-"]
        with home.entered():
            done = subprocess.run(
                shell, input=SHOW + code, capture_output=True, text=True, timeout=60
            )
        assert done.returncode == 0, done.stderr
        return [line[2:] for line in done.stdout.splitlines() if line.startswith("= ")]

    return call


def written(directory: Path, config: p4r.ForwardingPipelineConfig) -> Path:
    path = directory / "program.json"
    path.write_bytes(config.p4_device_config)
    text = text_format.MessageToString(config.p4info)
    path.with_suffix(".p4info.txtpb").write_text(text)
    return path


SHOW = """
def show(*values):
    print("=", *values)  # the shell prints on its own, too
"""

SEND = """
import socket
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("host", 0))
def send(source, ether_type=0x0800):
    sender.send(bytes(6) + source.to_bytes(6, "big") + ether_type.to_bytes(2, "big") + bytes(46))
"""

DIGESTS = (
    SEND
    + """
entry = digest_entry["seen_t"]
entry.max_list_size, entry.max_timeout_ns, entry.ack_timeout_ns = 2, 10**12, 10**12
entry.insert()
show([(each.max_list_size, each.ack_timeout_ns) for each in entry.read()])
for ether_type in (0x1234, 0x1234, 0x1235, 0x1236, 0x1237):
    send(1, ether_type)
for message in digest_list.sniff(timeout=2):
    show([data.struct.members[0].bitstring for data in message.digest.data])
entry.delete()
send(1, 0x4321); send(1, 0x4322)
show(list(digest_list.sniff(timeout=0.5)))
"""
)


def test_digests(execute: Execute, tmp_path: Path) -> None:
    """It acknowledges every list."""
    assert execute(written(tmp_path, learn_program.config()), DIGESTS) == [
        "[(2, 1000000000000)]",
        r"[b'\x124', b'\x125']",
        r"[b'\x126', b'\x127']",
        "[]",
    ]


IDLE = (
    SEND
    + """
entry = table_entry["hosts"](action="known")
entry.match["src_addr"] = "00:00:00:00:00:05"
entry.action["port"] = "1"
entry.idle_timeout_ns = 300_000_000
entry.insert()
for message in idle_timeout_notification.sniff(timeout=0.8):
    (idle,) = message.idle_timeout_notification.table_entry
    show("idle", idle.match[0].exact.value, idle.idle_timeout_ns)
entry.time_since_last_hit  # asks for it
(found,) = entry.read()
show(found.time_since_last_hit.elapsed_ns > 300_000_000)
send(5)
import time
time.sleep(0.1)
(found,) = entry.read()
show(found.time_since_last_hit.elapsed_ns < 300_000_000)
"""
)


def test_idle_timeouts(execute: Execute, tmp_path: Path) -> None:
    assert execute(written(tmp_path, state_program.config()), IDLE) == [
        r"idle b'\x05' 300000000",
        r"idle b'\x05' 300000000",
        "True",
        "True",
    ]


REST = r"""
entry = table_entry["exact_table"](action="metered")
entry.match["dst_addr"], entry.match["ingress_port"] = "00:00:00:00:00:01", "3"
entry.action["port"] = "4"
entry.meter_config.cir, entry.meter_config.pir = 5, 6
entry.insert()
counter = direct_counter_entry["exact_counter"]
counter.table_entry.match["dst_addr"] = "00:00:00:00:00:01"
counter.table_entry.match["ingress_port"] = "3"
counter.packet_count = 77
counter.modify()
show([each.packet_count for each in direct_counter_entry["exact_counter"].read()])
show([(each.cir, each.pir) for each in direct_meter_entry["exact_meter"].read()])
entry = table_entry["range_table"](action="mark")
entry.match["total_length"], entry.match["protocol"] = "100..200", "17"
entry.action["tag"] = "9"
entry.priority = 4
entry.insert()
entry = table_entry["ternary_table"](action="mark")
entry.match["src_addr"], entry.match["tag"] = "10.0.0.0&&&255.0.0.0", "2"
entry.action["tag"] = "9"
entry.priority = 4
entry.insert()
default = table_entry["keyless_table"](action="mark", is_default=True)
default.action["tag"] = "8"
default.modify()
cell = counter_entry["seen"](index=2)
cell.packet_count = 3
cell.modify()
show([each.packet_count for each in counter_entry["seen"].read()])
meter = meter_entry["gauge"](index=1)
meter.cir, meter.cburst, meter.pir, meter.pburst = 1, 2, 3, 4
meter.modify()
show([each.pburst for each in meter_entry["gauge"].read()])
group = multicast_group_entry(7)
group.add(1, 2).add(300, 3)
group.insert()
show([(each.group_id, len(each.replicas)) for each in multicast_group_entry().read()])
session = clone_session_entry(9)
session.add(1, 2)
session.packet_length_bytes = 100
session.insert()
show([(each.session_id, each.packet_length_bytes) for each in clone_session_entry().read()])
show(len(list(table_entry["range_table"].read())), len(list(table_entry["ternary_table"].read())))
packet = packet_out(payload=bytes(60), egress_port="510", note="5")
packet.send()
show([len(each.packet.payload) for each in packet_in.sniff(timeout=1)])
"""


def test_tables_cells_groups_and_packets(execute: Execute) -> None:
    assert execute(KINDS, REST) == [
        "[77]",
        "[(5, 6)]",
        "[0, 0, 3, 0]",
        "[0, 4, 0, 0]",
        "[(7, 2)]",
        "[(9, 100)]",
        "1 1",
        "[60]",
    ]
