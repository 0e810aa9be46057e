# SPDX-License-Identifier: Apache-2.0
"""What an expression can be, and how a header is named: alone, by its stack, by its union."""

from dataclasses import dataclass
from typing import TypeAlias

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.headers import Headers, field_of
from hectograph.switch.compiler.frontend.reader import Node


@dataclass(frozen=True, slots=True)
class UnionValue:
    """A header union, as its headers."""

    headers: tuple[ir.HeaderRef, ...]


Reference: TypeAlias = ir.Header | ir.Element | UnionValue | ir.Stack
Expression: TypeAlias = ir.Data | ir.Bool | Reference
REFERENCES = (ir.Header, ir.Element, UnionValue, ir.Stack)


def at(stack: ir.Stack, index: ir.Data) -> ir.Header | ir.Element | UnionValue:
    """An element of a stack; where the index is constant, the header or union itself."""
    number = index.value if isinstance(index, ir.Constant) else stack.size
    if 0 <= number < stack.size:
        element = stack.elements[number]
        return UnionValue(element.headers) if isinstance(element, ir.Union) else element
    columns = len(stack.rows[0])
    elements = tuple(ir.Element(stack, index, column) for column in range(columns))
    return UnionValue(elements) if isinstance(stack.elements[0], ir.Union) else elements[0]


def field(of: ir.HeaderRef, of_type: ir.Field) -> ir.Lvalue:
    if isinstance(of, ir.Header):
        return ir.FieldValue(of, of_type)
    return ir.ElementField(of, of_type)


def stack_field(headers: Headers, reference: Node) -> ir.Lvalue:
    """[stack, field] of a stack's last header."""
    name, field_name = reference.pair()
    found = at(stack := headers.stack(name), ir.LastIndex(stack))
    if isinstance(found, UnionValue):
        name.invalid(f"'{stack.name}' is a stack of unions")
    return field(found, field_of(found.type, field_name))


def union_stack_field(headers: Headers, reference: Node) -> ir.Lvalue:
    """[stack, header, field] of a stack's last union."""
    parts = reference.items()
    if len(parts) != 3:
        reference.invalid("is not an array of three")
    name, member, field_name = parts
    stack = headers.stack(name)
    column = headers.column(stack, member)
    element = ir.Element(stack, ir.LastIndex(stack), column)
    return field(element, field_of(element.type, field_name))


def unions_equal(left: UnionValue, right: UnionValue, node: Node) -> ir.Bool:
    """The same header is valid in both, and its fields are the same."""
    if [each.type for each in left.headers] != [each.type for each in right.headers]:
        node.invalid("compares unions of different types")
    pairs = zip(left.headers, right.headers, strict=True)
    return any_of([ir.HeadersEqual(ours, theirs) for ours, theirs in pairs])


def any_of(terms: list[ir.Bool]) -> ir.Bool:
    found: ir.Bool = ir.Truth(False)
    for number, term in enumerate(terms):
        found = ir.Logical("or", found, term) if number else term
    return found
