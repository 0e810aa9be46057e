# SPDX-License-Identifier: Apache-2.0
"""The PHV: where each field lies and in what C type."""

from hectograph.errors import UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.names import Names

STANDARD_FIELDS = {
    "ingress_port": 32,
    "egress_spec": 32,
    "egress_port": 32,
    "instance_type": 32,
    "packet_length": 32,
    "enq_timestamp": 32,
    "enq_qdepth": 32,
    "deq_timedelta": 32,
    "deq_qdepth": 32,
    "mcast_grp": 32,
    "egress_rid": 32,
    "checksum_error": 32,
    "parser_error": 32,
    "priority": 32,
    "ingress_global_timestamp": 64,
    "egress_global_timestamp": 64,
}
"""struct hg_standard_metadata's members (pipeline.h) and their bits."""


def storage_bits(bits: int) -> int:
    """Of the smallest integer type that holds that many."""
    return next(size for size in (8, 16, 32, 64, 128) if bits <= size)


def c_type(bits: int, *, signed: bool = False) -> str:
    """The integer type of exactly that many bits."""
    if bits == 128:
        return "hg_i128" if signed else "hg_u128"
    return f"int{bits}_t" if signed else f"uint{bits}_t"


def field_storage(field: ir.Field) -> int:
    """Bits of a field's type; a signed field has one more value bit (ranges.field_range)."""
    return storage_bits(field.bits + field.signed)


class Layout:
    """Names every header and field in `struct phv`; metadata only where it is used."""

    def __init__(self, program: ir.Program) -> None:
        self._structs: dict[ir.HeaderType, str] = {}
        self._members: dict[ir.Header, str] = {}
        self._fields: dict[tuple[ir.HeaderType, str], str] = {}
        self._declarations: list[str] = []
        used = {
            (each.header, each.field.name)
            for each in ir.mentions(program)
            if isinstance(each, ir.FieldValue)
        }
        struct_names, member_names = Names(), Names("standard", "packet_bytes")
        for header in program.headers:
            if header.name == ir.STANDARD:
                self._place_standard(header, used)
                continue
            fields = [
                field
                for field in header.type.fields
                if not header.metadata or (header, field.name) in used
            ]
            if not fields and header.metadata:
                continue
            self._members[header] = member_names.make(header.name)
            if header.type not in self._structs:
                self._structs[header.type] = struct_names.make(header.type.name, "header_")
                self._declare(header, fields)

    def has(self, header: ir.Header) -> bool:
        """Metadata that nothing uses lies nowhere."""
        return header in self._members

    def member(self, header: ir.Header) -> str:
        return f"phv->{self._members[header]}"

    def field(self, value: ir.FieldValue) -> str:
        return f"{self.member(value.header)}.{self.field_name(value.header.type, value.field)}"

    def valid(self, header: ir.Header) -> str:
        return "true" if header.metadata else f"{self.member(header)}.valid"

    def struct(self, of: ir.HeaderType) -> str:
        return f"struct {self._structs[of]}"

    def field_name(self, of: ir.HeaderType, field: ir.Field) -> str:
        return self._fields[of, field.name]

    def declarations(self) -> list[str]:
        """The structs of headers and metadata, and the PHV itself."""
        members = [
            f"\t{self.struct(header.type)} {name};"
            for header, name in self._members.items()
            if header.name != ir.STANDARD
        ]
        return [
            *self._declarations,
            "struct phv {",
            "\tstruct hg_standard_metadata standard;",
            *members,
            "\tuint32_t packet_bytes; /* as received, and what ingress added or removed */",
            "};",
            "",
            '_Static_assert(_Alignof(struct phv) <= HG_PHV_ALIGN, "the runtime aligns PHVs");',
            "",
        ]

    def _declare(self, header: ir.Header, fields: list[ir.Field]) -> None:
        """Largest first, so that nothing is padded but the end."""
        names = Names("valid")
        lines: list[tuple[int, str]] = []
        for field in fields:
            name, bits = names.make(field.name), field_storage(field)
            self._fields[header.type, field.name] = name
            width = "" if bits == field.bits else f" /* {field.bits} bit{'s' * (field.bits > 1)} */"
            lines.append((bits, f"\t{c_type(bits, signed=field.signed)} {name};{width}"))
        lines.sort(key=lambda line: -line[0])
        self._declarations += [f"{self.struct(header.type)} {{", *(text for _, text in lines)]
        if not header.metadata:
            self._declarations.append("\tbool valid;")
        self._declarations += ["};", ""]

    def _place_standard(self, header: ir.Header, used: set[tuple[ir.Header, str]]) -> None:
        self._members[header] = "standard"
        for field in header.type.fields:
            bits = STANDARD_FIELDS.get(field.name, 0)
            if bits >= field.bits and not field.signed:
                self._fields[header.type, field.name] = field.name
            elif (header, field.name) in used:
                raise UnsupportedFeature(
                    "a field that v1model does not have: not supported",
                    where=f"{header.name}.{field.name}",
                )
