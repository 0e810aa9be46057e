# SPDX-License-Identifier: Apache-2.0
"""What an embedded switch's ports lost, as its metrics tell it, and what else may answer there."""

import threading
from collections.abc import Iterator

import pytest
from webserver import Server

from hectograph.core.status import PortDrops
from hectograph.drivers.port_metrics import read_port_drops
from hectograph.errors import Unavailable

METRICS = b"""
# TYPE hectograph_switch_port_rx_packets_total counter
hectograph_switch_port_rx_packets_total{port="1",interface="host1"} 9000.0
# TYPE hectograph_switch_port_dropped_packets_total counter
hectograph_switch_port_dropped_packets_total{port="1",interface="host1",reason="rx"} 474.0
hectograph_switch_port_dropped_packets_total{port="1",interface="host1",reason="tx"} 0.0
hectograph_switch_port_dropped_packets_total{port="2",interface="p1",reason="tx_oversized"} 3.0
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.body = METRICS
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(server: Server) -> str:
    return f"127.0.0.1:{server.server_port}"


async def test_what_was_lost_and_where(server: Server) -> None:
    assert await read_port_drops(address(server)) == (
        PortDrops(1, "host1", "rx", 474),
        PortDrops(2, "p1", "tx_oversized", 3),
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, "", "no metrics: .*404"),
        (200, "<html>", "not a switch's metrics"),
        (
            200,
            'hectograph_switch_port_dropped_packets_total{port="x",interface="i",reason="rx"} 1',
            "not a switch's metrics",
        ),
    ],
)
async def test_others_that_answer(server: Server, status: int, body: str, said: str) -> None:
    server.status, server.body = status, body.encode()
    with pytest.raises(Unavailable, match=said):
        await read_port_drops(address(server))


async def test_nobody_answers(server: Server) -> None:
    nobody = address(server)
    server.server_close()
    with pytest.raises(Unavailable, match=f"{nobody}: no metrics"):
        await read_port_drops(nobody)
