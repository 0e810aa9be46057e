# SPDX-License-Identifier: Apache-2.0
"""Headers, the stacks and unions that they are in, and their fields."""

from dataclasses import dataclass

STANDARD = "standard_metadata"
"""The header that v1model's intrinsic metadata is in."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    bits: int
    """Of a varbit, the most that it can have."""
    signed: bool
    offset: int
    """Bits from the header's start; a varbit before it counts as empty."""
    varbit: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class HeaderType:
    name: str
    fields: tuple[Field, ...]
    declared: tuple[str, ...]
    """The names of the fields as the program has them: a very wide one is several here."""
    empty: frozenset[str] = frozenset()
    """Those of bit<0>, which are no fields here: they are 0 and stay so."""

    @property
    def varbit(self) -> Field | None:
        """There is at most one."""
        return next((each for each in self.fields if each.varbit), None)

    @property
    def bits(self) -> int:
        """Without what a varbit adds."""
        return sum(each.bits for each in self.fields if not each.varbit)

    @property
    def bytes(self) -> int:
        return self.bits // 8

    @property
    def max_bytes(self) -> int:
        return self.bytes + (self.varbit.bits // 8 if self.varbit else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    name: str
    type: HeaderType
    metadata: bool
    """Always valid, never in a packet."""


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """At most one of its headers is valid."""

    name: str
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Headers of one type, or unions of one type, and how many of them were extracted."""

    name: str
    elements: tuple[Header | Union, ...]

    @property
    def size(self) -> int:
        return len(self.elements)

    @property
    def rows(self) -> tuple[tuple[Header, ...], ...]:
        """The headers of each element: one, or those of its union."""
        return tuple(each.headers if isinstance(each, Union) else (each,) for each in self.elements)

    @property
    def headers(self) -> tuple[Header, ...]:
        return tuple(header for row in self.rows for header in row)
