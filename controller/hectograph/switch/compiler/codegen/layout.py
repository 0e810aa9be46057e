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
    """Names every header and field in `struct phv`; metadata only where it is used.

    The headers of a stack are an array, with one more at its end that is never valid
    and always zero: what an index beyond the end reads (Expressions).
    """

    def __init__(self, program: ir.Program) -> None:
        self._structs: dict[ir.HeaderType, str] = {}
        self._members: dict[ir.Header, str] = {}
        self._stacks: dict[ir.Stack, str] = {}
        self._counts: dict[ir.Stack, str] = {}
        self._columns: dict[ir.Stack, tuple[str, ...]] = {}
        self._fields: dict[tuple[ir.HeaderType, str], str] = {}
        self._varbits: dict[int, str] = {}
        self._siblings = _siblings(program)
        self._declarations: list[str] = []
        self._phv: list[str] = []
        self._struct_names, member_names = Names(), Names("standard", "packet_bytes")
        used = {
            (each.header.type, each.field.name)
            for each in ir.mentions(program)
            if isinstance(each, ir.FieldValue)
        }
        in_packets = {each.type for each in program.headers if not each.metadata}
        stacked = {header for stack in program.stacks for header in stack.headers}
        for header in program.headers:
            if header.name == ir.STANDARD:
                self._place_standard(header, used)
                continue
            fields = [
                field
                for field in header.type.fields
                if header.type in in_packets or (header.type, field.name) in used
            ]
            if not fields and header.metadata:
                continue
            if header.type not in self._structs:
                self._declare(header.type, fields, has_validity=header.type in in_packets)
            if header not in stacked:
                name = self._members[header] = member_names.make(header.name)
                self._phv.append(f"{self.struct(header.type)} {name};")
        for stack in program.stacks:
            self._place_stack(stack, member_names)

    def has(self, header: ir.Header) -> bool:
        """Metadata that nothing uses lies nowhere."""
        return header in self._members

    def member(self, header: ir.Header) -> str:
        return f"phv->{self._members[header]}"

    def field(self, value: ir.FieldValue) -> str:
        return f"{self.member(value.header)}.{self.field_name(value.header.type, value.field)}"

    def valid(self, header: ir.Header) -> str:
        return "true" if header.metadata else f"{self.member(header)}.valid"

    def stack(self, stack: ir.Stack) -> str:
        """The array itself."""
        return f"phv->{self._stacks[stack]}"

    def count(self, stack: ir.Stack) -> str:
        """How many of its elements are extracted."""
        return f"phv->{self._counts[stack]}"

    def element(self, stack: ir.Stack, column: int, index: str) -> str:
        """A header of the stack by what its index is in C."""
        return f"{self.stack(stack)}[{index}]{self._columns[stack][column]}"

    def siblings(self, header: ir.Header) -> tuple[ir.Header, ...]:
        """The others of its union, of which one at most is valid."""
        return self._siblings.get(header, ())

    def struct(self, of: ir.HeaderType) -> str:
        return f"struct {self._structs[of]}"

    def field_name(self, of: ir.HeaderType, field: ir.Field) -> str:
        return self._fields[of, field.name]

    def declarations(self) -> list[str]:
        """The structs of headers and metadata, and the PHV itself."""
        return [
            *self._declarations,
            "struct phv {",
            "\tstruct hg_standard_metadata standard;",
            *(f"\t{member}" for member in self._phv),
            "\tuint32_t packet_bytes; /* as received, and what ingress added or removed */",
            "};",
            "",
            '_Static_assert(_Alignof(struct phv) <= HG_PHV_ALIGN, "the runtime aligns PHVs");',
            "",
        ]

    def _declare(self, of: ir.HeaderType, fields: list[ir.Field], *, has_validity: bool) -> None:
        """Largest first, so that nothing is padded but the end."""
        self._structs[of] = self._struct_names.make(of.name, "header_")
        names = Names("valid")
        lines: list[tuple[int, str]] = []
        for field in fields:
            name = self._fields[of, field.name] = names.make(field.name)
            lines.append(self._field_declaration(field, name))
        lines.sort(key=lambda line: -line[0])
        self._declarations += [f"{self.struct(of)} {{", *(text for _, text in lines)]
        if has_validity:
            self._declarations.append("\tbool valid;")
        self._declarations += ["};", ""]

    def _field_declaration(self, field: ir.Field, name: str) -> tuple[int, str]:
        """Bits by which it is aligned, and the text."""
        if field.varbit:
            return 16, f"\tstruct {self._varbit(field)} {name};"
        bits = field_storage(field)
        width = "" if bits == field.bits else f" /* {field.bits} bit{'s' * (field.bits > 1)} */"
        return bits, f"\t{c_type(bits, signed=field.signed)} {name};{width}"

    def _varbit(self, field: ir.Field) -> str:
        """One struct for each width: varbits are assigned to each other."""
        if field.bits not in self._varbits:
            name = self._varbits[field.bits] = self._struct_names.make(f"varbit_{field.bits}")
            self._declarations += [
                f"struct {name} {{",
                "\tuint16_t bytes;",
                f"\tuint8_t data[{field.bits // 8}];",
                "};",
                "",
            ]
        return self._varbits[field.bits]

    def _place_stack(self, stack: ir.Stack, names: Names) -> None:
        name = self._stacks[stack] = names.make(stack.name)
        self._counts[stack] = names.make(f"{stack.name}_count")
        kind = self.struct(stack.headers[0].type)
        self._columns[stack] = ("",)
        if isinstance(stack.elements[0], ir.Union):
            columns = [f"column{number}" for number in range(len(stack.rows[0]))]
            self._columns[stack] = tuple(f".{column}" for column in columns)
            kind = f"struct {self._struct_names.make(stack.name, 'union_')}"
            pairs = zip(stack.rows[0], columns, strict=True)
            members = [f"\t{self.struct(header.type)} {column};" for header, column in pairs]
            self._declarations += [f"{kind} {{", *members, "};", ""]
        for number, row in enumerate(stack.rows):
            for header, column in zip(row, self._columns[stack], strict=True):
                self._members[header] = f"{name}[{number}]{column}"
        self._phv.append(f"{kind} {name}[{stack.size} + 1];")
        self._phv.append(f"uint32_t {self._counts[stack]};")

    def _place_standard(self, header: ir.Header, used: set[tuple[ir.HeaderType, str]]) -> None:
        self._members[header] = "standard"
        for field in header.type.fields:
            bits = STANDARD_FIELDS.get(field.name, 0)
            if bits >= field.bits and not field.signed:
                self._fields[header.type, field.name] = field.name
            elif (header.type, field.name) in used:
                raise UnsupportedFeature(
                    "a field that v1model does not have: not supported",
                    where=f"{header.name}.{field.name}",
                )


def _siblings(program: ir.Program) -> dict[ir.Header, tuple[ir.Header, ...]]:
    rows = [union.headers for union in program.unions]
    return {
        header: tuple(each for each in row if each is not header) for row in rows for header in row
    }
