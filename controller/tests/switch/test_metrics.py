# SPDX-License-Identifier: Apache-2.0
"""--metrics: every number of the switch under a name of its own, and where it listens."""

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from itertools import count
from typing import Any, TypeVar

import pytest
from p4client import PROGRAMS, Controller, entity, insert, load_config
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from switchlab import Lab

from hectograph.switch.metrics import of_switch
from hectograph.switch.native import STAGES, Switch
from hectograph.switch.server import P4RuntimeServer
from hectograph.switch.values import PortStats, Queues, StageCycles, SwitchStats

KINDS = str(PROGRAMS / "kinds.json")
FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)
SAMPLE = 64
"""host/switch/stage.h"""

REPLICAS = "".join(f'replicas {{ port: "\\x01" instance: {n} }}' for n in (1, 2, 3))
GROUP = entity(
    f"""packet_replication_engine_entry {{
      multicast_group_entry {{ multicast_group_id: 5 {REPLICAS} }} }}"""
)

T = TypeVar("T")
Samples = dict[tuple[str, tuple[str, ...]], float]
"""By name and label values, in the order of the labels' names."""


def samples(families: Iterable[Metric]) -> Samples:
    found = [sample for family in families for sample in family.samples]
    return {
        (each.name.removeprefix("hectograph_switch_"), _values(each.labels)): each.value
        for each in found
    }


def _values(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(value for _, value in sorted(labels.items()))


def scrape(lab: Lab, port: int) -> Samples:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    return samples(text_string_to_metric_families(lab.inside.call(get)))


def numbered(kind: Callable[..., T], numbers: Iterable[int], **given: Any) -> T:
    """One whose every field has another number."""
    names = [field.name for field in fields(kind) if field.name not in given]  # pyright: ignore
    return kind(**given, **dict(zip(names, numbers, strict=False)))


async def test_every_number_of_the_switch_is_shown(
    native_switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count(1001)
    stats = numbered(SwitchStats, numbers)
    port = numbered(PortStats, numbers, port=7, interface="seven", up=True)
    queues = numbered(Queues, numbers)
    stages = {name: StageCycles(next(numbers), next(numbers)) for name in STAGES}
    monkeypatch.setattr(native_switch, "stats", lambda: stats)
    monkeypatch.setattr(native_switch, "ports", lambda: [port])
    monkeypatch.setattr(native_switch, "queues", lambda: queues)
    monkeypatch.setattr(native_switch, "stages", lambda: (stages, next(numbers)))
    server = P4RuntimeServer(native_switch, 1)
    try:
        shown = samples(of_switch(native_switch, server.service))
    finally:
        await server.service.finish()
    values = [value for value in shown.values() if value > 1000]
    assert sorted(set(values)) == list(range(1001, next(numbers)))
    assert shown["dropped_packets_total", ("no_group",)] == stats.dropped_no_group
    assert shown["port_dropped_packets_total", ("seven", "7", "tx_uncut")] == port.tx_uncut
    assert shown["port_dropped_packets_total", ("seven", "7", "tx_queue")] == port.tx_overflowed
    assert shown["port_up", ("seven", "7")] == 1
    assert shown["queue_length", ("digest",)] == queues.digests
    assert shown["stage_measured_total", ("egress",)] == stages["egress"].times
    for name in asdict(server.service.packets.counters):
        kept = name.removeprefix("dropped_")
        family = "controller_packets_total" if kept == name else "dropped_packets_total"
        assert (family, (kept,)) in shown


async def test_a_running_switch(lab: Lab) -> None:
    port = 9100
    program = lab.start("-i", "1@port1", "-i", "2@port2", "--metrics", f"127.0.0.1:{port}", KINDS)
    program.wait_until(lambda: f"metrics on http://127.0.0.1:{port}/metrics" in program.output())
    assert scrape(lab, port)["stage_measured_total", ("parser",)] == 0
    with lab.raw_socket("peer1") as peer:
        for _ in range(SAMPLE + 1):
            peer.send(FRAME)
    program.wait_until(lambda: scrape(lab, port)["ingress_packets_total", ()] == SAMPLE + 1)
    async with Controller(lab.address) as client:
        await client.become_primary()
        await client.write(insert(GROUP))
        shown = scrape(lab, port)
    assert shown["port_rx_packets_total", ("port1", "1")] == SAMPLE + 1
    assert shown["stage_measured_total", ("parser",)] == 2
    assert shown["stage_cycles_total", ("parser",)] > 0
    assert 1e8 < shown["cycles_per_second", ()] < 1e10
    assert shown["multicast_groups", ()] == 1
    assert shown["multicast_group_replicas", ()] == 3
    tables = {labels[0] for name, labels in shown if name == "table_entries"}
    assert tables == {table.preamble.name for table in load_config("kinds").p4info.tables}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        lab.inside.call(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10))
    assert program.stop() == 0


async def test_nothing_is_measured_or_served_without_it(lab: Lab) -> None:
    program = lab.start("-i", "1@port1", KINDS)
    assert "metrics" not in program.output()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("9100", "'9100' is not HOST:PORT"),
        ("somewhere:9100", "'somewhere' does not appear to be an IPv4 or IPv6 address"),
        ("192.0.2.1:9100", "cannot listen: Cannot assign requested address"),
    ],
)
def test_an_address_that_is_none(lab: Lab, address: str, reason: str) -> None:
    done = lab.run("--metrics", address)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert reason in done.stderr


def test_a_port_in_use(lab: Lab) -> None:
    with lab.inside.entered(), socket.create_server(("127.0.0.1", 9100)):
        done = lab.run("--metrics", "127.0.0.1:9100")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Address already in use" in done.stderr
