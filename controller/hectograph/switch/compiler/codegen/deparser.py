# SPDX-License-Identifier: Apache-2.0
"""Headers from bytes and back: what the parser extracts and the deparser emits."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.bits import Item, load, store, words
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.kinds import bare
from hectograph.switch.compiler.codegen.layout import Layout, c_type, field_storage, storage_bits
from hectograph.switch.compiler.codegen.names import Names
from hectograph.switch.compiler.codegen.traces import Traces


def field_item(text: str, field: ir.Field) -> Item:
    """A field's bits as they lie in a packet: a signed one in two's complement."""
    if not field.signed:
        return Item(text, field.bits, field_storage(field))
    bits = storage_bits(field.bits)
    masked = f"({c_type(bits)}){text}"
    if bits != field.bits:
        masked = f"({masked} & ((({c_type(128 if bits == 128 else 64)})1 << {field.bits}) - 1))"
    return Item(masked, field.bits, bits)


class HeaderCode:
    """The functions that read and write one type of header."""

    def __init__(self, layout: Layout, program: ir.Program, traces: Traces) -> None:
        self._layout = layout
        self._traces = traces
        self._program = program
        self._extracted = dict.fromkeys(
            extracted_type(each.op)
            for state in program.parser.states.values()
            for each in state.ops
            if isinstance(each.op, (ir.Extract, ir.ExtractNext))
        )
        self._emitted = dict.fromkeys(header.type for header in program.deparser)
        names = Names()
        self._names = {each: names.make(each.name) for each in {**self._extracted, **self._emitted}}

    def extract(self, of: ir.HeaderType, member: str, at: str, varbit_bytes: str) -> str:
        """`varbit_bytes` is how long its varbit is, if it has one."""
        more = f", {varbit_bytes}" if of.varbit else ""
        return f"extract_{self._names[of]}(&{member}, {at}{more});"

    def extractors(self) -> list[str]:
        return [line for each in self._extracted for line in self._extractor(each)]

    def deparser(self) -> list[str]:
        lines = [line for each in self._emitted for line in self._emitter(each)]
        headers = self._program.deparser
        body = ["\tconst struct phv *phv = opaque;"] if headers else []
        body += ["\tuint8_t *at = out;", ""]
        for header in headers:
            member = self._layout.member(header)
            emit = f"\t\tat = emit_{self._names[header.type]}(&{member}, at);"
            trace = self._traces.line(f"Deparsing header '{header.name}'", "\t\t")
            if trace:
                body += [f"\tif ({member}.valid) {{", *trace, emit, "\t}"]
            else:
                body += [f"\tif ({member}.valid)", emit]
        body.append("\treturn (uint32_t)(at - out);")
        head = "static uint32_t deparse(const void *opaque, uint8_t *out)"
        return [*lines, *function(head, ("opaque",), body)]

    def max_bytes(self) -> int:
        return sum(header.type.max_bytes for header in self._program.deparser)

    def _extractor(self, of: ir.HeaderType) -> list[str]:
        body: list[str] = []
        for field in of.fields:
            name = self._layout.field_name(of, field)
            if field.varbit:
                body += [
                    f"\theader->{name}.bytes = (uint16_t)bytes;",
                    f"\thg_varbit_take(header->{name}.data, at + {field.offset // 8}, "
                    f"{field.offset % 8}, bytes);",
                    "\tat += bytes;",
                ]
                continue
            text = load("at", field.offset, field.bits, of.bytes)
            if field.signed:
                wide = 128 if field.bits > 64 else 64
                text = f"hg_signed{wide}({text}, {field.bits})"
            body.append(f"\theader->{name} = {bare(text)};")
        body.append("\theader->valid = true;")
        parameters = f"{self._layout.struct(of)} *header, const uint8_t *at"
        parameters += ", uint32_t bytes" if of.varbit else ""
        return function(f"static void extract_{self._names[of]}({parameters})", ("at",), body)

    def _emitter(self, of: ir.HeaderType) -> list[str]:
        """As if a varbit were empty; then it is put between."""
        items = [
            field_item(f"header->{self._layout.field_name(of, field)}", field)
            for field in of.fields
            if not field.varbit
        ]
        body = [f"\t{store('at', first, bits, text)}" for first, bits, text in words(items)]
        if of.varbit:
            varbit = f"header->{self._layout.field_name(of, of.varbit)}"
            first, skip = divmod(of.varbit.offset, 8)
            body += [
                f"\thg_varbit_put(at + {first}, {of.bytes - first}, {skip}, {varbit}.data, "
                f"{varbit}.bytes);",
                f"\treturn at + {of.bytes} + {varbit}.bytes;",
            ]
        else:
            body.append(f"\treturn at + {of.bytes};")
        head = (
            f"static uint8_t *emit_{self._names[of]}"
            f"(const {self._layout.struct(of)} *header, uint8_t *at)"
        )
        return function(head, ("header",), body)


def extracted_type(op: ir.Extract | ir.ExtractNext) -> ir.HeaderType:
    return op.header.type if isinstance(op, ir.Extract) else op.stack.rows[0][op.column].type
