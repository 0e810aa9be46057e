# SPDX-License-Identifier: Apache-2.0
"""`hectograph switch` as a process: its options, its life, and what it refuses."""

import asyncio
import signal
import socket
import subprocess
from pathlib import Path

import grpc
import pytest
from finsy.proto import p4r
from injection import programmed
from p4client import PROGRAMS, Controller, insert, load_config, modify, table
from switchlab import Lab

from hectograph.cli import port_options
from hectograph.cli.main import main

CONFIG = str(PROGRAMS / "kinds.json")
FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)


async def test_packets_between_interfaces_and_controller(lab: Lab) -> None:
    program = lab.start("-i", "1@port1", "-i", "2@port2")
    with lab.raw_socket("peer1") as peer1, lab.raw_socket("peer2") as peer2:
        async with Controller(lab.address) as client:
            await client.become_primary()
            await client.set_config(load_config("kinds"))
            # What no table knows goes to the controller, with where it came from.
            peer1.send(FRAME)
            packet = (await client.receive()).packet
            assert packet.payload == FRAME
            assert packet.metadata[0].value == b"\x01"
            out = p4r.PacketOut(payload=FRAME)
            out.metadata.add(metadata_id=7, value=b"\x02")
            out.metadata.add(metadata_id=8, value=b"\x00")
            await client.send(packet=out)
            assert await asyncio.to_thread(peer2.recv, 2000) == FRAME
    program.signal(signal.SIGUSR1)
    program.wait_until(lambda: "port 2: interface=port2" in program.output())
    assert "controller's packets: packet_ins=1 packet_outs=1" in program.output()


async def test_json_at_the_start(lab: Lab) -> None:
    """Its P4Info lies beside it; options after -- are simple_switch_grpc's."""
    lab.start("-i", "1@port1", "--device-id", "1", CONFIG, "--", "--cpu-port", "300")
    async with Controller(lab.address) as client:
        config = (await client.get_config()).config
        assert config == load_config("kinds")
        assert not config.HasField("cookie")


async def test_json_without_p4info(lab: Lab, tmp_path: Path) -> None:
    """It runs, but nobody can say what the ids mean, until a client sets the config."""
    config = tmp_path / "alone.json"
    config.write_bytes(load_config("kinds").p4_device_config)
    lab.start(str(config))
    async with Controller(lab.address) as client:
        assert not (await client.get_config()).HasField("config")
        await client.become_primary()
        await client.set_config(load_config("kinds"))
        await client.write()


async def test_no_p4_ignores_the_json(lab: Lab) -> None:
    program = lab.start("--no-p4", CONFIG)
    assert "not loaded" in program.output()
    async with Controller(lab.address) as client:
        assert not (await client.get_config()).HasField("config")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it(lab: Lab, number: signal.Signals) -> None:
    program = lab.start("-i", "1@port1")
    async with Controller(lab.address) as client:
        await client.become_primary()
        program.signal(number)
        await asyncio.to_thread(program.wait, 10)
        assert await client.end_of_stream() == grpc.StatusCode.UNAVAILABLE
    assert "Traceback" not in program.output()


async def test_stopped_while_it_compiles(lab: Lab) -> None:
    """What was begun ends first; the process still goes in order."""
    program = lab.start()
    async with Controller(lab.address) as client:
        await client.become_primary()
        setting = asyncio.ensure_future(client.set_config(load_config("kinds")))
        await asyncio.sleep(0.1)
        program.signal(signal.SIGTERM)
        await asyncio.to_thread(program.wait, 20)
        await asyncio.gather(setting, return_exceptions=True)
    assert "Traceback" not in program.output()


def test_killed_and_started_again(lab: Lab) -> None:
    lab.start("-i", "1@port1").kill()
    lab.start("-i", "1@port1")


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_second_switch_on_an_address(lab: Lab) -> None:
    with lab.inside.entered(), socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = one_line(lab.run("--grpc-server-addr", address))
    assert line == f"hectograph: P4Runtime cannot listen on {address}: Address already in use"


def test_address_that_is_none(lab: Lab) -> None:
    line = one_line(lab.run("--grpc-server-addr", "nowhere"))
    assert line.startswith("hectograph: P4Runtime cannot listen on nowhere: ")


def test_second_switch_on_an_interface(lab: Lab) -> None:
    lab.start("-i", "1@port1")
    line = one_line(lab.run("-i", "5@port1", "--grpc-server-addr", "127.0.0.1:0"))
    assert line == "hectograph: port1: another switch has this interface"


BAD_ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "no such interface": (["-i", "1@nowhere"], "nowhere: there is no such interface"),
    "no at sign": (["-i", "port1"], "--interface port1: not PORT@INTERFACE"),
    "port not a number": (["-i", "x@port1"], "'x' is not a port number"),
    "port too high": (["-i", "511@port1"], "'511' is not a port number"),
    "port twice": (["-i", "1@port1", "-i", "1@port2"], "port 1 is given twice"),
    "interface twice": (["-i", "1@port1", "-i", "2@port1"], "interface port1 is given twice"),
    "no such file": (["/nowhere.json"], "/nowhere.json: cannot be read: No such file"),
    "not a JSON": (["/etc/hostname"], "JSON"),
    "not a P4Info": (["--p4info", "/bin/true", CONFIG], "/bin/true: not a P4Info"),
    "no value": (["--", "--thrift-port"], "--thrift-port: it needs a value"),
    "two logs": (["--log-console", "--log-file", "x"], "--log-console, --log-file: one of them"),
    "no such directory": (["--log-file", "/nowhere/log"], "/nowhere/log: cannot be written"),
    "no BMv2 there": (["--install-as-bmv2", "/nowhere"], "/nowhere/simple_switch_grpc: cannot"),
}


