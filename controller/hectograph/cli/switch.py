# SPDX-License-Identifier: Apache-2.0
"""``hectograph switch``: the embedded switch, with simple_switch_grpc's options."""

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hectograph import __version__
from hectograph.cli import port_options
from hectograph.errors import InvalidInput

if TYPE_CHECKING:
    from hectograph.config import ListenAddress
    from hectograph.switch.program import PortInterface
    from hectograph.switch.server import Tls

MAX_PORT = 510
"""v1model's ports are 9 bits; 511 drops."""


class Io(StrEnum):
    AUTO = "auto"
    AFPACKET = "afpacket"
    SUPER = "super"
    FANOUT = "fanout"
    AFXDP = "afxdp"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def switch(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JSON] [-- OPTIONS]",
            help="A BMv2 JSON to start with, and simple_switch_grpc's target options.",
        ),
    ] = None,
    interface: Annotated[
        list[str] | None,
        typer.Option("--interface", "-i", metavar="PORT@INTERFACE", help="Once for each port."),
    ] = None,
    device_id: Annotated[int, typer.Option(min=1, help="P4Runtime's; 0 is not one.")] = 1,
    grpc_server_addr: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to serve P4Runtime.")
    ] = "127.0.0.1:9559",
    cpu_port: Annotated[
        int, typer.Option(min=1, max=MAX_PORT, help="The controller's port.")
    ] = MAX_PORT,
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
    _version: Annotated[
        bool, typer.Option("--version", "-v", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Run the embedded switch until it gets SIGINT or SIGTERM; SIGUSR1 has it log its counters."""
    words = list(arguments or ())
    config = Path(words.pop(0)) if words and not words[0].startswith("-") else None
    for name, value in _target_options(words):
        if name == "--grpc-server-addr":
            grpc_server_addr = value
        else:
            cpu_port = _port(value, f"{name} {value}")
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
            log_console=log_console,
            io=io.value,
            bundle_ports=_bundle_ports(bundle_port or (), interface or ()),
            workers=workers,
            port_queue_ms=port_queue,
            trace=trace,
            captures=pcap,
            metrics=None if metrics is None else _address(metrics),
        )
    )


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


def _target_options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What simple_switch_grpc takes after ``--``: ``--name value`` or ``--name=value``."""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name not in ("--grpc-server-addr", "--cpu-port"):
            raise InvalidInput("not an option of the switch", where=word)
        if not equals:
            value = next(rest, "")
        if not value:
            raise InvalidInput("it needs a value", where=name)
        yield name, value


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
