# SPDX-License-Identifier: Apache-2.0
"""Copies delivered per second over veth pairs: one push to a group, on each target.

The peers: BMv2 with the same artifact and samplicator, where they are on PATH, and loops that
send each client its own, by sendmmsg() and by AF_XDP. Only samplicator's clients have
addresses: it sends by sockets of their kernel's UDP.
"""

import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import usage
from copies_lab import (
    CLIENT_PORTS,
    MEMBERS,
    PAYLOADS,
    PUSHES_PER_SECOND,
    SECONDS,
    UDP_PORT,
    CopiesLab,
    Delivery,
    best_delivery,
    copies_lab,
    member_addresses,
    most,
)
from hectograph.testbed import Program
from hectograph.testbed.targets import TARGETS
from rows import Row, row

SAMPLICATOR = "samplicate"
SAMPLICATOR_BUFFER_BYTES = 8 << 20
LOOPS = ("sendmmsg", "afxdp")
WAYS: Mapping[str, tuple[str, ...]] = {
    "": (),
    ", --io afpacket": ("--io", "afpacket"),
    ", --io afxdp": ("--io", "afxdp"),
}
"""How copies leave the embedded switch: as works best, and each frame by itself."""


def missing() -> None:
    """Nothing: peers that are not here are left out."""


def measure(programs: Path, artifacts: Path) -> list[Row]:
    rows: list[Row] = []
    for payload in PAYLOADS:
        peers = {name: _loop(programs / name, payload) for name in LOOPS}
        if TARGETS["bmv2"].missing() is None:
            peers["bmv2"] = best_delivery(TARGETS["bmv2"], payload, artifacts)
        if shutil.which(SAMPLICATOR):
            peers["samplicator"] = _samplicator(payload)
        for way, options in WAYS.items():
            ours = best_delivery(TARGETS["embedded"], payload, artifacts, options)
            name = f"over veth, {payload} bytes, group of {MEMBERS}{way}"
            for peer, its in peers.items():
                rows.append(row(name, ours.copies, "copies/s", peer, its.copies))
                rows.append(row(name, ours.per_cpu, "copies per CPU s", peer, its.per_cpu))
    return rows


def _loop(program: Path, payload: int) -> Delivery:
    with copies_lab() as lab:
        command = [str(program), str(payload), str(SECONDS)]
        command += [f"switch{port}" for port in CLIENT_PORTS]
        before = lab.received(payload)
        process = lab.bed.start(program.name, command, lab.switch)
        time.sleep(SECONDS / 2)
        cpu, copies = usage.process_cpu(process.pid), lab.received(payload) - before
        process.wait(SECONDS + 10)
        return Delivery((lab.received(payload) - before) / SECONDS, copies / cpu)


def _samplicator(payload: int) -> Delivery:
    """It gets datagrams over the loopback, and its copies go to a socket that nobody reads."""
    with (
        copies_lab(addressed=True) as lab,
        lab.clients.entered(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("", UDP_PORT))
        options = ["-p", str(UDP_PORT), "-s", "127.0.0.1", "-b", str(SAMPLICATOR_BUFFER_BYTES)]
        clients = [f"{address}/{UDP_PORT}" for each in member_addresses() for address in each]
        program = lab.bed.start(SAMPLICATOR, [SAMPLICATOR, *options, *clients], lab.switch)
        time.sleep(0.3)
        return most(
            lab.observed(payload, program.pid, _datagrams(lab, payload, rate))
            for rate in PUSHES_PER_SECOND
        )


def _datagrams(lab: CopiesLab, payload: int, rate: int) -> Program:
    """At this rate; one program of Python sends some 100,000 a second at most."""
    source = str(Path(__file__).with_name("udp_source.py"))
    command = [sys.executable, source, "127.0.0.1", str(UDP_PORT), str(payload), str(rate)]
    return lab.bed.start(f"source-{rate}", command, lab.switch)
