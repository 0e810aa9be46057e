# SPDX-License-Identifier: Apache-2.0
"""The parser: a label for each state, a jump for each transition."""

from hectograph.errors import HectographError, UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.actions import Statements
from hectograph.switch.compiler.codegen.block import Goto, Label, Line, deeper, function, resolve
from hectograph.switch.compiler.codegen.deparser import HeaderCode, extracted_type
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.headers import HeaderStatements
from hectograph.switch.compiler.codegen.kinds import U64, bare, constant, number
from hectograph.switch.compiler.codegen.layout import Layout
from hectograph.switch.compiler.codegen.names import Names, c_comment
from hectograph.switch.compiler.codegen.ranges import value_range
from hectograph.switch.compiler.codegen.select import SelectCode, end, look_text
from hectograph.switch.compiler.codegen.traces import Traces
from hectograph.switch.compiler.flow import states_in_order
from hectograph.switch.compiler.loops import endless

ACCEPT = "accept"


class ParserCode:
    def __init__(
        self, layout: Layout, program: ir.Program, headers: HeaderCode, traces: Traces
    ) -> None:
        self._layout = layout
        self._program = program
        self._headers = headers
        self._traces = traces
        self._expressions = Expressions(layout)
        self._statements = Statements(layout, program, self._expressions)
        self._whole = HeaderStatements(layout, self._expressions)
        self._endless = endless(program.parser)
        self._select = SelectCode(layout, program, self._expressions, self._need, self._label)
        names = Names(ACCEPT)
        self._labels = {name: names.make(name) for name in program.parser.states}

    def function(self, verify: list[str]) -> list[str]:
        """parse(); `verify` are the statements that verify checksums."""
        parser = self._program.parser
        flow: list[Line] = [Goto(self._label(parser.start))]
        for state in states_in_order(parser):
            flow += self._state(state)
        flow.append(Label(ACCEPT))
        body = [
            "\tstruct phv *phv = opaque;",
            f"\tuint32_t error = {self._program.errors['NoError']};",
            "\tuint32_t at = 0;",
            *(["\tuint32_t steps = 0;"] if self._endless else []),
            "",
            "\tphv->packet_bytes = length;",
            *self._traces.begin(),
            *resolve(flow),
            *self._traces.parsed(self._program),
            "\tphv->standard.parser_error = error;",
            *verify,
            "\treturn at;",
        ]
        head = (
            "static uint32_t parse(struct hg_context *ctx, void *opaque, const uint8_t *frame,"
            " uint32_t length)"
        )
        return function(head, ("ctx", "frame"), body)

    def _label(self, state: str | None) -> str:
        return ACCEPT if state is None else self._labels[state]

    def _state(self, state: ir.ParserState) -> list[Line]:
        lines: list[Line] = ["", Label(self._labels[state.name], c_comment(state.source))]
        lines += self._traces.line(f"Parser: state '{state.name}'")
        if state.name in self._endless:
            timeout = str(self._program.errors["ParserTimeout"])
            lines += ["\tif (++steps > HG_PARSER_STEPS) {", *self._fail(timeout), "\t}"]
        for each in state.ops:
            try:
                lines += [*self._need_last(each.op), *self._op(each.op)]
            except HectographError as error:
                error.where = error.where or each.where
                raise
        return [*lines, *self._need_last(state.keys), *self._select.select(state)]

    # ---- operations ---------------------------------------------------------

    def _op(self, op: ir.ParserOp) -> list[Line]:
        if isinstance(op, ir.Extract):
            return self._extract(op, self._layout.member(op.header), op.header)
        if isinstance(op, ir.ExtractNext):
            return self._extract_next(op)
        if isinstance(op, ir.SetField):
            return self._set(op)
        if isinstance(op, ir.Verify):
            opposite = self._expressions.negation(op.condition)
            error = self._expressions.plain(op.error)
            return [f"\tif ({opposite}) {{", *self._fail(f"(uint32_t){error}"), "\t}"]
        if isinstance(op, ir.Advance):
            return self._advance(op.bits)
        return self._statements.statement(op.statement)

    def _extract(
        self, op: ir.Extract | ir.ExtractNext, member: str, header: ir.HeaderRef
    ) -> list[Line]:
        of = extracted_type(op)
        name = op.header.name if isinstance(op, ir.Extract) else f"{op.stack.name}[next]"
        extracted = self._traces.line(f"Extracting header '{name}'")
        displaced = [f"\t{line}" for line in self._whole.displaced(header)]
        if op.varbit_bits is None:
            return [
                *self._need(str(of.bytes)),
                f"\t{self._headers.extract(of, member, 'frame + at', '')}",
                *displaced,
                *extracted,
                f"\tat += {of.bytes};",
            ]
        extract = self._headers.extract(of, member, "frame + at", "(uint32_t)(bits / 8)")
        too_long = str(self._program.errors["HeaderTooShort"])
        most = of.varbit.bits if of.varbit else 0
        return [
            "\t{",
            f"\t\tuint64_t bits = {self._bits(op.varbit_bits)};",
            "",
            *deeper(self._whole_bytes("bits")),
            *deeper(self._need(f"{of.bytes} + bits / 8")),
            f"\t\tif (bits > {most}) {{",
            *deeper(self._fail(too_long)),
            "\t\t}",
            f"\t\t{extract}",
            *deeper([*displaced, *extracted]),
            f"\t\tat += {of.bytes} + (uint32_t)(bits / 8);",
            "\t}",
        ]

    def _extract_next(self, op: ir.ExtractNext) -> list[Line]:
        """BMv2 looks whether the stack is full before it looks at the packet."""
        count = self._layout.count(op.stack)
        element = ir.Element(op.stack, ir.Extracted(op.stack), op.column)
        full = str(self._program.errors["StackOutOfBounds"])
        return [
            f"\tif ({count} == {op.stack.size}) {{",
            *self._fail(full),
            "\t}",
            *self._extract(op, self._layout.element(op.stack, op.column, count), element),
            f"\t{count}++;",
        ]

    def _fail(self, error: str) -> list[Line]:
        return [f"\t\terror = {error};", Goto(ACCEPT, "\t\t")]

    def _need(self, size: str) -> list[Line]:
        """Leave with PacketTooShort unless so many bytes are left."""
        too_short = self._program.errors["PacketTooShort"]
        return [f"\tif (length - at < {size}) {{", *self._fail(str(too_short)), "\t}"]

    def _need_last(self, part: object) -> list[Line]:
        """Leave with StackOutOfBounds where a stack's last element is meant and there is none."""
        empty = {
            self._layout.count(each.stack)
            for each in ir.parts(part)
            if isinstance(each, ir.Element) and isinstance(each.index, ir.LastIndex)
        }
        out_of_bounds = str(self._program.errors["StackOutOfBounds"])
        return [
            line
            for count in sorted(empty)
            for line in (f"\tif ({count} == 0) {{", *self._fail(out_of_bounds), "\t}")
        ]

    def _advance(self, bits: ir.Data) -> list[Line]:
        amount = value_range(bits)
        if amount.constant is not None and amount.constant % 8 == 0 and amount.constant >= 0:
            size = number(amount.constant // 8)
            return [*self._need(size), f"\tat += {size};"] if amount.constant else []
        return [
            "\t{",
            f"\t\tuint64_t bits = {self._bits(bits)};",
            "",
            *deeper(self._whole_bytes("bits")),
            *deeper(self._need("bits / 8")),
            "\t\tat += (uint32_t)(bits / 8);",
            "\t}",
        ]

    def _bits(self, bits: ir.Data) -> str:
        if value_range(bits) not in U64.range:
            raise UnsupportedFeature("going on by a signed or very wide amount: not supported")
        return bare(self._expressions.plain(bits))

    def _whole_bytes(self, bits: str) -> list[Line]:
        invalid = self._program.errors["ParserInvalidArgument"]
        return [f"\tif ({bits} % 8) {{", *self._fail(str(invalid)), "\t}"]

    def _set(self, op: ir.SetField) -> list[Line]:
        if not isinstance(op.value, ir.Lookahead):
            lines = self._expressions.assignment(op.target, op.value)
            return [f"\t{line}" for line in lines]
        target = self._layout.field(op.target)
        text = _looked(op.value, op.target.field)
        return [*self._need(str(end(op.value))), f"\t{target} = {bare(text)};"]


def _looked(look: ir.Lookahead, into: ir.Field) -> str:
    """What a field becomes when it is set to bits of the packet."""
    text = look_text(look)
    if into.signed and into.bits == look.bits:
        return f"hg_signed{128 if into.bits > 64 else 64}({text}, {into.bits})"
    if into.bits >= look.bits:
        return text
    if into.signed:
        raise UnsupportedFeature("looking ahead into a shorter signed field: not supported")
    return f"({text} & {constant((1 << into.bits) - 1)})"
