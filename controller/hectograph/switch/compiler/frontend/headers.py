# SPDX-License-Identifier: Apache-2.0
"""Header types, headers, unions and stacks of them, and references to their fields."""

from typing import TypeVar

from hectograph.switch.compiler.frontend.reader import Node
from hectograph.switch.compiler.ir import (
    Field,
    FieldValue,
    Header,
    HeaderType,
    Stack,
    Union,
    Validity,
)

MAX_FIELD_BITS = 128
MAX_HEADER_BYTES = 1 << 12
"""With its varbit."""
VALID = "$valid$"
_PIECE = "#"
"""Between a very wide field's name and where the piece begins."""

_T = TypeVar("_T")


class Headers:
    """The program's headers by name, and what its JSON says about their fields."""

    def __init__(self, root: Node) -> None:
        for item in root.array("extern_instances"):
            item.unsupported("extern instances")
        types = {node["name"].string(): _header_type(node) for node in root.array("header_types")}
        self.by_name: dict[str, Header] = {}
        by_id: dict[int, Header] = {}
        for node in root.array("headers"):
            header = _header(node, types)
            if header.name in self.by_name:
                node.invalid("is declared twice")
            self.by_name[header.name] = by_id[node["id"].integer()] = header
        self._columns = _union_types(root)
        self._union_type: dict[str, str] = {}
        """Of union stacks."""
        self.unions: dict[str, Union] = {}
        self.stacks: dict[str, Stack] = {}
        self._load_unions_and_stacks(root, by_id)

    def _load_unions_and_stacks(self, root: Node, by_id: dict[int, Header]) -> None:
        unions: dict[int, Union] = {}
        for node in root.array("header_unions"):
            made = Union(node["name"].string(), _members(node["header_ids"], by_id))
            self.unions[made.name] = unions[node["id"].integer()] = made
        for node in root.array("header_stacks"):
            self._add_stack(node, _members(node["header_ids"], by_id))
        for node in root.array("header_union_stacks"):
            self._add_stack(node, _members(node["header_union_ids"], unions))
            self._union_type[node["name"].string()] = node["union_type"].string()

    def _add_stack(self, node: Node, elements: tuple[Header, ...] | tuple[Union, ...]) -> None:
        stack = Stack(node["name"].string(), elements)
        if not elements:
            node.invalid("has no elements")
        shapes = {tuple(header.type for header in row) for row in stack.rows}
        if len(shapes) != 1 or any(header.metadata for header in stack.headers):
            node.invalid("has elements of different types, or metadata")
        if stack.name in self.stacks:
            node.invalid("is declared twice")
        self.stacks[stack.name] = stack

    def header(self, name: Node) -> Header:
        found = self.by_name.get(name.string())
        return found or name.invalid(f"'{name.string()}' is not a header")

    def emitted(self, name: Node) -> Header:
        header = self.header(name)
        return name.invalid(f"'{header.name}' is metadata") if header.metadata else header

    def stack(self, name: Node) -> Stack:
        found = self.stacks.get(name.string())
        return found or name.invalid(f"'{name.string()}' is not a header stack")

    def union(self, name: Node) -> Union:
        found = self.unions.get(name.string())
        return found or name.invalid(f"'{name.string()}' is not a header union")

    def column(self, stack: Stack, member: Node) -> int:
        """Where in its unions a stack has the header that is called so."""
        names = self._columns.get(self._union_type.get(stack.name, ""), [])
        if member.string() not in names:
            member.invalid(f"'{stack.name}' has no header '{member.string()}'")
        return names.index(member.string())

    def field(self, reference: Node) -> FieldValue | Validity:
        """A reference [header, field]."""
        header_name, field_name = reference.pair()
        header, name = self.header(header_name), field_name.string()
        if name == VALID:
            if header.metadata:
                reference.unsupported("$valid$ of metadata")
            return Validity(header)
        return FieldValue(header, field_of(header.type, field_name))

    def is_empty(self, reference: Node) -> bool:
        """A field of bit<0>, whose value is 0."""
        header_name, field_name = reference.pair()
        return field_name.string() in self.header(header_name).type.empty

    def target(self, reference: Node) -> FieldValue:
        """A field that is written."""
        found = self.field(reference)
        return found if isinstance(found, FieldValue) else reference.invalid("is read-only")

    def pieces(self, reference: Node) -> tuple[FieldValue, ...]:
        """A field that is written: what is wider than C's integers, piece by piece."""
        header_name, name = reference.pair()
        header = self.header(header_name)
        begin = f"{name.string()}{_PIECE}"
        found = [FieldValue(header, f) for f in header.type.fields if f.name.startswith(begin)]
        if self.is_empty(reference):
            return ()
        return tuple(found) or (self.target(reference),)

    def number(self, reference: Node) -> FieldValue | Validity:
        """A field that is read as a number."""
        found = self.field(reference)
        if isinstance(found, FieldValue) and found.field.varbit:
            reference.unsupported("a varbit here")
        return found


