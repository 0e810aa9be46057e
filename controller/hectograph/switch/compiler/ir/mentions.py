# SPDX-License-Identifier: Apache-2.0
"""What a part of a program names."""

from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass

from hectograph.switch.compiler.ir.expressions import Element, FieldValue
from hectograph.switch.compiler.ir.headers import Header, Stack, Union

_WHOLE = (FieldValue, Header, Stack, Union)
"""Parts whose own parts are the program's declarations."""


def parts(part: object) -> Iterator[object]:
    """It and all that it is made of."""
    yield part
    if isinstance(part, Element):
        yield from parts(part.index)
    elif is_dataclass(part) and not isinstance(part, (type, *_WHOLE)):
        for member in dataclass_fields(part):
            yield from parts(getattr(part, member.name))
    elif isinstance(part, dict):
        for item in part.values():  # pyright: ignore[reportUnknownVariableType]
            yield from parts(item)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(part, tuple):
        for item in part:  # pyright: ignore[reportUnknownVariableType]
            yield from parts(item)  # pyright: ignore[reportUnknownArgumentType]


def mentions(part: object) -> Iterator[FieldValue | Header | Stack]:
    """Fields, headers that are named as such, and stacks, wherever they stand in it.

    An element of a stack is any of them; a stack by itself is its count.
    """
    for each in parts(part):
        if isinstance(each, (FieldValue, Header, Stack)):
            yield each
        elif isinstance(each, Union):
            yield from each.headers
        elif isinstance(each, Element):
            yield from each.possible
