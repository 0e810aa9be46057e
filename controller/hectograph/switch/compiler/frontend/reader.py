# SPDX-License-Identifier: Apache-2.0
"""Reading JSON with its places, so that every error can say where it is."""

import json
import re
from collections.abc import Iterator
from typing import NoReturn, TypeAlias

from hectograph.errors import InvalidInput, UnsupportedFeature

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_HEXSTR = re.compile(r"(-?)(?:0x)?([0-9a-fA-F]+)")


class Node:
    """A value in the JSON, the path that leads to it and the source line it came from."""

    __slots__ = ("path", "source", "value")

    def __init__(self, value: Json, path: str, source: str = "") -> None:
        self.value = value
        self.path = path
        self.source = source
        """``file:line`` of the nearest enclosing object that p4c gave one."""
        if isinstance(value, dict):
            self.source = _source(value.get("source_info")) or source

    @property
    def where(self) -> str:
        return f"{self.path} ({self.source})" if self.source else self.path

    def invalid(self, message: str) -> NoReturn:
        raise InvalidInput(message, where=self.where)

    def unsupported(self, feature: str) -> NoReturn:
        """Refuse by name what the JSON asks for here."""
        raise UnsupportedFeature(f"{feature}: not supported", where=self.where)

    def find(self, key: str) -> "Node | None":
        """The member with that key; None when it is absent or null."""
        value = self._object().get(key)
        return None if value is None else self._child(value, f".{key}")

    def __getitem__(self, key: str) -> "Node":
        return self.find(key) or self.invalid(f"has no '{key}'")

    def items(self) -> "list[Node]":
        if not isinstance(self.value, list):
            self.invalid("is not an array")
        return [self._child(item, f"[{_label(item, n)}]") for n, item in enumerate(self.value)]

    def pair(self) -> "tuple[Node, Node]":
        items = self.items()
        if len(items) != 2:
            self.invalid("is not an array of two")
        return items[0], items[1]

    def array(self, key: str) -> "list[Node]":
        """The items of the array with that key; none when it is absent."""
        member = self.find(key)
        return [] if member is None else member.items()

    def members(self) -> "Iterator[tuple[str, Node]]":
        for key, value in self._object().items():
            yield key, self._child(value, f".{key}")

    def string(self) -> str:
        return self.value if isinstance(self.value, str) else self.invalid("is not a string")

    def boolean(self) -> bool:
        """p4c writes some as 0 and 1."""
        if isinstance(self.value, bool) or self.value in (0, 1):
            return bool(self.value)
        return self.invalid("is not a boolean")

    def integer(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.invalid("is not an integer")
        return self.value

    def natural(self) -> int:
        return self.integer() if self.integer() >= 0 else self.invalid("is negative")

    def flag(self, key: str, *, default: bool = False) -> bool:
        member = self.find(key)
        return default if member is None else member.boolean()

    def hexstr(self) -> int:
        """BMv2's hexstr: an integer of any size in hexadecimal."""
        match = _HEXSTR.fullmatch(self.string())
        if match is None:
            self.invalid(f"'{self.string()}' is not a hexadecimal number")
        value = int(match[2], 16)
        return -value if match[1] else value

    def octets(self, count: int) -> int:
        """A hexstr that is exactly `count` bytes long, as one unsigned integer."""
        match = _HEXSTR.fullmatch(self.string())
        if match is None or match[1] or (len(match[2]) + 1) // 2 != count:
            self.invalid(f"'{self.string()}' is not {count} byte(s) in hexadecimal")
        return int(match[2], 16)

    def _object(self) -> dict[str, Json]:
        return self.value if isinstance(self.value, dict) else self.invalid("is not an object")

    def _child(self, value: Json, step: str) -> "Node":
        return Node(value, f"{self.path}{step}".removeprefix("."), self.source)


def read(text: str | bytes, name: str) -> Node:
    """The root of a JSON document; `name` is what errors call it."""
    try:
        # p4c writes the control characters of a log_msg() as they are.
        value: Json = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"is not JSON: {error}", where=name) from None
    if not isinstance(value, dict):
        raise InvalidInput("is not a JSON object", where=name)
    return Node(value, "")


def _label(item: Json, index: int) -> str:
    """What a person calls an array's item: its name where it has one."""
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else str(index)


def _source(info: Json) -> str:
    if not isinstance(info, dict):
        return ""
    file, line = info.get("filename"), info.get("line")
    return f"{file}:{line}" if isinstance(file, str) and isinstance(line, int) else ""
