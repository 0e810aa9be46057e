# SPDX-License-Identifier: Apache-2.0
"""The embedded switch as a process: interfaces, pipeline, P4Runtime, until a signal ends it."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finsy.proto import p4i, p4r
from google.protobuf import text_format

from hectograph.errors import Conflict, InvalidInput
from hectograph.switch.compiler import DROP_PORT
from hectograph.switch.logs import Logs
from hectograph.switch.native import Switch
from hectograph.switch.server import P4RuntimeServer, Tls

if TYPE_CHECKING:
    from hectograph.config import ListenAddress

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PortInterface:
    port: int
    interface: str


@dataclass(frozen=True, slots=True)
class SwitchOptions:
    interfaces: Sequence[PortInterface]
    device_id: int
    grpc_server_addr: str
    cpu_port: int
    config: Path | None
    """A BMv2 JSON to start with."""
    p4info: Path | None
    """Its P4Info, when it is not beside it (X.p4info.txtpb beside X.json)."""
    tls: Tls | None
    """None: in the clear."""
    logs: Logs
    io: str = "auto"
    """A key of native.IO_KINDS."""
    bundle_ports: Sequence[int] = ()
    """Where bundles are cut up."""
    captures: Path | None = None
    """A directory for what goes in and out of ports; None: it is not captured."""
    drop_port: int = DROP_PORT
    trace: bool = False
    """Print each packet's way to standard output."""
    workers: int = 1
    """Threads that forward packets."""
    port_queue_ms: int = 0
    """How long a frame waits for a port that has no room before it is dropped; 0: the default."""
    metrics: "ListenAddress | None" = None
    """Where Prometheus may ask; None: nothing is measured."""


def run_switch(options: SwitchOptions) -> None:
    """Returns after SIGINT or SIGTERM; HectographError when it cannot run."""
    options.logs.start()
    asyncio.run(_run(options))


async def _run(options: SwitchOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    config = None if options.config is None else _read_config(options.config, options.p4info)
    with ExitStack() as stack:
        for port in options.interfaces:
            stack.enter_context(_claim(port.interface))
        listener = None
        if options.metrics is not None:
            from hectograph.api.listener import listen

            listener = stack.enter_context(listen(options.metrics))
        switch = Switch(
            cpu_port=options.cpu_port,
            io=options.io,
            stages=options.metrics is not None,
            captures=options.captures,
            trace_fd=sys.stdout.fileno() if options.trace else 0,
            workers=options.workers,
            port_queue_ms=options.port_queue_ms,
            drop_port=options.drop_port,
        )
        stack.callback(switch.close)
        for port in options.interfaces:
            switch.add_port(port.port, port.interface)
        for number in options.bundle_ports:
            switch.take_bundles(number)
        await _serve(options, switch, config, listener, stop)


async def _serve(
    options: SwitchOptions,
    switch: Switch,
    config: p4r.ForwardingPipelineConfig | None,
    listener: socket.socket | None,
    stop: asyncio.Event,
) -> None:
    server = P4RuntimeServer(switch, options.device_id)
    if config is not None:
        await server.service.configuration.install(config)
    port = await server.start(options.grpc_server_addr, options.tls)
    loop = asyncio.get_running_loop()
    captures = switch.capture_fd()
    if captures is not None:
        loop.add_reader(captures, _capture_failed, switch)
    try:
        switch.start()
        log.info(
            "device %d serves P4Runtime on %s (port %d); ports: %s",
            options.device_id,
            options.grpc_server_addr,
            port,
            " ".join(f"{p.port}@{p.interface}" for p in options.interfaces) or "none",
        )
        loop.add_signal_handler(signal.SIGUSR1, _report, switch, server)
        async with AsyncExitStack() as stack:
            if listener is not None:
                from hectograph.switch.metrics_server import serve_metrics

                await stack.enter_async_context(serve_metrics(listener, switch, server.service))
            await stop.wait()
    finally:
        if captures is not None:
            loop.remove_reader(captures)
        await server.stop()
        _report(switch, server)


def _capture_failed(switch: Switch) -> None:
    if (error := switch.capture_error()) is not None:
        log.error("capture: %s", error)


def _report(switch: Switch, server: P4RuntimeServer) -> None:
    """What became of every packet so far, at the end and on SIGUSR1."""
    log.info("packets: %s", _nonzero(asdict(switch.stats())))
    log.info("controller's packets: %s", _nonzero(asdict(server.service.packets.counters)))
    log.info("notifications: %s", _nonzero(asdict(server.service.notifier.counters)))
    for port in switch.ports():
        log.info("port %d: %s", port.port, _nonzero(asdict(port)))


def _nonzero(values: dict[str, object]) -> str:
    return " ".join(f"{n}={v}" for n, v in values.items() if v and n != "port") or "none"


@contextmanager
def _claim(interface: str) -> Generator[None]:
    """Two switches on one interface would each send every packet: the second gets no claim.

    The claim is an abstract Unix socket: of this network namespace alone, and
    gone with the process however it ends.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as claim:
        try:
            index = socket.if_nametoindex(interface)
        except OSError:
            raise InvalidInput("there is no such interface", where=interface) from None
        try:
            claim.bind(f"\0hectograph-switch/{index}")
        except OSError:
            raise Conflict("another switch has this interface", where=interface) from None
        yield


def _read_config(config: Path, p4info: Path | None) -> p4r.ForwardingPipelineConfig:
    result = p4r.ForwardingPipelineConfig(p4_device_config=_read(config))
    beside = config.with_suffix(".p4info.txtpb")
    if p4info is None and beside.exists():
        p4info = beside
    if p4info is not None:
        try:
            text = _read(p4info).decode()
            result.p4info.CopyFrom(text_format.Parse(text, p4i.P4Info()))
        except (text_format.ParseError, UnicodeDecodeError) as error:
            raise InvalidInput(f"not a P4Info in text form: {error}", where=str(p4info)) from None
    return result


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=str(path)) from None
