# SPDX-License-Identifier: Apache-2.0
"""``hectograph shell``: p4runtime-shell on a running switch."""

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from hectograph.cli import tls_files
from hectograph.core.model import Tls
from hectograph.errors import InvalidInput, Unavailable

CONNECT_SECONDS = 3.0


def shell(
    grpc_addr: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the switch serves P4Runtime.")
    ] = "127.0.0.1:9559",
    device_id: int = 1,
    election_id: Annotated[
        int,
        typer.Option(
            min=1, help="The highest may write. 1 only looks while a controller is there."
        ),
    ] = 1,
    execute: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Python to run instead of a prompt; - reads it."),
    ] = None,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Only make its environment, while there is a network."),
    ] = False,
    tls_ca: tls_files.Ca = None,
    tls_cert: tls_files.Certificate = None,
    tls_key: tls_files.Key = None,
) -> None:
    """Open p4runtime-shell on a running switch.

    It lives in an environment of its own, made on first use: what it needs cannot share one with
    Hectograph.
    """
    from hectograph.cli.shell_environment import python

    if prepare:
        python()
        return
    tls = tls_files.given(tls_ca, tls_cert, tls_key)
    _reach(grpc_addr, tls)
    code = sys.stdin.read() if execute == "-" else execute
    high, low = divmod(election_id, 1 << 64)
    program = (
        ["-m", "p4runtime_sh"]
        if code is None
        else [str(Path(__file__).with_name("shell_script.py")), code]
    )
    arguments = [
        *("--grpc-addr", grpc_addr),
        *("--device-id", str(device_id)),
        *("--election-id", f"{high},{low}"),
        *(_tls_arguments(tls) if tls else ()),
    ]
    interpreter = str(python())
    sys.stdout.flush()
    os.execv(interpreter, [interpreter, *program, *arguments])  # noqa: S606


def _tls_arguments(tls: Tls) -> list[str]:
    arguments = ["--ssl", "--cacert", tls.ca]
    if tls.certificate is not None and tls.key is not None:
        arguments += ["--cert", tls.certificate, "--private-key", tls.key]
    return arguments


def _reach(grpc_addr: str, tls: Tls | None) -> None:
    """p4runtime-shell itself says little about a switch that is not there, or lets nobody in."""
    path = grpc_addr.removeprefix("unix:")
    host, _, port = grpc_addr.rpartition(":")
    if path == grpc_addr and (not host or not port.isdecimal()):
        raise InvalidInput(f"{grpc_addr!r} is neither HOST:PORT nor unix:PATH", where="--grpc-addr")
    try:
        if path != grpc_addr:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(path)
        else:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise Unavailable(f"no switch: {error}", where=grpc_addr) from error
    if tls is not None and (reason := _tls_refusal(tls, grpc_addr)):
        raise Unavailable(reason, where=grpc_addr)


def _tls_refusal(tls: Tls, grpc_addr: str) -> str | None:
    import asyncio

    from hectograph.drivers import tls as driver

    async def refusal() -> str | None:
        secured = await driver.read(tls)
        return secured and await driver.refusal(secured, grpc_addr)

    return asyncio.run(refusal())
