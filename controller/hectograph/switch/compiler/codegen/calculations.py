# SPDX-License-Identifier: Apache-2.0
"""Calculations: a C function each, of the PHV and, where it counts, the payload."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from hectograph.errors import UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.bits import Item, cut, store, words
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.deparser import field_item
from hectograph.switch.compiler.codegen.kinds import bare, constant
from hectograph.switch.compiler.codegen.layout import Layout

_Part: TypeAlias = ir.FieldValue | ir.Bits
_Group: TypeAlias = tuple[ir.Header | None, list[_Part]]
"""Inputs that are there if that header is valid; None: always."""
_Lines: TypeAlias = Callable[[list[_Part]], Iterator[str]]


def hash_name(number: int) -> str:
    """The function of the program's calculation `number`: called anywhere, defined here."""
    return f"hash_{number}"


def call(name: str, of: ir.Calculation) -> str:
    return f"{name}(phv, ctx)" if of.payload else f"{name}(phv)"


class CalculationCode:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def function(self, name: str, of: ir.Calculation, sure: set[ir.Header]) -> list[str]:
        """`sure` are headers that are valid whenever it is called."""
        groups = list(_groups(of.inputs, sure))
        varbits = any(map(_is_varbit, of.inputs))
        if of.algorithm == "csum16":
            # Left out, a header shifts what follows by its length: no matter where
            # that is a whole number of words.
            static = all(header is None or _bits(parts) % 16 == 0 for header, parts in groups)
            body = self._sum(groups, of) if static and not varbits else self._string_sum(groups, of)
        elif of.payload and of.algorithm not in ("crc16", "crc32"):
            raise UnsupportedFeature(f"{of.algorithm} over the payload: not supported")
        elif all(header is None for header, _ in groups) and not varbits:
            body = self._fixed(of)
        else:
            body = self._string(groups, of)
        kind = "uint16_t" if of.algorithm == "csum16" else "uint64_t"
        parameters = "const struct phv *phv"
        parameters += ", const struct hg_context *ctx" if of.payload else ""
        return function(f"static {kind} {name}({parameters})", ("phv",), body)

    def hashes(self, program: ir.Program, used: set[ir.Calculation]) -> list[str]:
        lines: list[str] = []
        for number, each in enumerate(program.calculations):
            if each in used:
                lines += self.function(hash_name(number), each, set())
        return lines

    def bits(self, of: ir.Calculation) -> int:
        """Of what it gives."""
        return {"crc32": 32, "identity": 64}.get(of.algorithm, 16)

    # ---- RFC 1071's checksum -------------------------------------------------

    def _sum(self, groups: list[_Group], of: ir.Calculation) -> list[str]:
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
        if of.payload:
            odd = "true" if 0 < sum(item.bits for item in always) % 16 <= 8 else "false"
            lines.append(f"\tsum += hg_payload_sum(ctx->payload, ctx->payload_bytes, {odd});")
        return [*lines, "\treturn (uint16_t)~hg_fold(sum);"]

    def _string_sum(self, groups: list[_Group], of: ir.Calculation) -> list[str]:
        lines = ["\tstruct hg_bits bits = { 0 };", ""]
        lines += self._guarded(groups, self._summed)
        if of.payload:
            lines.append("\thg_bits_add_payload(&bits, ctx->payload, ctx->payload_bytes);")
        return [*lines, "\treturn (uint16_t)~hg_bits_fold(&bits);"]

    def _summed(self, parts: list[_Part]) -> Iterator[str]:
        for varbit, run in groupby(parts, _is_varbit):
            if not varbit:
                for text, size in _pieces([self._item(part) for part in run]):
                    yield f"hg_bits_add(&bits, {text}, {size});"
                continue
            for field in self._varbits(run):
                yield f"hg_bits_add_bytes(&bits, {field}.data, {field}.bytes);"

    # ---- hashes, of bytes ------------------------------------------------------

    def _fixed(self, of: ir.Calculation) -> list[str]:
        """The last byte is filled up with zero bits."""
        items = [self._item(part) for part in of.inputs]
        total = sum(item.bits for item in items)
        items.append(Item("", -total % 8, 8))
        size = (total + 7) // 8
        lines = [f"\tuint8_t bytes[{size + 1}];", ""]
        lines += [f"\t{store('bytes', first, bits, text)}" for first, bits, text in words(items)]
        return [*lines, self._return(of, str(size))]

    def _string(self, groups: list[_Group], of: ir.Calculation) -> list[str]:
        size = (_bits(of.inputs) + 7) // 8
        lines = [f"\tuint8_t bytes[{size + 1}] = {{ 0 }};", "\tuint32_t bits = 0;", ""]
        lines += self._guarded(groups, self._put)
        return [*lines, self._return(of, "(bits + 7) / 8")]

    def _return(self, of: ir.Calculation, size: str) -> str:
        payload = "ctx->payload, ctx->payload_bytes" if of.payload else "NULL, 0"
        more = f", {payload}" if of.algorithm in ("crc16", "crc32") else ""
        return f"\treturn hg_{of.algorithm}(bytes, {size}{more});"

    def _put(self, parts: list[_Part]) -> Iterator[str]:
        for varbit, run in groupby(parts, _is_varbit):
            if not varbit:
                for text, size in _pieces([self._item(part) for part in run]):
                    yield f"bits = hg_put_bits(bytes, bits, {text}, {size});"
                continue
            for field in self._varbits(run):
                yield f"bits = hg_put_bytes(bytes, bits, {field}.data, {field}.bytes);"

    # ---- inputs -----------------------------------------------------------------

    def _guarded(
        self, groups: list[_Group], lines: Callable[[list[_Part]], Iterator[str]]
    ) -> Iterator[str]:
        for header, parts in groups:
            if header is None:
                yield from (f"\t{line}" for line in lines(parts))
            else:
                yield f"\tif ({self._layout.valid(header)}) {{"
                yield from (f"\t\t{line}" for line in lines(parts))
                yield "\t}"

    def _varbits(self, parts: Iterable[_Part]) -> list[str]:
        return [self._layout.field(part) for part in parts if isinstance(part, ir.FieldValue)]

    def _item(self, part: _Part) -> Item:
        if isinstance(part, ir.Bits):
            return Item(constant(part.value), part.bits, 128 if part.bits > 64 else 64)
        return field_item(self._layout.field(part), part.field)


def _groups(inputs: tuple[_Part, ...], sure: set[ir.Header]) -> Iterator[_Group]:
    def header(part: _Part) -> ir.Header | None:
        if isinstance(part, ir.Bits) or part.header.metadata or part.header in sure:
            return None
        return part.header

    for of, parts in groupby(inputs, header):
        yield of, list(parts)


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
