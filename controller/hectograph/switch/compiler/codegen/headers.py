# SPDX-License-Identifier: Apache-2.0
"""Statements over whole headers, unions, stacks and varbits."""

from typing import TypeAlias

from hectograph.errors import UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.layout import Layout

HeaderStatement: TypeAlias = (
    ir.AddHeader
    | ir.RemoveHeader
    | ir.CopyHeaders
    | ir.CopyStack
    | ir.Push
    | ir.Pop
    | ir.AssignVarbit
)


class HeaderStatements:
    def __init__(self, layout: Layout, expressions: Expressions) -> None:
        self._layout = layout
        self._expressions = expressions

    def statement(self, statement: HeaderStatement) -> list[str]:
        if isinstance(statement, ir.AddHeader):
            return self._add(statement.header)
        if isinstance(statement, ir.RemoveHeader):
            return self._remove(statement.header)
        if isinstance(statement, ir.CopyHeaders):
            pairs = zip(statement.targets, statement.sources, strict=True)
            return [line for target, source in pairs for line in self._copy(target, source)]
        if isinstance(statement, ir.CopyStack):
            return self._copy_stack(statement.target, statement.source)
        if isinstance(statement, ir.Push):
            return self._push(statement.stack, statement.count)
        if isinstance(statement, ir.Pop):
            return self._pop(statement.stack, statement.count)
        return self._assign_varbit(statement.target, statement.source)

    def _assign_varbit(self, target: ir.Lvalue, source: ir.Lvalue) -> list[str]:
        to, of = self._expressions.raw(target), self._expressions.raw(source)
        return self._expressions.store(target, f"{to} = {of};") if to != of else []

    def displaced(self, header: ir.HeaderRef) -> list[str]:
        """A header that becomes valid makes the others of its union invalid."""
        if isinstance(header, ir.Header):
            others = [self._layout.member(each) for each in self._layout.siblings(header)]
        else:
            columns = range(len(header.stack.rows[0]))
            elements = [ir.Element(header.stack, header.index, column) for column in columns]
            others = [self._expressions.member(each) for each in elements if each != header]
        return [f"{other}.valid = false;" for other in others]

    def _add(self, header: ir.HeaderRef) -> list[str]:
        """BMv2 clears a header that was not valid, and keeps one that was."""
        if header.metadata:
            return []
        member = self._expressions.member(header)
        return [
            f"if ({self._and_exists(f'!{member}.valid', header)}) {{",
            f"\t{member} = ({self._layout.struct(header.type)}){{ .valid = true }};",
            *(f"\t{line}" for line in self.displaced(header)),
            f"\tphv->packet_bytes += {header.type.bytes};",
            "}",
        ]

    def _remove(self, header: ir.HeaderRef) -> list[str]:
        if header.metadata:
            return []
        member = self._expressions.member(header)
        return [
            f"if ({member}.valid) {{",
            f"\t{member}.valid = false;",
            f"\tphv->packet_bytes -= {self._bytes(header)};",
            "}",
        ]

    def _bytes(self, header: ir.HeaderRef) -> str:
        """Of a valid header."""
        varbit = header.type.varbit
        if varbit is None:
            return str(header.type.bytes)
        name = self._layout.field_name(header.type, varbit)
        return f"{header.type.bytes}u + {self._expressions.member(header)}.{name}.bytes"

    def _copy(self, target: ir.HeaderRef, source: ir.HeaderRef) -> list[str]:
        """Of a header that is not valid BMv2 copies just that; the length stays as it is."""
        if target == source:
            return []
        if target.metadata or source.metadata:
            raise UnsupportedFeature("copying metadata as a whole: not supported")
        to, of = self._expressions.member(target), self._expressions.member(source)
        displaced = self.displaced(target)
        assign = [f"{to} = {of};", *displaced]
        lines = [
            f"if ({of}.valid){' {' if displaced else ''}",
            *(f"\t{line}" for line in assign),
            f"{'} ' if displaced else ''}else",
            f"\t{to}.valid = false;",
        ]
        exists = self._expressions.exists(target)
        return [f"if ({exists}) {{", *(f"\t{line}" for line in lines), "}"] if exists else lines

    def _and_exists(self, condition: str, header: ir.HeaderRef) -> str:
        exists = self._expressions.exists(header)
        return f"{exists} && {condition}" if exists else condition

    # ---- stacks -------------------------------------------------------------

    def _copy_stack(self, target: ir.Stack, source: ir.Stack) -> list[str]:
        if target is source:
            return []
        to, of = self._layout.stack(target), self._layout.stack(source)
        return [
            f"memcpy({to}, {of}, sizeof({to}));",
            f"{self._layout.count(target)} = {self._layout.count(source)};",
        ]

    def _push(self, stack: ir.Stack, count: int) -> list[str]:
        pushed = min(count, stack.size)
        if not pushed:
            return []
        array, counter = self._layout.stack(stack), self._layout.count(stack)
        return [
            *self._move(array, pushed, 0, stack.size - pushed),
            f"memset({array}, 0, {pushed} * sizeof({array}[0]));",
            f"{counter} = hg_slot({counter} + {pushed}, {stack.size});",
        ]

    def _pop(self, stack: ir.Stack, count: int) -> list[str]:
        popped = min(count, stack.size)
        if not popped:
            return []
        array, counter = self._layout.stack(stack), self._layout.count(stack)
        kept = stack.size - popped
        return [
            *self._move(array, 0, popped, kept),
            f"memset(&{array}[{kept}], 0, {popped} * sizeof({array}[0]));",
            f"{counter} -= {counter} < {popped} ? {counter} : {popped};",
        ]

    def _move(self, array: str, to: int, of: int, count: int) -> list[str]:
        if not count:
            return []
        return [f"memmove(&{array}[{to}], &{array}[{of}], {count} * sizeof({array}[0]));"]
