# SPDX-License-Identifier: Apache-2.0
"""Several workers: registers that two of them use at the same time, and what they refuse."""

import json
import re
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bmv2json import (
    Fields,
    Json,
    action,
    const,
    extract,
    field,
    op,
    pipeline,
    primitive,
    program,
    state,
    synthetic,
)
from p4client import PROGRAMS
from switchlab import Lab, link_ports

from hectograph.errors import HectographError
from hectograph.switch.compiler import find_or_build, to_c
from hectograph.switch.native import LoadedPipeline, Switch
from hectograph.testbed import Namespace, Testbed

FRAMES = 1500
"""From each of two ports: fewer than a receive ring has room for."""
TURNS = 40
"""Of what one packet does, so that two workers meet in it."""
FIELDS: Fields = [("rest", 96), ("type", 16), ("low", 32), ("high", 32), ("wide", 128)]
FRAME = bytes.fromhex("0200000000010200000000028888") + bytes(46)
SECONDS = 20.0


def registers(*primitives: Json, bits: Sequence[int]) -> Json:
    """Arrays a, b, ... of one cell each; all that comes in is lost after the action."""
    return program(
        {"h": FIELDS},
        states=[state("start", [extract("h")])],
        actions=[action("act", *primitives)],
        ingress=pipeline("tbl_act", synthetic("act")),
        deparser=["h"],
        register_arrays=[
            {"name": name, "id": n, "size": 1, "bitwidth": width}
            for n, (name, width) in enumerate(zip("abc", bits, strict=False))
        ],
    )


def array(name: str) -> Json:
    return {"type": "register_array", "value": name}


def read(target: str, name: str) -> Json:
    return primitive("register_read", field("h", target), array(name), const(0))


def write(name: str, value: Json) -> Json:
    return primitive("register_write", array(name), const(0), value)


def sum_of(left: Json, right: Json, bits: int) -> Json:
    value = op("&", op("+", left, right), const((1 << bits) - 1))
    return {"type": "expression", "value": value}


def one_more(name: str, through: str, bits: int) -> list[Json]:
    return [read(through, name), write(name, sum_of(field("h", through), const(1), bits))]


class Crossing:
    """A switch of two workers, each with a port, and the peers that send to them."""

    def __init__(self, switch: Switch, inside: Namespace) -> None:
        self.switch = switch
        self._inside = inside

    def run(self, source: Json) -> LoadedPipeline:
        loaded = self.switch.load(find_or_build(json.dumps(source)))
        self.switch.commit(loaded)
        return loaded

    def send(self) -> None:
        """By both ports at the same time; returns when all was forwarded."""
        before = self.switch.stats().ingress_packets
        with self._inside.entered():
            peers = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(2)]
            for number, peer in enumerate(peers, 1):
                peer.bind((f"peer{number}", 0))
        with ThreadPoolExecutor(2) as senders:
            list(senders.map(_send, peers))
        deadline = time.monotonic() + SECONDS
        while self.switch.stats().ingress_packets < before + 2 * FRAMES:
            assert time.monotonic() < deadline, self.switch.ports()
            time.sleep(0.01)


def _send(peer: socket.socket) -> None:
    with peer:
        for _ in range(FRAMES):
            peer.send(FRAME)


@pytest.fixture
def crossing(testbed: Testbed) -> Iterator[Crossing]:
    inside = testbed.namespace("inside")
    link_ports(testbed, inside, inside)
    with inside.entered():
        switch = Switch(workers=2)
        for number in (1, 2):
            switch.add_port(number, f"port{number}")
    switch.start()
    assert [port.worker for port in switch.ports()] == [0, 1]
    yield Crossing(switch, inside)
    switch.close()


@pytest.mark.parametrize(("bits", "through"), [(32, "low"), (128, "wide")])
def test_no_packet_is_lost_of_what_is_read_and_written(
    crossing: Crossing, bits: int, through: str
) -> None:
    loaded = crossing.run(registers(*one_more("a", through, bits) * TURNS, bits=[bits]))
    crossing.send()
    (count,) = loaded.register("a", size=bits // 8).get(0, 1)
    assert int.from_bytes(count) == 2 * FRAMES * TURNS


def test_what_one_action_writes_belongs_together(crossing: Crossing) -> None:
    """Two arrays count the same packets, of which either tells the other's count."""
    both = [
        read("low", "a"),
        read("high", "b"),
        write("a", sum_of(field("h", "high"), const(1), 32)),
        write("b", sum_of(field("h", "low"), const(1), 32)),
    ]
    loaded = crossing.run(registers(*both * TURNS, bits=[32, 32]))
    crossing.send()
    counts = [loaded.register(name, size=4).get(0, 1)[0] for name in "ab"]
    assert [int.from_bytes(count) for count in counts] == [2 * FRAMES * TURNS] * 2


def test_who_only_reads_or_only_writes_waits_for_nobody() -> None:
    apart = registers(write("a", field("h", "low")), bits=[32, 32])
    assert "hg_registers_enter" not in to_c(json.dumps(apart)).text
    apart = registers(read("low", "a"), read("high", "b"), bits=[32, 32])
    assert "hg_registers_enter" not in to_c(json.dumps(apart)).text


def test_arrays_are_taken_in_one_order() -> None:
    """Whatever the action's own is: two that waited for each other would wait for ever."""
    crossed = [read("low", "b"), write("a", field("h", "low"))]
    text = to_c(json.dumps(registers(*crossed, bits=[32, 32]))).text
    calls = re.findall(r"hg_registers_(enter|leave)\(ctx, (\d)\)", text)
    assert calls == [("enter", "0"), ("enter", "1"), ("leave", "1"), ("leave", "0")]


@pytest.mark.parametrize("asked", [{"trace_fd": 1}, {"captures": Path("/tmp")}])
def test_one_alone_traces_and_captures(asked: dict[str, int | Path]) -> None:
    with pytest.raises(HectographError, match="2 workers: one alone where packets are captured or"):
        Switch(workers=2, **asked)  # pyright: ignore[reportArgumentType]


def test_more_than_there_may_be() -> None:
    with pytest.raises(HectographError, match="65 workers: at most 64"):
        Switch(workers=65)


def test_the_command_says_so_too(lab: Lab) -> None:
    kinds = str(PROGRAMS / "kinds.json")
    done = lab.run("-i", "1@port1", "--workers", "2", "--trace", kinds)
    assert done.returncode == 1
    assert "2 workers: one alone where packets are captured or traced" in done.stderr
