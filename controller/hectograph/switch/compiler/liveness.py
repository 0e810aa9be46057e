# SPDX-License-Identifier: Apache-2.0
"""What must be as ingress left it before each run of egress.

Egress runs on one PHV for every copy of a packet. Only that can tell one run from
another which some path through egress writes, and which some path reads before it
writes it. Both are found on the safe side: whoever reads a part of a header reads
all of it, a header is never taken as overwritten, and what may happen happens.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.flow import followers, in_order

Place: TypeAlias = ir.FieldValue | ir.Validity | ir.Stack
"""A stack as a place is its count."""
Places: TypeAlias = frozenset[Place]


def restored(program: ir.Program) -> list[Place]:
    """What egress may both write and, run once more, read; in the program's order."""
    nodes = in_order(program.egress)
    siblings = {each: union.headers for union in program.unions for each in union.headers}
    written = {place for each in _statements(nodes) for place in _written(each, siblings)}
    written |= {each.meter.target for each in nodes if isinstance(each, ir.Table) and each.meter}
    written |= {each.target for each in program.checksums if each.update}
    places = written & _live(program, nodes)
    in_order_ = [place for each in program.headers for place in of_header(each)]
    return [place for place in (*in_order_, *program.stacks) if place in places]


def changes_length(program: ir.Program) -> bool:
    """Whether egress may add or remove a header."""
    statements = _statements(in_order(program.egress))
    return any(isinstance(each, (ir.AddHeader, ir.RemoveHeader)) for each in statements)


def truncates(program: ir.Program) -> bool:
    """Whether egress may cut a packet short."""
    statements = _statements(in_order(program.egress))
    return any(isinstance(each, ir.Truncate) for each in statements)


def of_header(header: ir.Header) -> list[Place]:
    """All of its places: metadata is always valid."""
    fields = [ir.FieldValue(header, each) for each in header.type.fields]
    return [*fields, *([] if header.metadata else [ir.Validity(header)])]


# ---- reads: backwards from the end of egress -----------------------------------


def _live(program: ir.Program, nodes: list[ir.Node]) -> Places:
    """What egress may read of what it is given; the deparser and checksums read at its end.

    What a clone keeps counts as read where the clone is asked for. Its own egress finds
    no other metadata, and no headers but those that egress reads anyway.
    """
    end = _read((program.deparser, tuple(each for each in program.checksums if each.update)))
    before: dict[str | None, Places] = {None: end}
    for node in reversed(nodes):
        after = _union(before[each] for each in followers(node))
        before[node.name] = _before_node(node, after, end)
    return before[program.egress.start]


def _before_node(node: ir.Node, after: Places, end: Places) -> Places:
    if isinstance(node, ir.Conditional):
        return after | _read(node.condition)
    if isinstance(node, ir.ActionCall):
        return _before_action(node.action, after, end)
    actions = [_before_action(each, after, end) for each in node.actions]
    return (_union(actions) if actions else after) | _read((node.key, node.profile))


def _before_action(action: ir.Action, after: Places, end: Places) -> Places:
    """One pass suffices where all jumps go forward; else until nothing changes."""
    if any(isinstance(each.statement, ir.Exit) for each in action.body):
        after |= end
    empty: Places = frozenset()
    before = [*([empty] * len(action.body)), after]
    previous: list[Places] = []
    while previous != before:
        previous = before.copy()
        for number, each in reversed(list(enumerate(action.body))):
            statement, live = each.statement, before[number + 1]
            if isinstance(statement, ir.Jump):
                target = before[statement.target]
                live = target if statement.unless is None else target | live
            before[number] = live - _overwritten(statement) | _read(_inputs(statement))
    return before[0]


