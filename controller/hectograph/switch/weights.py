# SPDX-License-Identifier: Apache-2.0
"""What the specification says of a selector's sizes, weights and watched ports."""

from collections.abc import Iterable
from typing import TypeAlias

from finsy.proto import p4i, p4r

from hectograph.switch import status
from hectograph.switch.codec import BitString
from hectograph.switch.native import Switch

Weighted: TypeAlias = p4r.ActionProfileGroup.Member | p4r.ActionProfileAction


def check_max_size(info: p4i.ActionProfile, max_size: int, where: str) -> None:
    """Of a new group."""
    if max_size < 0:
        raise status.invalid(f"{where}: a negative max_size")
    if 0 < info.max_group_size < max_size:
        raise status.invalid(f"{where}: max_size {max_size} is above {info.max_group_size}")


def check_weights(info: p4i.ActionProfile, weighted: Iterable[Weighted], where: str) -> None:
    most = info.sum_of_members.max_member_weight
    for each in weighted:
        if info.weights_disallowed:
            if each.weight:
                raise status.invalid(f"{where}: its program allows no weights")
        elif each.weight <= 0:
            raise status.invalid(f"{where}: weight {each.weight} is not positive")
        elif 0 < most < each.weight:
            raise status.invalid(f"{where}: weight {each.weight} is above {most}")


def watched_port(
    each: Weighted, switch: Switch, string: BitString, where: str | None = None
) -> int | None:
    """The port that must be up; None: none. With `where`, it must be a port of the switch."""
    kind = each.WhichOneof("watch_kind")
    if kind is None or (kind == "watch_port" and not each.watch_port):
        return None
    if kind == "watch":
        port = each.watch  # pyright: ignore[reportDeprecated]: clients use it
    else:
        try:
            port = int.from_bytes(string.pad(each.watch_port), "big")
        except ValueError as error:
            raise status.invalid(f"{where}: the watched port has {error}") from None
    if where is not None and not switch.has_port(port):
        raise status.invalid(f"{where}: there is no port {port} to watch")
    return port
