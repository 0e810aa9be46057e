# SPDX-License-Identifier: Apache-2.0
"""Checksums, verified after the parser and updated after egress."""

from hectograph.errors import HectographError, UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.calculations import CalculationCode, call
from hectograph.switch.compiler.codegen.deparser import field_item
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.kinds import bare, constant
from hectograph.switch.compiler.codegen.layout import Layout
from hectograph.switch.compiler.codegen.names import Names


class ChecksumCode:
    def __init__(self, layout: Layout, program: ir.Program) -> None:
        self._layout = layout
        self._expressions = Expressions(layout)
        self._calculations = CalculationCode(layout)
        names = Names()
        self._used = [each for each in program.checksums if each.update or each.verify]
        self._names = {each: names.make(each.name, "checksum_") for each in self._used}

    def functions(self) -> list[str]:
        """A function each that computes it from the PHV."""
        return [line for each in self._used for line in self._function(each)]

    def updates(self) -> list[str]:
        lines: list[str] = []
        for each in self._used:
            if each.update:
                target = self._layout.field(each.target)
                lines += self._guarded([each.condition], [f"{target} = {self._computed(each)};"])
        return lines

    def verifications(self) -> list[str]:
        """BMv2 does not verify what lies in a header that is not there."""
        checks: list[str] = []
        for each in self._used:
            if each.verify:
                conditions: list[ir.Bool] = [ir.IsValid(each.target.header), each.condition]
                target = field_item(self._layout.field(each.target), each.target.field).text
                wrong = f"phv->standard.checksum_error |= {self._call(each)} != {target};"
                checks += self._guarded(conditions, [wrong])
        return ["\tphv->standard.checksum_error = 0;", *checks]

    def _guarded(self, conditions: list[ir.Bool], body: list[str]) -> list[str]:
        tests = [self._expressions.truth(each) for each in conditions]
        needed = [test for test in tests if test != "true"]
        if not needed:
            return [f"\t{line}" for line in body]
        condition = bare(needed[0]) if len(needed) == 1 else " && ".join(needed)
        return [f"\tif ({condition})", *(f"\t\t{line}" for line in body)]

    def _call(self, checksum: ir.Checksum) -> str:
        return call(self._names[checksum], checksum.calculation)

    def _computed(self, checksum: ir.Checksum) -> str:
        field = checksum.target.field
        if field.signed:
            raise UnsupportedFeature(
                "a checksum in a signed field: not supported", where=checksum.where
            )
        mask = (1 << field.bits) - 1
        fits = field.bits >= self._calculations.bits(checksum.calculation)
        return self._call(checksum) + ("" if fits else f" & {constant(mask)}")

    def _function(self, checksum: ir.Checksum) -> list[str]:
        try:
            return self._calculations.function(
                self._names[checksum], checksum.calculation, _sure(checksum)
            )
        except HectographError as error:
            error.where = error.where or checksum.where
            raise


def _sure(checksum: ir.Checksum) -> set[ir.Header]:
    """Headers that are valid whenever the checksum is computed."""
    found: set[ir.Header] = set()
    conditions: list[ir.Bool] = [checksum.condition]
    if checksum.verify and not checksum.update:
        found.add(checksum.target.header)
    while conditions:
        condition = conditions.pop()
        if isinstance(condition, ir.IsValid) and isinstance(condition.header, ir.Header):
            found.add(condition.header)
        elif isinstance(condition, ir.Logical) and condition.op == "and":
            conditions += [condition.left, condition.right]
    return found
