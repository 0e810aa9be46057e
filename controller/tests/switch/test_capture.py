# SPDX-License-Identifier: Apache-2.0
"""--pcap: files that other tools read, and a disk that takes no more."""

import resource
import signal
from pathlib import Path

from finsy.proto import p4r
from p4client import PROGRAMS, Controller
from scapy.utils import PcapReader
from switchlab import Lab

KINDS = str(PROGRAMS / "kinds.json")
FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)
LONG = bytes.fromhex("ffffffffffff0200000000010806") + bytes(1000)
LIMIT_BYTES = 64 << 10
"""Of every file of the process, so its log must be shorter."""


def frames(path: Path) -> list[bytes]:
    with PcapReader(str(path)) as reader:
        assert reader.nano
        return [bytes(packet) for packet in reader]


def captures(directory: Path) -> dict[str, list[bytes]]:
    return {path.name: frames(path) for path in directory.iterdir()}


async def test_what_goes_in_and_out(lab: Lab, tmp_path: Path) -> None:
    program = lab.start("-i", "1@port1", "-i", "2@port2", "--pcap", str(tmp_path), KINDS)
    async with Controller(lab.address) as client:
        await client.become_primary()
        with lab.raw_socket("peer1") as peer1, lab.raw_socket("peer2") as peer2:
            peer1.send(FRAME)
            assert (await client.receive()).packet.payload == FRAME
            out = p4r.PacketOut(payload=LONG)
            out.metadata.add(metadata_id=7, value=b"\x02")
            out.metadata.add(metadata_id=8, value=b"\x00")
            await client.send(packet=out)
            assert peer2.recv(2000) == LONG
    assert program.stop() == 0
    assert "captured=1" in program.output()
    assert captures(tmp_path) == {
        "port1_in.pcap": [FRAME],
        "port1_out.pcap": [],
        "port2_in.pcap": [],
        "port2_out.pcap": [LONG],
    }


def test_a_disk_that_is_full(lab: Lab, tmp_path: Path) -> None:
    program = lab.start("-i", "1@port1", "--pcap", str(tmp_path), KINDS)
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
    sent = 2 * LIMIT_BYTES // len(LONG)
    with lab.raw_socket("peer1") as peer:
        for _ in range(sent):
            peer.send(LONG)
    program.wait_until(lambda: "ERROR capture: port1_in.pcap: File too large" in program.output())
    program.signal(signal.SIGUSR1)
    program.wait_until(lambda: f"rx_packets={sent}" in program.output())
    assert program.stop() == 0
    assert program.output().count("ERROR") == 1
    written = len(frames(tmp_path / "port1_in.pcap"))
    assert 0 < written < sent
    assert f"captured={written} capture_unwritten={sent - written}" in program.output()


def test_a_directory_that_is_not_there(lab: Lab) -> None:
    done = lab.run("--pcap", "/nowhere/at/all", "--grpc-server-addr", "127.0.0.1:0")
    assert done.returncode == 1
    assert done.stderr == "hectograph: capturing to /nowhere/at/all: No such file or directory\n"
