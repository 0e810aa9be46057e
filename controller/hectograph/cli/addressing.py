# SPDX-License-Identifier: Apache-2.0
"""Where a switch's contents are found, as options of `switches add` and `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hectograph.cli.remote import build
from hectograph.errors import InvalidInput

if TYPE_CHECKING:
    from hectograph.api.models import AddressingSpec

FIRST_PORT = 8001
MAC = "02:48:47:00:00:01"
"""Locally administered (IEEE 802, 8.4.2), and not a host's or a group's default."""

Prefix = Annotated[
    str | None,
    typer.Option(
        "--content-prefix",
        metavar="IPV6/LENGTH",
        help="Each content gets an address of its own in it.",
    ),
]
Ipv4 = Annotated[
    str | None,
    typer.Option(
        "--content-ipv4", metavar="ADDRESS", help="Each content gets a port of its own there."
    ),
]
FirstPort = Annotated[
    int, typer.Option("--content-first-port", help="Of the first content, with --content-ipv4.")
]
Mac = Annotated[
    str, typer.Option("--content-mac", metavar="MAC", help="Of all contents' addresses.")
]


def addressing(
    prefix: str | None, ipv4: str | None, first_port: int, mac: str
) -> AddressingSpec | None:
    """None: the switch has no contents."""
    from hectograph.api.models import AddressingSpec

    if prefix is None and ipv4 is None:
        for option, changed in (
            ("--content-first-port", first_port != FIRST_PORT),
            ("--content-mac", mac != MAC),
        ):
            if changed:
                raise InvalidInput("needs --content-prefix or --content-ipv4", where=option)
        return None
    return build(AddressingSpec, mac=mac, ipv6=prefix, ipv4=ipv4, ipv4_first_port=first_port)


def addressing_text(spec: AddressingSpec) -> str:
    where = [f"{spec.ipv6}, port 80"] if spec.ipv6 else []
    if spec.ipv4:
        where.append(f"{spec.ipv4}, ports {spec.ipv4_first_port} up")
    return "; ".join(where)
