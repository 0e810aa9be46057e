# SPDX-License-Identifier: Apache-2.0
"""What a part of a program names."""

from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass

from hectograph.switch.compiler.ir.expressions import FieldValue, Header


def mentions(part: object) -> Iterator[FieldValue | Header]:
    """Fields, and headers that are named as such, wherever they stand in it."""
    if isinstance(part, (FieldValue, Header)):
        yield part
    elif is_dataclass(part) and not isinstance(part, type):
        for member in dataclass_fields(part):
            yield from mentions(getattr(part, member.name))
    elif isinstance(part, dict):
        for item in part.values():  # pyright: ignore[reportUnknownVariableType]
            yield from mentions(item)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(part, tuple):
        for item in part:  # pyright: ignore[reportUnknownVariableType]
            yield from mentions(item)  # pyright: ignore[reportUnknownArgumentType]
