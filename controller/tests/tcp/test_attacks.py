# SPDX-License-Identifier: Apache-2.0
"""A SYN flood, and acknowledgements of those who are not the client."""

import asyncio
import os
import resource
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from random import Random

import pytest
from fakes.examples import SWITCH
from rawclient import GET, MAC, RawClient
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether
from scapy.packet import NoPayload, Padding
from tcplab import HOST_PORT, SERVICE_MAC, Content, Lab, artifacts, build_program, sha256

from hectograph.core.diff import count_differences
from hectograph.core.flows import FlowState
from hectograph.drivers.base import Session
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.testbed.targets import DEVICE_ID

FLOOD_SECONDS = 3.0
ROUNDS, SIZE = 8, 64 << 20
MEGABITS = SIZE * 8e-6
GROWTH_BYTES = 4 << 20
"""Of a process that is busy: allocators round up. 100,000 flows would take 22 MB."""
SPOOFED = 500
CLIENTS = IPv4Network("10.0.0.0/16")
"""Ours; a flood's are random."""


def resident_bytes(pid: int) -> int:
    """Of a program that setpriv started and became."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


Flood = Callable[[Content, str, float], "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def flood(lab: Lab) -> Flood:
    """Starts one, from the second client's link: it prints how many it sent."""
    program = build_program(lab.testbed.directory, "flood")

    def start(content: Content, kind: str, seconds: float) -> "subprocess.Popen[bytes]":
        address = str(content.addresses[0])
        # Straight into the switch: a relay would be the bottleneck.
        command = [
            program,
            f"{lab.prefix}relay1a",
            SERVICE_MAC,
            address,
            kind,
            str(seconds),
        ]
        with lab.here.entered():
            return subprocess.Popen(command, stdout=subprocess.PIPE)

    return start


async def test_syn_flood(lab: Lab, mebibyte: Content, flood: Flood) -> None:
    """No state grows, and neither host nor controller sees any of it."""
    host, port = f"{lab.prefix}host{HOST_PORT}", f"{lab.prefix}relay1a"
    await asyncio.to_thread(lab.rotate_secrets)
    await asyncio.sleep(0.5)  # what the restart of earlier tests left behind
    flows = await asyncio.to_thread(lab.host.flows)
    programs = {"pusher": lab.host.pusher.pid, "switch": lab.switch.pid}
    await run(flood(mebibyte, "syn", 0.5))  # the first of it fills caches
    memory = {name: resident_bytes(pid) for name, pid in programs.items()}
    seen, answers = lab.here.counters(host).rx_packets, lab.here.counters(port).rx_packets
    async with told(lab) as strangers:
        sent = int(await run(flood(mebibyte, "syn", FLOOD_SECONDS)))
        await asyncio.sleep(0.2)
        assert not strangers
    answered = lab.here.counters(port).rx_packets - answers
    grown = {name: resident_bytes(pid) - memory[name] for name, pid in programs.items()}
    assert 100 < answered <= sent + 100
    assert lab.here.counters(host).rx_packets - seen <= 5  # of others
    assert len(await asyncio.to_thread(lab.host.flows)) <= len(flows)
    if lab.target.name == "bmv2":
        # It keeps every packet header vector that was ever in use at the same time.
        print(f"BMv2 grew by {grown.pop('switch') >> 20} MiB")
    assert max(grown.values()) < GROWTH_BYTES, grown
    print(f"{sent / FLOOD_SECONDS:.0f} SYN/s sent, {answered / FLOOD_SECONDS:.0f} answered")


async def run(program: "subprocess.Popen[bytes]") -> bytes:
    """Its output, when it has ended."""
    return (await asyncio.to_thread(program.communicate))[0]


@asynccontextmanager
async def told(lab: Lab) -> AsyncGenerator[Sequence[FlowState]]:
    """Flows of nobody here that the controller hears of. No table is another afterwards."""
    switch = replace(SWITCH, address=lab.address, device_id=DEVICE_ID, profile=lab.target.name)
    heard: list[FlowState] = []

    async def listen(session: Session) -> None:
        async for flow in session.handshakes():
            if flow.key.client not in CLIENTS:
                heard.append(flow)

    async with P4RuntimeDriver(*artifacts())(switch) as session:
        assert not await session.ensure_pipeline()
        tables = await session.read()
        listening = asyncio.create_task(listen(session))
        yield heard
        listening.cancel()
        assert count_differences(await session.read(), tables) == 0


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def victim(request: pytest.FixtureRequest, lab: Lab, large: Content) -> Iterator[RawClient]:
    """A download that stands at the edge of a small window."""
    with lab.faulty(0) as client:
        victim = RawClient(client, large, version=request.param, port=30000, window=2048)
        yield victim
        victim.close()


