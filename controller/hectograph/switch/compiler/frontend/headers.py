# SPDX-License-Identifier: Apache-2.0
"""Header types, headers and references to their fields."""

from hectograph.switch.compiler.frontend.reader import Node
from hectograph.switch.compiler.ir import Field, FieldValue, Header, HeaderType, Validity

MAX_FIELD_BITS = 128
VALID = "$valid$"

_UNSUPPORTED_LISTS = {
    "header_stacks": "header stacks",
    "header_unions": "header unions",
    "header_union_stacks": "header unions",
    "extern_instances": "extern instances",
    "parse_vsets": "parser value sets",
}


class Headers:
    """The program's headers by name, and what its JSON says about their fields."""

    def __init__(self, root: Node) -> None:
        for key, feature in _UNSUPPORTED_LISTS.items():
            for item in root.array(key):
                item.unsupported(feature)
        types = {node["name"].string(): _header_type(node) for node in root.array("header_types")}
        self.by_name: dict[str, Header] = {}
        for node in root.array("headers"):
            type_name = node["header_type"].string()
            if type_name not in types:
                node.invalid(f"has the unknown header type '{type_name}'")
            header = Header(node["name"].string(), types[type_name], node.flag("metadata"))
            if header.name in self.by_name:
                node.invalid("is declared twice")
            if header.type.bits % 8 and not header.metadata:
                node.invalid(f"is {header.type.bits} bits long, not whole bytes")
            self.by_name[header.name] = header

    def header(self, name: Node) -> Header:
        found = self.by_name.get(name.string())
        return found or name.invalid(f"'{name.string()}' is not a header")

    def field(self, reference: Node) -> FieldValue | Validity:
        """A reference [header, field]."""
        header_name, field_name = reference.pair()
        header, name = self.header(header_name), field_name.string()
        if name == VALID:
            if header.metadata:
                reference.unsupported("$valid$ of metadata")
            return Validity(header)
        for field in header.type.fields:
            if field.name == name:
                return FieldValue(header, field)
        return reference.invalid(f"header '{header.name}' has no field '{name}'")

    def target(self, reference: Node) -> FieldValue:
        """A field that is written."""
        found = self.field(reference)
        return found if isinstance(found, FieldValue) else reference.invalid("is read-only")


def _header_type(node: Node) -> HeaderType:
    fields: list[Field] = []
    offset = 0
    for item in node.array("fields"):
        parts = item.items()
        if len(parts) < 2:
            item.invalid("is not a name and a width")
        name, width, *flags = parts
        if width.value == "*":
            item.unsupported("variable-length fields (varbit)")
        bits, signed = width.natural(), bool(flags) and flags[0].boolean()
        if len(flags) > 1 and flags[1].boolean():
            item.unsupported("saturating fields")
        if not 1 <= bits <= MAX_FIELD_BITS:
            item.unsupported(f"a field of {bits} bits (1 to {MAX_FIELD_BITS})")
        if signed and not 2 <= bits < MAX_FIELD_BITS:
            item.unsupported(f"a signed field of {bits} bits (2 to {MAX_FIELD_BITS - 1})")
        fields.append(Field(name.string(), bits, signed, offset))
        offset += bits
    return HeaderType(node["name"].string(), tuple(fields))
