# SPDX-License-Identifier: Apache-2.0
"""One host's downloads move to another, and back."""

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes.examples import SWITCH
from tcplab import Content, Host, Lab, artifacts, sha256

from hectograph.core.flows import FlowKey, FlowPhase, FlowState
from hectograph.drivers.base import Session
from hectograph.drivers.p4runtime import P4RuntimeDriver
from hectograph.errors import InvalidInput
from hectograph.testbed.targets import DEVICE_ID

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
SLOWLY = ("--limit-rate", "1500k")
"""So that 12 MiB take eight seconds."""
DESCRIPTIVE = {"window": 0, "congestion_window": 0, "rtt_seconds": 0, "recovering": False}
"""What nobody takes over."""


def hand_over(lab: Lab, flows: Sequence[FlowState], to: Host) -> None:
    """Before the buckets, so that no packet meets a stranger; and after, so that answers come."""
    to.ask(lambda pusher: pusher.adopt_flows(flows))
    lab.give_buckets(to)
    to.ask(lambda pusher: pusher.adopt_flows(flows))


def give_back(lab: Lab, interim: Host, to: Host) -> None:
    hand_over(lab, interim.flows(), to)
    flows = interim.flows()
    to.ask(lambda pusher: pusher.adopt_flows(flows))
    interim.ask(lambda pusher: pusher.forget_flows(flow.key for flow in flows))


def read(sock: socket.socket, least: int = 1 << 30) -> bytes:
    received = bytearray()
    while len(received) < least and (chunk := sock.recv(65536)):
        received += chunk
    return bytes(received)


def content_of(response: bytes) -> str:
    return sha256(response.partition(b"\r\n\r\n")[2])


def flow_of(host: Host, sock: socket.socket) -> FlowState:
    """Of a connection just made: the client knows of it before the host does."""
    port = int(sock.getsockname()[1])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for flow in host.flows():
            if flow.key.client_port == port:
                return flow
    raise AssertionError(f"no flow from port {port}")


def test_takeover(lab: Lab, large: Content) -> None:
    """Killed with -9 and not restarted; its clients are gone on with; then it has them back."""
    with lab.another_host() as other, lab.faulty(0) as one, lab.faulty(1, "--loss", "0.01") as two:
        # Of these the controller has only seen the handshake.
        asked, idle = (one.connect(address) for address in large.addresses)
        learnt = [flow_of(lab.host, sock) for sock in (asked, idle)]
        assert {flow.phase for flow in learnt} == {FlowPhase.REQUEST}
        asked.sendall(GET)
        beginning = read(asked, 200_000)
        curls = [client.start_curl(url, *SLOWLY) for client in (one, two) for url in large.urls]
        one.run("sleep", "1")
        known = {flow.key for flow in learnt}
        listed = [flow for flow in lab.host.flows() if flow.key not in known]
        assert sum(flow.phase is FlowPhase.RESPONSE for flow in listed) >= len(curls)
        one.run("sleep", "0.3")
        lab.host.pusher.kill()

        hand_over(lab, [*listed, *learnt], other)
        one.run("sleep", "1")
        assert all(curl.poll() is None for curl in curls)
        assert other.counters()["flows_handed_over"] >= len(curls) + 2

        # It comes back with its old flows, which the other serves.
        lab.host.restart(lab.contents)
        one.run("sleep", "1")
        assert all(curl.poll() is None for curl in curls)
        assert lab.host.counters()["resume_probes"] > len(curls)
        assert lab.host.counters()["segments"] == 0

        give_back(lab, other, lab.host)
        with asked, idle:
            idle.sendall(GET)
            assert content_of(read(idle)) == large.sha256
            assert content_of(beginning + read(asked)) == large.sha256
        for curl in curls:
            output, errors = curl.communicate(timeout=100)
            assert (curl.returncode, sha256(output)) == (0, large.sha256), errors
        counts = other.counters()
        assert counts["flows_forgotten"] >= len(curls)
        assert counts["flows_reset"] == lab.counters()["flows_reset"] == 0
        assert other.flows() == []


def test_refused(lab: Lab, large: Content) -> None:
    with lab.faulty(0) as client, client.connect(large.addresses[0]) as sock:
        flow = flow_of(lab.host, sock)

    def adopt(flow: FlowState) -> None:
        lab.ask(lambda pusher: pusher.adopt_flows([flow]))

    with pytest.raises(InvalidInput, match="flow 1: port 510; it is 1 to 509"):
        adopt(replace(flow, port=510))
    with pytest.raises(InvalidInput, match="flow 1: 256 bytes acknowledged of 128 sent"):
        adopt(replace(flow, phase=FlowPhase.RESPONSE, acked=256, sent=128))
    with pytest.raises(InvalidInput, match="'nonsense' is no Ethernet address"):
        adopt(replace(flow, client_mac="nonsense"))
    with pytest.raises(InvalidInput, match="secret"):
        adopt(replace(flow, secret=-1))
    stranger = FlowKey(flow.key.client, 1, flow.key.service, 1)
    assert lab.ask(lambda pusher: pusher.forget_flows([stranger])) == 0


async def test_what_the_switch_tells_is_what_the_host_knows(lab: Lab, large: Content) -> None:
    """Of a flow whose handshake is complete, down to the client's next byte."""
    with lab.faulty(0) as client:
        switch = replace(SWITCH, address=lab.address, device_id=DEVICE_ID, profile=lab.target.name)
        driver = P4RuntimeDriver(*artifacts())
        async with driver(switch) as session:
            assert not await session.ensure_pipeline()
            for address in large.addresses:
                with await asyncio.to_thread(client.connect, address) as sock:
                    known = await asyncio.to_thread(flow_of, lab.host, sock)
                    told = await asyncio.wait_for(told_of(session, known.key), 10)
                    assert told == replace(known, **DESCRIPTIVE)


async def told_of(session: Session, key: FlowKey) -> FlowState:
    """Behind the last ones of before, which BMv2 keeps until somebody asks."""
    async for flow in session.handshakes():
        if flow.key == key:
            return flow
    raise AssertionError("the switch's messages have ended")