@pytest.mark.parametrize("guess", ["random", "near", "replayed"])
def test_spoofed_acknowledgements(lab: Lab, victim: RawClient, guess: str) -> None:
    """Not one payload byte goes to an address that has not shown that it receives.

    `near`: right but for the hash, as whoever knows another connection's would try it.
    `replayed`: what is right for the victim, from other addresses and ports.
    """
    dice = Random(guess)
    victim.port += ["random", "near", "replayed"].index(guess)
    victim.connect()
    received = victim.burst()
    assert received
    opened = lab.counters()["flows_opened"]
    spoofed = RawClient(victim.behind, victim.content, victim.version)
    with closing(spoofed):
        spoofed.first, ports = victim.first, set[int]()
        for n in range(SPOOFED):
            spoofed.port, spoofed.another = dice.randrange(1024, 29000), dice.randrange(1, 50)
            spoofed.seq = victim.seq if guess == "replayed" else dice.getrandbits(32)
            ports.add(spoofed.port)
            position = {
                "random": dice.getrandbits(32),
                "near": dice.randrange(0, 12 << 20, 128),
                "replayed": len(received),
            }[guess]
            spoofed.send("A", position=position, payload=GET if n % 2 else b"")
        assert payloads_to(spoofed, ports) == []
    assert lab.counters()["flows_opened"] == opened
    victim.window = 1 << 15
    victim.send("A", position=len(received))
    assert victim.expect().payload
    victim.send("R", position=len(received))


def payloads_to(raw: RawClient, ports: set[int]) -> list[bytes]:
    """Of all that the interface has seen, and half a second more."""
    raw.sock.settimeout(0.5)
    payloads: list[bytes] = []
    answered = False
    while True:
        try:
            frame = Ether(raw.sock.recv(65536))
        except TimeoutError:
            assert answered  # with resets: the switch took what was sent
            return payloads
        segment = frame.getlayer(TCP)
        if frame.dst == MAC and segment is not None and segment.dport in ports:
            answered = True
            if not isinstance(segment.payload, NoPayload | Padding):
                payloads.append(bytes(segment.payload))


def cpu_seconds(pid: int) -> float:
    """That a process has used, all its threads, and those of ours that were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used + children.ru_utime + children.ru_stime


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_rate_through_a_flood(lab: Lab, flood: Flood) -> None:
    """A flood takes CPU, and nothing else.

    Flooder, switch and download share the cores here, so any flood takes some of the
    download's. One with broken headers, which the switch merely drops, is the peer: beside
    SYNs, just as fast as one core makes them, a download keeps nine tenths of what that
    leaves it. The best of some rounds counts, for others share the machine. What it moves
    for each second that its pusher and client run is printed too.
    """
    content = lab.add_content(Random(11).randbytes(SIZE))
    rates, work, frames = ({"none": 0.0, "broken": 0.0, "syn": 0.0} for _ in range(3))
    for _ in range(ROUNDS):
        for kind in rates:
            with lab.faulty(0) as client, flooded(lab, flood, content, kind) as sent:
                before, begun = cpu_seconds(lab.host.pusher.pid), time.monotonic()
                command = ["curl", "-sS", "--noproxy", "*", "-o", "/dev/null", content.urls[0]]
                assert client.run(*command).returncode == 0
                seconds = time.monotonic() - begun
                cpu = cpu_seconds(lab.host.pusher.pid) - before
                if MEGABITS / seconds > rates[kind]:
                    rates[kind], work[kind] = MEGABITS / seconds, MEGABITS / cpu
                    frames[kind] = sent() / seconds
    for kind, rate in rates.items():
        print(
            f"{kind}: {rate:.0f} Mbit/s, {work[kind]:.0f} Mbit per CPU-s,"
            f" {frames[kind]:.0f} frames/s"
        )
    assert rates["syn"] / rates["broken"] > 0.9


@contextmanager
def flooded(lab: Lab, flood: Flood, content: Content, kind: str) -> Generator[Callable[[], int]]:
    """Tells how many frames of the flood the switch's interface got."""
    interface = f"{lab.prefix}switch3"
    before = lab.here.counters(interface).rx_packets
    running = flood(content, kind, 300.0) if kind != "none" else None
    try:
        yield lambda: lab.here.counters(interface).rx_packets - before
    finally:
        if running:
            running.kill()
            running.communicate()


def test_download_through_a_flood(lab: Lab, large: Content, flood: Flood) -> None:
    """It goes on, whole; make soak measures how fast."""
    with lab.faulty(0) as client:
        running = flood(large, "syn", 4.0)
        done = client.run("curl", "-sS", "--noproxy", "*", "--max-time", "100", large.urls[0])
        assert (done.returncode, sha256(done.stdout)) == (0, large.sha256), done.stderr
        running.kill()
        running.communicate()