def _inputs(statement: ir.Statement) -> object:
    """The part of a statement that it reads: of a header that it adds or removes, the validity."""
    if isinstance(statement, ir.Assign):
        return (statement.value, _indices(statement.target))
    if isinstance(statement, ir.AssignVarbit):
        return (statement.source, _indices(statement.target))
    if isinstance(statement, ir.CopyHeaders):
        return (statement.sources, *map(_indices, statement.targets))
    if isinstance(statement, ir.CopyStack):
        return (statement.source, statement.source.elements)
    if isinstance(statement, ir.Random):
        return (statement.low, statement.high, _indices(statement.target))
    if isinstance(statement, ir.Hash):
        parts = (statement.base, statement.size, statement.calculation.inputs)
        return (*parts, _indices(statement.target))
    if isinstance(statement, (ir.ExecuteMeter, ir.ReadRegister)):
        return (statement.index, _indices(statement.target))
    if isinstance(statement, (ir.Push, ir.Pop)):
        return (statement.stack, statement.stack.elements)
    return None if isinstance(statement, ir.MarkToDrop) else statement


def _indices(target: ir.Lvalue | ir.HeaderRef) -> object:
    """What says which element of a stack is written to."""
    element = target.element if isinstance(target, ir.ElementField) else target
    return element.index if isinstance(element, ir.Element) else None


def _read(part: object) -> Places:
    found: set[Place] = set()
    for each in ir.mentions(part):
        if isinstance(each, ir.Stack):
            found.add(each)
            continue
        header = each if isinstance(each, ir.Header) else each.header
        if isinstance(each, ir.FieldValue) and header.metadata:
            found.add(each)
        else:
            found |= set(of_header(header))
    return frozenset(found)


# ---- writes ------------------------------------------------------------------------


_STORES = (
    ir.Assign,
    ir.AssignVarbit,
    ir.ExecuteMeter,
    ir.Hash,
    ir.Random,
    ir.ReadRegister,
)
_Unions: TypeAlias = Mapping[ir.Header, tuple[ir.Header, ...]]
"""The headers of a header's union."""


def _written(statement: ir.Statement, unions: _Unions) -> Places:
    if isinstance(statement, _STORES):
        return frozenset(_possible(statement.target))
    if isinstance(statement, ir.MarkToDrop):
        fields = (statement.egress_spec, statement.mcast_grp)
        return frozenset(each for each in fields if each is not None)
    if isinstance(statement, (ir.CopyHeaders, ir.AddHeader)):
        added = isinstance(statement, ir.AddHeader)
        targets = (statement.header,) if added else statement.targets
        return frozenset(place for each in targets for place in _made_valid(each, unions))
    if isinstance(statement, ir.RemoveHeader):
        return frozenset(map(ir.Validity, _headers(statement.header)))
    if isinstance(statement, (ir.CopyStack, ir.Push, ir.Pop)):
        copied = isinstance(statement, ir.CopyStack)
        stack = statement.target if copied else statement.stack
        return _union([frozenset({stack}), *(frozenset(of_header(each)) for each in stack.headers)])
    return frozenset()


def _headers(header: ir.HeaderRef) -> tuple[ir.Header, ...]:
    return header.possible if isinstance(header, ir.Element) else (header,)


def _possible(target: ir.Lvalue) -> list[ir.FieldValue]:
    if isinstance(target, ir.FieldValue):
        return [target]
    return [ir.FieldValue(header, target.field) for header in target.element.possible]


def _made_valid(header: ir.HeaderRef, unions: _Unions) -> Iterator[Place]:
    for each in _headers(header):
        yield from of_header(each)
        yield from map(ir.Validity, unions.get(each, ()))


def _overwritten(statement: ir.Statement) -> Places:
    """Metadata that a statement writes for certain: an index beyond the end does nothing."""
    if not isinstance(statement, (ir.Assign, ir.MarkToDrop)):
        return frozenset()
    fields = (each for each in _written(statement, {}) if isinstance(each, ir.FieldValue))
    return frozenset(each for each in fields if each.header.metadata)


def _statements(nodes: Iterable[ir.Node]) -> Iterator[ir.Statement]:
    for node in nodes:
        if isinstance(node, ir.Conditional):
            continue
        for action in node.actions if isinstance(node, ir.Table) else (node.action,):
            yield from (each.statement for each in action.body)


def _union(sets: Iterable[Places]) -> Places:
    return frozenset(place for each in sets for place in each)
