# SPDX-License-Identifier: Apache-2.0
"""Checksums, and the program as a whole."""

from dataclasses import dataclass

from hectograph.switch.compiler.ir.actions import Counter, Digest, FieldList, Meter, Register
from hectograph.switch.compiler.ir.calculations import Calculation
from hectograph.switch.compiler.ir.expressions import Bool, FieldValue
from hectograph.switch.compiler.ir.headers import Header, Stack, Union
from hectograph.switch.compiler.ir.parser import Parser
from hectograph.switch.compiler.ir.tables import ActionProfile, Pipeline


@dataclass(frozen=True, slots=True, eq=False)
class Checksum:
    name: str
    target: FieldValue
    calculation: Calculation
    condition: Bool
    update: bool
    verify: bool
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    headers: tuple[Header, ...]
    unions: tuple[Union, ...]
    stacks: tuple[Stack, ...]
    errors: dict[str, int]
    parser: Parser
    ingress: Pipeline
    egress: Pipeline
    deparser: tuple[Header, ...]
    checksums: tuple[Checksum, ...]
    counters: tuple[Counter, ...]
    meters: tuple[Meter, ...]
    registers: tuple[Register, ...]
    digests: tuple[Digest, ...]
    field_lists: tuple[FieldList, ...]
    profiles: tuple[ActionProfile, ...]
    calculations: tuple[Calculation, ...]
    """Those that actions and selectors name."""
    name: str = ""
    """Of the P4 source."""
