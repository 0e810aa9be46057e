# SPDX-License-Identifier: Apache-2.0
"""The C types that expressions are computed in, and constants in them."""

from dataclasses import dataclass

from hectograph.switch.compiler.codegen.layout import c_type
from hectograph.switch.compiler.codegen.ranges import Range, signed, unsigned


@dataclass(frozen=True, slots=True)
class Kind:
    bits: int
    signed: bool

    @property
    def type(self) -> str:
        return c_type(self.bits, signed=self.signed)

    @property
    def range(self) -> Range:
        return signed(self.bits) if self.signed else unsigned(self.bits)


U64 = Kind(64, signed=False)
I64 = Kind(64, signed=True)
U128 = Kind(128, signed=False)
I128 = Kind(128, signed=True)


def kind_of(values: Range) -> Kind | None:
    """The first of the four that holds them all; None when none does."""
    return next((kind for kind in (U64, I64, U128, I128) if values in kind.range), None)


def number(value: int) -> str:
    """A literal as a person writes it, at most 64 bits and not negative."""
    text = str(value) if value < 10 else hex(value)
    return text if value < 1 << 31 else f"{text}u" if value < 1 << 32 else f"{text}ull"


def literal(value: int, kind: Kind) -> str:
    """A constant whose C type is as wide as the kind, so that it can be shifted in it."""
    if value < 0:
        if value == kind.range.low:  # has no positive counterpart in its type
            return f"(-{literal(-value - 1, kind)} - 1)"
        return f"(-{literal(-value, kind)})"
    if kind.bits == 64:
        return f"{number(value).rstrip('ul')}{'ll' if kind.signed else 'ull'}"
    if value < 1 << 64:
        return f"({kind.type}){number(value)}"
    text = f"HG_U128({number(value >> 64)}, {number(value & (1 << 64) - 1)})"
    return f"({kind.type}){text}" if kind.signed else text


def constant(value: int) -> str:
    """The same for up to 128 bits."""
    return number(value) if value < 1 << 64 else literal(value, U128)


def bare(text: str) -> str:
    """Without the parentheses around the whole, where the context needs none."""
    if not text.startswith("("):
        return text
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[1:-1] if at == len(text) - 1 else text
    return text
