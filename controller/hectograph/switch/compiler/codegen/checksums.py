# SPDX-License-Identifier: Apache-2.0
"""RFC 1071 checksums, verified after the parser and updated after egress."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from hectograph.errors import HectographError, UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.bits import Item, cut
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.deparser import field_item
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.kinds import bare, constant
from hectograph.switch.compiler.codegen.layout import Layout
from hectograph.switch.compiler.codegen.names import Names

_Part: TypeAlias = ir.FieldValue | ir.Bits


class ChecksumCode:
    def __init__(self, layout: Layout, program: ir.Program) -> None:
        self._layout = layout
        self._expressions = Expressions(layout)
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
        return f"{self._names[checksum]}(phv)"

    def _computed(self, checksum: ir.Checksum) -> str:
        field = checksum.target.field
        if field.signed:
            raise UnsupportedFeature(
                "a checksum in a signed field: not supported", where=checksum.where
            )
        mask = (1 << field.bits) - 1
        return self._call(checksum) + ("" if field.bits >= 16 else f" & {constant(mask)}")

    def _function(self, checksum: ir.Checksum) -> list[str]:
        sure = _sure(checksum)
        groups = list(self._groups(checksum, sure))
        # Left out, a header shifts what follows by its length: no matter where
        # that is a whole number of words.
        static = all(header is None or _bits(parts) % 16 == 0 for header, parts in groups)
        varbits = any(_is_varbit(part) for part in checksum.inputs)
        try:
            body = self._words(groups) if static and not varbits else self._string(groups)
        except HectographError as error:
            error.where = error.where or checksum.where
            raise
        head = f"static uint16_t {self._names[checksum]}(const struct phv *phv)"
        return function(head, ("phv",), body)

    def _groups(
        self, checksum: ir.Checksum, sure: set[ir.Header]
    ) -> Iterator[tuple[ir.Header | None, list[_Part]]]:
        """Runs of inputs that are there if that header is valid; None: always."""

        def header(part: _Part) -> ir.Header | None:
            if isinstance(part, ir.Bits) or part.header.metadata or part.header in sure:
                return None
            return part.header

        for of, parts in groupby(checksum.inputs, header):
            yield of, list(parts)

    def _item(self, part: _Part) -> Item:
        if isinstance(part, ir.Bits):
            return Item(constant(part.value), part.bits, 128 if part.bits > 64 else 64)
        return field_item(self._layout.field(part), part.field)

    def _words(self, groups: list[tuple[ir.Header | None, list[_Part]]]) -> list[str]:
        """Where no bit's place in its word depends on what is left out."""
        lines = ["\tuint64_t sum = 0;", ""]
        always: list[Item] = []
        for header, parts in groups:
            items = [self._item(part) for part in parts]
            if header is None:
                always += items
                continue
            before = Item("", sum(item.bits for item in always) % 16, 8)
            lines += [
                f"\tif ({self._layout.valid(header)}) {{",
                *(f"\t\tsum += {word};" for word in _sum_words([before, *items])),
                "\t}",
            ]
        lines += [f"\tsum += {word};" for word in _sum_words(always)]
        return [*lines, "\treturn (uint16_t)~hg_fold(sum);"]

    def _string(self, groups: list[tuple[ir.Header | None, list[_Part]]]) -> list[str]:
        lines = ["\tstruct hg_bits bits = { 0 };", ""]
        for header, parts in groups:
            inner = self._added(parts)
            if header is None:
                lines += [f"\t{line}" for line in inner]
            else:
                opening = f"\tif ({self._layout.valid(header)}) {{"
                lines += [opening, *(f"\t\t{line}" for line in inner), "\t}"]
        return [*lines, "\treturn (uint16_t)~hg_bits_fold(&bits);"]

    def _added(self, parts: list[_Part]) -> Iterator[str]:
        for varbit, run in groupby(parts, _is_varbit):
            if not varbit:
                for text, size in _pieces([self._item(part) for part in run]):
                    yield f"hg_bits_add(&bits, {text}, {size});"
                continue
            for part in run:
                if isinstance(part, ir.FieldValue):
                    field = self._layout.field(part)
                    yield f"hg_bits_add_bytes(&bits, {field}.data, {field}.bytes);"


def _is_varbit(part: _Part) -> bool:
    return isinstance(part, ir.FieldValue) and part.field.varbit


def _bits(parts: Iterable[_Part]) -> int:
    return sum(part.bits if isinstance(part, ir.Bits) else part.field.bits for part in parts)


def _pieces(items: Sequence[Item]) -> Iterator[tuple[str, int]]:
    """The items in pieces of at most 32 bits."""
    total = sum(item.bits for item in items)
    for at in range(0, total, 32):
        size = min(32, total - at)
        yield bare(cut(items, at, size)), size


def _sum_words(items: Sequence[Item]) -> Iterator[str]:
    """What to add: pairs of 16-bit words, the last filled up with zero bits."""
    for text, size in _pieces(items):
        filler = -size % 16
        yield f"(uint64_t)({text}) << {filler}" if filler else text


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
