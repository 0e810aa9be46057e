# SPDX-License-Identifier: Apache-2.0
"""What commands that speak to a controller have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from hectograph.errors import InvalidInput

if TYPE_CHECKING:
    from hectograph.api.client import Client
    from hectograph.api.models import Model

    Spec = TypeVar("Spec", bound=Model)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Switch = Annotated[
    str | None, typer.Option("--switch", help="May be left out when there is one only.")
]
Host = Annotated[str | None, typer.Option("--host", help="May be left out when there is one only.")]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Remote:
    """Where the controller is."""

    server: str
    token: str | None


def connect(context: typer.Context) -> Client:
    from hectograph.api.client import Client

    remote = context.find_object(Remote)
    assert remote is not None, "the main callback sets it"
    return Client(remote.server, remote.token)


def only(kind: str, items: Sequence[_Named]) -> str:
    """The name to take when none was given."""
    if len(items) == 1:
        return items[0].name
    known = ", ".join(item.name for item in items) or "none"
    raise InvalidInput(f"say which {kind}: there are {known}", where=f"--{kind}")


def build(kind: type[Spec], **values: object) -> Spec:
    """A specification from the command line's words."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(first["msg"].removeprefix("Value error, "), where=where) from error
