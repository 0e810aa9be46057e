# SPDX-License-Identifier: Apache-2.0
"""``hectograph switch``: the embedded switch, with simple_switch_grpc's options."""

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hectograph import __version__
from hectograph.cli import bmv2, port_options
from hectograph.errors import InvalidInput

if TYPE_CHECKING:
    from hectograph.config import ListenAddress
    from hectograph.switch.logs import Logs
    from hectograph.switch.program import PortInterface
    from hectograph.switch.server import Tls

DROP_PORT = 511
"""BMv2's, if no other is asked for."""

MAX_PORT = 510
"""v1model's ports are 9 bits; 511 drops."""


class Io(StrEnum):
    AUTO = "auto"
    AFPACKET = "afpacket"
    SUPER = "super"
    FANOUT = "fanout"
    AFXDP = "afxdp"


class LogLevel(StrEnum):
    """BMv2's."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    OFF = "off"


def _print_json_version(wanted: bool) -> None:
    if wanted:
        from hectograph.switch.compiler.frontend.program import JSON_MAJOR, JSON_MINOR

        typer.echo(f"{JSON_MAJOR}.{JSON_MINOR}")
        raise typer.Exit


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def switch(
    config: Annotated[
        Path | None, typer.Argument(metavar="[JSON]", help="A BMv2 JSON to start with.")
    ] = None,
    interface: Annotated[
        list[str] | None,
        typer.Option("--interface", "-i", metavar="PORT@INTERFACE", help="Once for each port."),
    ] = None,
    device_id: Annotated[int, typer.Option(min=0, help="P4Runtime's.")] = 1,
    grpc_server_addr: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to serve P4Runtime.")
    ] = "127.0.0.1:9559",
    cpu_port: Annotated[
        int, typer.Option(min=1, max=MAX_PORT, help="The controller's port.")
    ] = MAX_PORT,
    drop_port: Annotated[
        int, typer.Option(min=0, max=DROP_PORT, help="What mark_to_drop() writes.")
    ] = DROP_PORT,
    no_p4: Annotated[bool, typer.Option(help="Start without a pipeline, as without JSON.")] = False,
    p4info: Annotated[
        Path | None, typer.Option(help="The JSON's P4Info. [X.p4info.txtpb beside X.json]")
    ] = None,
    io: Annotated[
        Io,
        typer.Option(
            help="How frames leave: each by itself (afpacket, afxdp), joined, or what works best."
        ),
    ] = Io.AUTO,
    bundle_port: Annotated[
        list[int] | None,
        typer.Option(metavar="PORT", help="A pusher's with --bundles is there; repeat it."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve P4Runtime over TLS with this certificate (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key.")] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(help="Let in only clients with a certificate that this CA signed."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, help="Threads that forward packets; each takes those of its own ports."
        ),
    ] = 1,
    port_queue: port_options.Queue = port_options.QUEUE_MS,
    trace: Annotated[
        bool, typer.Option(help="Print each packet's way to standard output; slow.")
    ] = False,
    pcap: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Capture what goes in and out of ports: INTERFACE_in.pcap, INTERFACE_out.pcap.",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Serve Prometheus metrics there, at /metrics."),
    ] = None,
    log_console: Annotated[bool, typer.Option(help="Log in detail to standard output.")] = False,
    log_file: Annotated[
        Path | None, typer.Option(help="Log in detail to the end of this file.")
    ] = None,
    log_level: Annotated[
        LogLevel | None,
        typer.Option("--log-level", "-L", help="The least that is logged; trace: as --trace."),
    ] = None,
    log_file_max_size: Annotated[
        int | None, typer.Option(min=1, metavar="BYTES", help="Begin another file then.")
    ] = None,
    log_file_max_files: Annotated[int, typer.Option(min=1, help="So many old ones are kept.")] = 1,
    install_as_bmv2: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Make DIR/simple_switch_grpc, which is this switch, and do no more.",
        ),
    ] = None,
    _json_version: Annotated[
        bool, typer.Option("--json-version", callback=_print_json_version, is_eager=True)
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", "-v", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Run the embedded switch until it gets SIGINT or SIGTERM; SIGUSR1 has it log its counters.

    simple_switch_grpc's arguments are taken, too, before and behind `--`.
    """
    bmv2.install(install_as_bmv2)
    if no_p4 and config is not None:
        typer.echo(f"{config} is not loaded: --no-p4 was given", err=True)
        config = None
    # gRPC's own lines on standard error say less than our one does.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from hectograph.switch.program import SwitchOptions, run_switch

    run_switch(
        SwitchOptions(
            interfaces=_interfaces(interface or ()),
            device_id=device_id,
            grpc_server_addr=grpc_server_addr,
            cpu_port=cpu_port,
            config=config,
            p4info=p4info,
            tls=_tls(tls_cert, tls_key, tls_ca),
            logs=_logs(log_console, log_file, log_level, log_file_max_size, log_file_max_files),
            io=io.value,
            bundle_ports=_bundle_ports(bundle_port or (), interface or ()),
            workers=workers,
            port_queue_ms=port_queue,
            trace=trace or log_level is LogLevel.TRACE,
            drop_port=drop_port,
            captures=pcap,
            metrics=None if metrics is None else _address(metrics),
        )
    )


def _logs(
    console: bool, file: Path | None, level: LogLevel | None, max_bytes: int | None, files: int
) -> "Logs":
    from hectograph.switch.logs import Logs

    if console and file is not None:
        raise InvalidInput("one of them", where="--log-console, --log-file")
    return Logs(console, file, None if level is None else level.value, max_bytes or 0, files)


def _address(text: str) -> "ListenAddress":
    from hectograph.config import ListenAddress

    try:
        return ListenAddress.parse(text)
    except ValueError as error:
        raise InvalidInput(str(error), where=f"--metrics {text}") from None


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> "Tls | None":
    from hectograph.switch.server import Tls

    if certificate is not None and key is not None:
        return Tls(certificate, key, client_ca)
    if certificate is None and key is None and client_ca is None:
        return None
    raise InvalidInput("TLS needs a certificate and its key", where="--tls-cert, --tls-key")


def _interfaces(texts: Sequence[str]) -> "list[PortInterface]":
    from hectograph.switch.program import PortInterface

    interfaces: list[PortInterface] = []
    for text in texts:
        port, at, name = text.partition("@")
        if not at or not name:
            raise InvalidInput("not PORT@INTERFACE", where=f"--interface {text}")
        interfaces.append(PortInterface(_port(port, f"--interface {text}"), name))
    _refuse_doubles([str(i.port) for i in interfaces], "port")
    _refuse_doubles([i.interface for i in interfaces], "interface")
    return interfaces


def _bundle_ports(ports: Sequence[int], interfaces: Sequence[str]) -> list[int]:
    known = {each.port for each in _interfaces(interfaces)}
    for port in ports:
        if port not in known:
            raise InvalidInput("no interface is on that port", where=f"--bundle-port {port}")
    return list(ports)


def _port(text: str, where: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise InvalidInput(f"{text!r} is not a port number from 0 to {MAX_PORT}", where=where)
    return int(text)


def _refuse_doubles(names: Sequence[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"{what} {name} is given twice", where="--interface")
