# SPDX-License-Identifier: Apache-2.0
"""Loops in the parser that need not end with the packet."""

from hectograph.switch.compiler import ir


def endless(parser: ir.Parser) -> set[str]:
    """The states of loops in which a turn may take no byte of the packet."""
    idle = {name for name, state in parser.states.items() if not _takes_bytes(state)}
    following = {name: _followers(parser.states[name]) & idle for name in idle}
    return {name for name in idle if name in _reachable(following[name], following)}


def _followers(state: ir.ParserState) -> set[str]:
    names = {state.default, *(case.next for case in state.cases)}
    return {name for name in names if name is not None}


def _reachable(start: set[str], following: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += following[name]
    return found


def _takes_bytes(state: ir.ParserState) -> bool:
    return any(_op_takes_bytes(each.op) for each in state.ops)


def _op_takes_bytes(op: ir.ParserOp) -> bool:
    if isinstance(op, ir.Extract):
        return op.header.type.bytes > 0
    if isinstance(op, ir.ExtractNext):
        return op.stack.rows[0][op.column].type.bytes > 0
    return isinstance(op, ir.Advance) and isinstance(op.bits, ir.Constant) and op.bits.value > 0
