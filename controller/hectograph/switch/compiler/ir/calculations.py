# SPDX-License-Identifier: Apache-2.0
"""Hashes and checksums: an algorithm over parts of a packet."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hectograph.switch.compiler.ir.expressions import FieldValue

Algorithm: TypeAlias = Literal["csum16", "crc16", "crc32", "identity", "xor16"]


@dataclass(frozen=True, slots=True)
class Bits:
    """A constant of a known width."""

    value: int
    bits: int


@dataclass(frozen=True, slots=True, eq=False)
class Calculation:
    """Over the inputs, put together without padding between them; of a header that is not
    valid nothing is there."""

    name: str
    algorithm: Algorithm
    inputs: tuple[FieldValue | Bits, ...]
    payload: bool
    """Behind them, from the next byte on, what the parser left of the packet."""