@pytest.mark.parametrize(("arguments", "what"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS.keys())
def test_bad_arguments(arguments: list[str], what: str, capfd: pytest.CaptureFixture[str]) -> None:
    """In this process: it is over before an interface is opened or anything is served."""
    assert main(["switch", "--grpc-server-addr", "127.0.0.1:0", *arguments]) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert what in line


@pytest.mark.parametrize(
    ("options", "shown"), [((), port_options.QUEUE_MS), (("--port-queue", "7"), 7)]
)
def test_how_long_frames_wait(lab: Lab, options: tuple[str, ...], shown: int) -> None:
    program = lab.start("-i", "1@port1", *options)
    program.stop()
    assert f"port 1: interface=port1 up=True mtu=1500 queue_ms={shown}" in program.output()


TUTORIALS = [
    *("--nanolog", "ipc:///tmp/bm-0-log.ipc", "--device-id", "0", "--no-p4"),
    *("--debugger", "--log-console", "--thrift-port", "9090", "--"),
]
"""What p4lang/tutorials' P4RuntimeSwitch starts simple_switch_grpc with, but for the address."""

BMV2 = [
    *("--thrift-port=9090", "--log-level", "info", "--log-flush", "--dump-packet-data", "64"),
    *("--max-port-count", "64", "--notifications-addr", "ipc:///tmp/n", "--debugger-addr", "x"),
    *("--restore-state", "/tmp/state", "--", "--priority-queues", "8", "--drop-port", "511"),
    *("--disable-swap", "--max-mc-groups=9", "--max-l1-entries", "9", "--max-l2-entries", "9"),
]


def installed(lab: Lab) -> str:
    """The link by which BMv2's users start the switch."""
    done = lab.run("--install-as-bmv2", str(lab.bed.directory))
    assert done.returncode == 0, done.stderr
    link = lab.bed.directory / "simple_switch_grpc"
    assert done.stdout == f"{link} -> {link.readlink()}\n"
    assert lab.run("--install-as-bmv2", str(lab.bed.directory)).returncode == 0  # once more
    return str(link)


async def test_in_bmv2s_place_with_the_tutorials_own_arguments(lab: Lab) -> None:
    """By its name, and with its default device id."""
    ports = ["-i", "1@port1", "-i", "2@port2", "--pcap", str(lab.bed.directory)]
    program = lab.bed.start(
        "bmv2",
        [installed(lab), *ports, *TUTORIALS, "--grpc-server-addr", lab.address],
        lab.inside,
    )
    program.wait_until(lambda: "device 0 serves P4Runtime" in program.output())
    for name in ("--nanolog", "--debugger", "--thrift-port"):
        assert f"{name} has no effect: " in program.output()
    async with Controller(lab.address, device_id=0) as client:
        await client.become_primary()
        await client.set_config(load_config("kinds"))
        await client.write()
    assert (lab.bed.directory / "port1_in.pcap").exists()


async def test_all_of_bmv2s_arguments(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = lab.bed.start(
        "switch",
        [
            *(installed(lab), "--log-file", str(log), "-i", "1@port1", *BMV2),
            *("--grpc-server-addr", lab.address, CONFIG),
        ],
        lab.inside,
    )
    program.wait_until(lambda: log.exists() and "serves P4Runtime" in log.read_text())
    lines = program.output().splitlines()
    assert len(lines) == 11, lines
    assert all(" has no effect: " in line for line in lines)
    assert " DEBUG " not in log.read_text()
    async with Controller(lab.address, device_id=0) as client:
        assert (await client.get_config()).config == load_config("kinds")


async def test_another_drop_port() -> None:
    """Where kinds.p4 drops, it writes that one; then 511 is a port like any other."""
    async with programmed(drop_port=7) as world:
        await world.primary.set_config(load_config("kinds"))
        drop = """table_id: $exact_table match { field_id: 1 exact { value: "\\x01" } }
                  match { field_id: 2 exact { value: "\\x01" } }
                  action { action { action_id: $%s %s } }"""
        params = 'params { param_id: 1 value: "\\x07" }'
        await world.primary.write(insert(table(drop % ("drop", ""))))
        frame = bytes(5) + b"\x01" + bytes(54)
        assert world.send(frame) == []
        assert world.switch.stats().dropped_ingress == 1
        await world.primary.write(modify(table(drop % ("metered", params))))
        assert world.send(frame) == []
        assert world.switch.stats().dropped_ingress == 2


def test_something_else_in_the_links_place(lab: Lab) -> None:
    (lab.bed.directory / "simple_switch_grpc").write_text("BMv2's own")
    line = one_line(lab.run("--install-as-bmv2", str(lab.bed.directory)))
    assert line == f"hectograph: {lab.bed.directory}/simple_switch_grpc: it is there already"


def test_json_version(lab: Lab) -> None:
    assert lab.run("--json-version").stdout == "2.24\n"


def test_version(lab: Lab) -> None:
    from hectograph import __version__

    assert lab.run("--version").stdout == f"{__version__}\n"
