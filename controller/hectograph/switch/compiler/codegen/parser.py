# SPDX-License-Identifier: Apache-2.0
"""The parser: a label for each state, a jump for each transition."""

from hectograph.errors import HectographError, UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.actions import Statements
from hectograph.switch.compiler.codegen.bits import load
from hectograph.switch.compiler.codegen.block import Goto, Label, Line, deeper, function, resolve
from hectograph.switch.compiler.codegen.deparser import HeaderCode, field_item
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.kinds import U64, bare, constant, number
from hectograph.switch.compiler.codegen.layout import Layout, c_type
from hectograph.switch.compiler.codegen.names import Names, c_comment
from hectograph.switch.compiler.codegen.ranges import value_range

ACCEPT = "accept"


class ParserCode:
    def __init__(self, layout: Layout, program: ir.Program, headers: HeaderCode) -> None:
        self._layout = layout
        self._program = program
        self._headers = headers
        self._expressions = Expressions(layout)
        self._statements = Statements(layout, program, self._expressions)
        names = Names(ACCEPT)
        self._labels = {name: names.make(name) for name in program.parser.states}

    def function(self, verify: list[str]) -> list[str]:
        """parse(); `verify` are the statements that verify checksums."""
        parser = self._program.parser
        flow: list[Line] = [Goto(self._label(parser.start))]
        for state in _reachable(parser):
            flow += self._state(state)
        flow.append(Label(ACCEPT))
        body = [
            "\tstruct phv *phv = opaque;",
            f"\tuint32_t error = {self._program.errors['NoError']};",
            "\tuint32_t at = 0;",
            "",
            "\tphv->packet_bytes = length;",
            *resolve(flow),
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
        for each in state.ops:
            try:
                lines += self._op(each.op)
            except HectographError as error:
                error.where = error.where or each.where
                raise
        return lines + self._select(state)

    # ---- operations ---------------------------------------------------------

    def _op(self, op: ir.ParserOp) -> list[Line]:
        if isinstance(op, ir.Extract):
            size = op.header.type.bytes
            return [
                *self._need(str(size)),
                f"\t{self._headers.extract(op.header, 'frame + at')}",
                f"\tat += {size};",
            ]
        if isinstance(op, ir.SetField):
            return self._set(op)
        if isinstance(op, ir.Verify):
            opposite = self._expressions.negation(op.condition)
            error = self._expressions.plain(op.error)
            return [f"\tif ({opposite}) {{", *self._fail(f"(uint32_t){error}"), "\t}"]
        if isinstance(op, ir.Advance):
            return self._advance(op.bits)
        return self._statements.statement(op.statement)

    def _fail(self, error: str) -> list[Line]:
        return [f"\t\terror = {error};", Goto(ACCEPT, "\t\t")]

    def _need(self, size: str) -> list[Line]:
        """Leave with PacketTooShort unless so many bytes are left."""
        too_short = self._program.errors["PacketTooShort"]
        return [f"\tif (length - at < {size}) {{", *self._fail(str(too_short)), "\t}"]

    def _advance(self, bits: ir.Data) -> list[Line]:
        amount = value_range(bits)
        if amount.constant is not None and amount.constant % 8 == 0 and amount.constant >= 0:
            size = number(amount.constant // 8)
            return [*self._need(size), f"\tat += {size};"] if amount.constant else []
        if amount not in U64.range:
            raise UnsupportedFeature("advancing by a signed or very wide amount: not supported")
        invalid = self._program.errors["ParserInvalidArgument"]
        return [
            "\t{",
            f"\t\tuint64_t bits = {bare(self._expressions.plain(bits))};",
            "",
            "\t\tif (bits % 8) {",
            *deeper(self._fail(str(invalid))),
            "\t\t}",
            *deeper(self._need("bits / 8")),
            "\t\tat += (uint32_t)(bits / 8);",
            "\t}",
        ]

    def _set(self, op: ir.SetField) -> list[Line]:
        if not isinstance(op.value, ir.Lookahead):
            text = self._expressions.assignment(op.target, op.value)
            return [f"\t{text}"] if text else []
        target = self._layout.field(op.target)
        text = _looked(op.value, op.target.field)
        return [*self._need(str(_end(op.value))), f"\t{target} = {bare(text)};"]

    # ---- select -------------------------------------------------------------

    def _select(self, state: ir.ParserState) -> list[Line]:
        default = Goto(self._label(state.default))
        if not state.cases:
            return [default]
        lines: list[Line] = []
        keys: list[str] = []
        for index, key in enumerate(state.keys):
            if isinstance(key, ir.Lookahead):
                name = f"key{index}"
                lines += self._need(str(_end(key)))
                kind = c_type(128 if key.bits > 64 else 64)
                lines.append(f"\tconst {kind} {name} = {bare(_look(key))};")
                keys.append(name)
            elif isinstance(key, ir.FieldValue):
                keys.append(field_item(self._layout.field(key), key.field).text)
            else:
                keys.append(self._layout.valid(key.header))
        if any(isinstance(key, ir.Lookahead) for key in state.keys):
            lines = ["\t{", *deeper([*lines, *self._cases(state, keys)]), "\t}"]
        else:
            lines += self._cases(state, keys)
        return [*lines, default]

    def _cases(self, state: ir.ParserState, keys: list[str]) -> list[Line]:
        possible = [case for case in state.cases if _can_match(case, state.keys)]
        bits = ir.key_bits(state.keys[0])
        if (
            len(keys) == 1
            and 1 < bits <= 64
            and all(_covers(case.masks[0], bits) for case in possible)
        ):
            return self._switch(possible, keys[0])
        lines: list[Line] = []
        for case in possible:
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


def _end(look: ir.Lookahead) -> int:
    """Bytes that must be left to look so far ahead."""
    return (look.offset + look.bits + 7) // 8


def _look(look: ir.Lookahead) -> str:
    return load("(frame + at)", look.offset, look.bits, _end(look))


def _looked(look: ir.Lookahead, into: ir.Field) -> str:
    """What a field becomes when it is set to bits of the packet."""
    text = _look(look)
    if into.signed and into.bits == look.bits:
        return f"hg_signed{128 if into.bits > 64 else 64}({text}, {into.bits})"
    if into.bits >= look.bits:
        return text
    if into.signed:
        raise UnsupportedFeature("looking ahead into a shorter signed field: not supported")
    return f"({text} & {constant((1 << into.bits) - 1)})"


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


def _reachable(parser: ir.Parser) -> list[ir.ParserState]:
    """Depth first from the start, so that most transitions fall through."""
    order: dict[str, ir.ParserState] = {}
    ahead = [parser.start]
    while ahead:
        name = ahead.pop()
        if name is None or name in order:
            continue
        state = order[name] = parser.states[name]
        ahead += [*(case.next for case in reversed(state.cases)), state.default]
    return list(order.values())