def field_of(of: HeaderType, name: Node) -> Field:
    return _find(of, name.string(), name)


def field_at(of: HeaderType, index: Node) -> Field:
    if index.natural() >= len(of.declared):
        index.invalid(f"header type '{of.name}' has {len(of.declared)} field(s)")
    return _find(of, of.declared[index.natural()], index)


def _find(of: HeaderType, name: str, where: Node) -> Field:
    for field in of.fields:
        if field.name == name:
            return field
    if name in of.empty:
        where.unsupported("a field of bit<0> here")
    if name in of.declared:
        where.unsupported(f"more than {MAX_FIELD_BITS} bits, but in a header as a whole")
    return where.invalid(f"header type '{of.name}' has no field '{name}'")


def _header(node: Node, types: dict[str, HeaderType]) -> Header:
    type_name = node["header_type"].string()
    if type_name not in types:
        node.invalid(f"has the unknown header type '{type_name}'")
    header = Header(node["name"].string(), types[type_name], node.flag("metadata"))
    if header.type.bits % 8 and not header.metadata:
        node.invalid(f"is {header.type.bits} bits long, not whole bytes")
    return header


def _members(ids: Node, by_id: dict[int, _T]) -> tuple[_T, ...]:
    for number in ids.items():
        if number.integer() not in by_id:
            number.invalid("there is nothing with this id")
    return tuple(by_id[number.integer()] for number in ids.items())


def _union_types(root: Node) -> dict[str, list[str]]:
    """The names of their headers, in order."""
    return {
        node["name"].string(): [each.pair()[0].string() for each in node.array("headers")]
        for node in root.array("header_union_types")
    }


def _header_type(node: Node) -> HeaderType:
    fields: list[Field] = []
    empty: set[str] = set()
    offset = 0
    for item in node.array("fields"):
        parts = item.items()
        if len(parts) < 2:
            item.invalid("is not a name and a width")
        name, width, *flags = parts
        if width.value == "*":
            if any(each.varbit for each in fields):
                item.unsupported("a second varbit in a header")
            fields.append(Field(name.string(), 0, signed=False, offset=offset, varbit=True))
            continue
        bits, signed = width.natural(), bool(flags) and flags[0].boolean()
        if len(flags) > 1 and flags[1].boolean():
            item.unsupported("saturating fields")
        if bits > 8 * MAX_HEADER_BYTES:
            item.unsupported(f"a field of {bits} bits (up to {8 * MAX_HEADER_BYTES})")
        if not bits:
            empty.add(name.string())
            continue
        if signed and not 2 <= bits < MAX_FIELD_BITS:
            item.unsupported(f"a signed field of {bits} bits (2 to {MAX_FIELD_BITS - 1})")
        fields += _pieces(name.string(), bits, offset, signed=signed)
        offset += bits
    declared = tuple(item.items()[0].string() for item in node.array("fields"))
    return HeaderType(
        node["name"].string(),
        tuple(_sized(each, offset, node) for each in fields),
        declared,
        frozenset(empty),
    )


def _pieces(name: str, bits: int, offset: int, *, signed: bool) -> list[Field]:
    """What is wider than C's integers goes in and out with its header, piece by piece."""
    if bits <= MAX_FIELD_BITS:
        return [Field(name, bits, signed, offset)]
    return [
        Field(
            f"{name}{_PIECE}{at}", min(MAX_FIELD_BITS, bits - at), signed=False, offset=offset + at
        )
        for at in range(0, bits, MAX_FIELD_BITS)
    ]


def _sized(field: Field, fixed_bits: int, node: Node) -> Field:
    """A varbit has what the rest of its header leaves it."""
    if not field.varbit:
        return field
    if node.find("length_exp"):
        node.unsupported("a varbit whose header says how long it is")
    size = node["max_length"].natural()
    room = size * 8 - fixed_bits
    if room <= 0 or size > MAX_HEADER_BYTES:
        node["max_length"].unsupported(f"a header of {size} bytes with a varbit")
    return Field(field.name, room // 8 * 8, signed=False, offset=field.offset, varbit=True)
