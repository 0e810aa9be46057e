# SPDX-License-Identifier: Apache-2.0
"""A parser state's transitions: its keys, and the cases that they are compared with."""

from collections.abc import Callable
from typing import TypeAlias

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.bits import load
from hectograph.switch.compiler.codegen.block import Goto, Line, deeper
from hectograph.switch.compiler.codegen.deparser import field_item
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.kinds import bare, constant, number
from hectograph.switch.compiler.codegen.layout import Layout, c_type
from hectograph.switch.compiler.codegen.valuesets import is_member

Need: TypeAlias = Callable[[str], list[Line]]
"""Leaves the parser unless so many bytes of the packet are left."""


class SelectCode:
    def __init__(
        self,
        layout: Layout,
        program: ir.Program,
        expressions: Expressions,
        need: Need,
        label: Callable[[str | None], str],
    ) -> None:
        self._layout = layout
        self._value_sets = {each: n for n, each in enumerate(program.parser.value_sets)}
        self._expressions = expressions
        self._need = need
        self._label = label

    def select(self, state: ir.ParserState) -> list[Line]:
        default = Goto(self._label(state.default))
        if not state.cases:
            return [default]
        lines: list[Line] = []
        keys: list[str] = []
        for index, key in enumerate(state.keys):
            if isinstance(key, ir.Lookahead):
                name = f"key{index}"
                lines += self._need(str(end(key)))
                kind = c_type(128 if key.bits > 64 else 64)
                lines.append(f"\tconst {kind} {name} = {bare(look_text(key))};")
                keys.append(name)
            elif isinstance(key, ir.Validity):
                keys.append(self._layout.valid(key.header))
            else:
                keys.append(field_item(self._expressions.raw(key), key.field).text)
        if any(isinstance(key, ir.Lookahead) for key in state.keys):
            lines = ["\t{", *deeper([*lines, *self._cases(state, keys)]), "\t}"]
        else:
            lines += self._cases(state, keys)
        return [*lines, default]

    def _cases(self, state: ir.ParserState, keys: list[str]) -> list[Line]:
        constant_cases = [each for each in state.cases if isinstance(each, ir.SelectCase)]
        possible = [case for case in constant_cases if _can_match(case, state.keys)]
        bits = ir.key_bits(state.keys[0])
        if (
            len(keys) == 1
            and 1 < bits <= 64
            and len(constant_cases) == len(state.cases)
            and all(_covers(case.masks[0], bits) for case in possible)
        ):
            return self._switch(possible, keys[0])
        lines: list[Line] = []
        for case in state.cases:
            if isinstance(case, ir.ValueSetCase):
                condition = is_member(self._value_sets[case.value_set], keys)
            elif case not in possible:
                continue
            else:
                condition = " && ".join(_tests(case, state.keys, keys)) or "true"
            lines.append(Goto(self._label(case.next), f"\tif ({condition})\n\t\t"))
        return lines

    def _switch(self, cases: list[ir.SelectCase], key: str) -> list[Line]:
        lines: list[Line] = [f"\tswitch ({bare(key)}) {{"] if cases else []
        seen: set[int] = set()
        for case in cases:
            if case.values[0] in seen:
                continue
            seen.add(case.values[0])
            lines += [
                f"\tcase {number(case.values[0])}:",
                Goto(self._label(case.next), "\t\t"),
            ]
        return [*lines, "\t}"] if cases else []


def end(look: ir.Lookahead) -> int:
    """Bytes that must be left to look so far ahead."""
    return (look.offset + look.bits + 7) // 8


def look_text(look: ir.Lookahead) -> str:
    return load("(frame + at)", look.offset, look.bits, end(look))


def _covers(mask: int, bits: int) -> bool:
    return mask & ((1 << bits) - 1) == (1 << bits) - 1


def _can_match(case: ir.SelectCase, keys: tuple[ir.SelectKey, ...]) -> bool:
    """Keys are padded with zero bits, which a value may wrongly want set."""
    return all(value >> ir.key_bits(key) == 0 for value, key in zip(case.values, keys, strict=True))


def _tests(case: ir.SelectCase, keys: tuple[ir.SelectKey, ...], texts: list[str]) -> list[str]:
    tests: list[str] = []
    for value, mask, key, text in zip(case.values, case.masks, keys, texts, strict=True):
        bits = ir.key_bits(key)
        if _covers(mask, bits):
            tests.append(f"{text} == {constant(value)}")
        elif mask & ((1 << bits) - 1):
            tests.append(f"({text} & {constant(mask & (1 << bits) - 1)}) == {constant(value)}")
    return tests
