# SPDX-License-Identifier: Apache-2.0
"""Actions: a C function each, and a struct for the arguments that a table entry holds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hectograph.errors import HectographError, UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.block import Goto, Label, Line, deeper, resolve
from hectograph.switch.compiler.codegen.block import function as function_text
from hectograph.switch.compiler.codegen.calculations import call, hash_name
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.headers import HeaderStatement, HeaderStatements
from hectograph.switch.compiler.codegen.kinds import U64, bare, constant, literal
from hectograph.switch.compiler.codegen.layout import Layout, c_type, storage_bits
from hectograph.switch.compiler.codegen.names import Names, c_comment
from hectograph.switch.compiler.codegen.ranges import unsigned, value_range
from hectograph.switch.compiler.codegen.traces import Traces
from hectograph.switch.compiler.flow import in_order, states_in_order

PIPELINE_PARAMETERS = "struct hg_context *ctx, struct phv *phv"

TURNS = "HG_ACTION_TURNS"

_ATOMIC_BITS = 64
"""Of a register's cell that is read and written whole (pipeline.h)."""


def digest_call(number: int, arguments: str) -> str:
    """The function that sends digest `number`: called here, defined by codegen.digests."""
    return f"send_digest_{number}({arguments})"


class Statements:
    """Statements in C, for an action or a parser state."""

    def __init__(self, layout: Layout, program: ir.Program, expressions: Expressions) -> None:
        self._layout = layout
        self._expressions = expressions
        self._headers = HeaderStatements(layout, expressions)
        self._counters = {each: n for n, each in enumerate(program.counters)}
        self._meters = {each: n for n, each in enumerate(program.meters)}
        self._registers = {each: n for n, each in enumerate(program.registers)}
        self._digests = {each: n for n, each in enumerate(program.digests)}
        self._calculations = {each: n for n, each in enumerate(program.calculations)}

    def body(self, placed: tuple[ir.Placed, ...]) -> list[str]:
        lines: list[Line] = []
        for number, each in enumerate(placed):
            lines.append(Label(f"statement_{number}"))
            try:
                if isinstance(each.statement, ir.Jump):
                    lines += self._jump(each.statement, number, len(placed))
                else:
                    lines += self.statement(each.statement)
            except HectographError as error:
                error.where = error.where or each.where
                raise
        return resolve([*lines, Label(f"statement_{len(placed)}")])

    def statement(self, statement: ir.Statement) -> list[Line]:
        if isinstance(statement, ir.Assign):
            lines = self._expressions.assignment(statement.target, statement.value)
            return [f"\t{line}" for line in lines]
        if isinstance(statement, HeaderStatement):
            return [f"\t{line}" for line in self._headers.statement(statement)]
        if isinstance(statement, ir.Count):
            return self._count(statement)
        if isinstance(statement, ir.ExecuteMeter):
            return self._meter(statement)
        if isinstance(statement, ir.ReadRegister):
            return self._read_register(statement)
        if isinstance(statement, ir.WriteRegister):
            return self._write_register(statement)
        if isinstance(statement, ir.Hash):
            return self._hash(statement)
        if isinstance(statement, ir.SendDigest):
            return [f"\t{digest_call(self._digests[statement.digest], 'ctx, phv')};"]
        if isinstance(statement, ir.Clone):
            return self._clone(statement)
        if isinstance(statement, (ir.Resubmit, ir.Recirculate)):
            asked = "RESUBMIT" if isinstance(statement, ir.Resubmit) else "RECIRCULATE"
            return [
                f"\tphv->standard.asked |= HG_ASK_{asked};",
                f"\tphv->standard.again_fields = {statement.fields.number};",
            ]
        if isinstance(statement, ir.Truncate):
            length = bare(self._expressions.modular(statement.length, 64, 64))
            return [f"\thg_truncate(&phv->standard, {length});"]
        if isinstance(statement, ir.Random):
            return self._random(statement)
        if isinstance(statement, ir.Assert):
            holds = self._expressions.truth(ir.NonZero(statement.condition))
            return [f"\tif (!{holds})", "\t\tphv->standard.asked |= HG_ASK_FAILED;"]
        if isinstance(statement, ir.LogMessage):
            return []
        if isinstance(statement, ir.Jump):
            raise UnsupportedFeature("a jump outside an action: not supported")
        if isinstance(statement, ir.Exit):
            return ["\texiting = true;"]
        return self._drop(statement)

    def _drop(self, drop: ir.MarkToDrop) -> list[Line]:
        lines: list[Line] = [f"	{self._layout.field(drop.egress_spec)} = DROP_PORT;"]
        if drop.mcast_grp:
            lines.append(f"	{self._layout.field(drop.mcast_grp)} = 0;")
        return lines

    def _clone(self, clone: ir.Clone) -> list[Line]:
        session = self._expressions.modular(clone.session, 64, 15)
        number = clone.fields.number if clone.fields else 0
        return [
            "\tphv->standard.asked |= HG_ASK_CLONE;",
            f"\tphv->standard.clone_session = {session} & HG_CLONE_SESSION;",
            f"\tphv->standard.clone_fields = {number};",
        ]

    def _count(self, count: ir.Count) -> list[Line]:
        cells = f"ctx->counters[{self._counters[count.counter]}]"
        return self._indexed(
            count.index,
            count.counter.size,
            lambda index: [f"hg_count(ctx, &{cells}[{index}], ctx->frame_length);"],
        )

    def _meter(self, execute: ir.ExecuteMeter) -> list[Line]:
        target = self._expressions.raw(execute.target)
        mask = "" if execute.target.field.bits > 1 else " & 1"
        amount = "ctx->frame_length" if execute.meter.in_bytes else "1"
        cells = f"ctx->meters[{self._meters[execute.meter]}]"
        return self._indexed(
            execute.index,
            execute.meter.size,
            lambda index: self._expressions.store(
                execute.target,
                f"{target} = ctx->ops->meter({cells}, {index}, ctx->now_ns, {amount}){mask};",
            ),
        )

    def _hash(self, hash_: ir.Hash) -> list[Line]:
        """In 64 bits, as in BMv2."""
        wide = [value_range(each) for each in (hash_.base, hash_.size)]
        if any(each not in unsigned(64) for each in wide):
            raise UnsupportedFeature("a hash between signed or very wide bounds: not supported")
        text = call(hash_name(self._calculations[hash_.calculation]), hash_.calculation)
        size = wide[1].constant
        if size is None:
            most = f"hg_at_least_1({bare(self._expressions.plain(hash_.size))})"
        else:
            most = literal(max(size, 1), U64)
        base = bare(self._expressions.plain(hash_.base))
        text = f"({text} % {most} + {base})"
        field = hash_.target.field
        stored = self._expressions.stored_bits(field, text)
        store = f"{self._expressions.raw(hash_.target)} = {stored};"
        return [f"\t{line}" for line in self._expressions.store(hash_.target, store)]

    def _random(self, random: ir.Random) -> list[Line]:
        """BMv2 writes nothing where the bounds are the wrong way round."""
        bounds = (random.low, random.high)
        if any(value_range(each) not in unsigned(64) for each in bounds):
            raise UnsupportedFeature(
                "random numbers between signed or very wide bounds: not supported"
            )
        low, high = (bare(self._expressions.plain(each)) for each in bounds)
        value = self._expressions.stored_bits(random.target.field, f"hg_random(ctx, {low}, {high})")
        store = f"{self._expressions.raw(random.target)} = {value};"
        lines = [f"\t\t{line}" for line in self._expressions.store(random.target, store)]
        return [f"\tif ({low} <= {high}) {{", *lines, "\t}"]

    def _cells(self, register: ir.Register) -> str:
        number = self._registers[register]
        return f"(({c_type(storage_bits(register.bits))} *)ctx->registers[{number}])"

    def _read_register(self, read: ir.ReadRegister) -> list[Line]:
        if read.target.field.bits != read.register.bits or read.target.field.signed:
            raise UnsupportedFeature("reading a register into another type: not supported")
        target, cells = self._expressions.raw(read.target), self._cells(read.register)
        plain = read.register.bits > _ATOMIC_BITS

        def load(index: str) -> list[str]:
            cell = f"{cells}[{index}]"
            value = cell if plain else f"hg_register_load(&{cell})"
            return self._expressions.store(read.target, f"{target} = {value};")

        return self._indexed(read.index, read.register.size, load)

    def _write_register(self, write: ir.WriteRegister) -> list[Line]:
        cells = self._cells(write.register)
        cell = ir.Field(write.register.name, write.register.bits, signed=False, offset=0)
        value = self._expressions.stored(cell, write.value)
        plain = write.register.bits > _ATOMIC_BITS

        def store(index: str) -> list[str]:
            cell = f"{cells}[{index}]"
            return [f"{cell} = {value};" if plain else f"hg_register_store(&{cell}, {value});"]

        return self._indexed(write.index, write.register.size, store)

    def _indexed(self, index: ir.Data, size: int, use: Callable[[str], list[str]]) -> list[Line]:
        """An index beyond the end does nothing, as in BMv2."""
        values = value_range(index)
        if values.low < 0 or values.high >= 1 << 32:
            raise UnsupportedFeature("an index of more than 32 bits: not supported")
        if values.low >= size:
            return []
        text = self._expressions.plain(index)
        if values.high < size:
            return [f"\t{line}" for line in use(text)]
        return [
            "\t{",
            f"\t\tuint32_t index = (uint32_t){text};",
            "",
            f"\t\tif (index < {size})",
            *(f"\t\t\t{line}" for line in use("index")),
            "\t}",
        ]

    def _jump(self, jump: ir.Jump, number: int, count: int) -> list[Line]:
        """A jump back may come too often: then the action ends, and so does the packet."""
        target = f"statement_{jump.target}"
        opposite = None if jump.unless is None else self._expressions.negation(jump.unless)
        if jump.target > number:
            return [Goto(target, f"\tif ({opposite})\n\t\t" if opposite else "\t")]
        back: list[Line] = [
            f"\tif (++turns > {TURNS}) {{",
            "\t\tphv->standard.asked |= HG_ASK_STUCK;",
            Goto(f"statement_{count}", "\t\t"),
            "\t}",
            Goto(target),
        ]
        return [f"\tif ({opposite}) {{", *deeper(back), "\t}"] if opposite else back


@dataclass(frozen=True, slots=True)
class Function:
    """What the C function of an action is called and takes."""

    name: str
    data_struct: str
    parameters: tuple[str, ...]
    """C names of the arguments, members of the data struct."""
    body: list[str]
    takes_data: bool
    exits: bool
    alone_with: tuple[int, ...]
    """Arrays of registers that no other worker may use meanwhile."""

    def call(self, data: str) -> str:
        arguments = ["ctx", "phv", *([data] if self.takes_data else [])]
        return f"{self.name}({', '.join(arguments)})"

    def run(self, data: str) -> list[str]:
        """The statements that run it in a pipeline's function; exit leaves that function."""
        if not self.body:
            return []
        call = self.call(data)
        return [f"if ({call})", "\treturn;"] if self.exits else [f"{call};"]


class Actions:
    """The functions of the program's actions; a table that no packet reaches has arguments only."""

    def __init__(self, layout: Layout, program: ir.Program, traces: Traces) -> None:
        self._functions: dict[ir.Action, Function] = {}
        names = Names()
        pipelines = (program.ingress, program.egress)
        self._called = _actions(node for each in pipelines for node in in_order(each))
        self._in_parser = [
            each.op.statement
            for state in states_in_order(program.parser)
            for each in state.ops
            if isinstance(each.op, ir.ParserStatement)
        ]
        declared = _actions(node for each in pipelines for node in each.nodes.values())
        contended = _contended(self._called)
        for action in {**self._called, **declared}:
            self._functions[action] = _function(action, layout, program, names, traces, contended)

    def __getitem__(self, action: ir.Action) -> Function:
        return self._functions[action]

    def __iter__(self) -> Iterator[tuple[ir.Action, Function]]:
        return iter(self._functions.items())

    def data(self, call: ir.Call) -> str:
        """The arguments of a call as an initialiser: a pointer to constant data, or NULL."""
        function = self._functions[call.action]
        if not call.arguments:
            return "NULL"
        pairs = zip(function.parameters, call.arguments, strict=True)
        values = ", ".join(f".{name} = {constant(value)}" for name, value in pairs)
        return f"&(const struct {function.data_struct}){{ {values} }}"

    def sent(self) -> set[ir.Digest]:
        """The digests that some packet may send."""
        return {each.digest for each in self._bodies() if isinstance(each, ir.SendDigest)}

    def hashed(self) -> set[ir.Calculation]:
        return {each.calculation for each in self._bodies() if isinstance(each, ir.Hash)}

    @property
    def clones(self) -> bool:
        """Whether some packet may be cloned."""
        return any(isinstance(each, ir.Clone) for each in self._bodies())

    @property
    def go_again(self) -> bool:
        """Whether some packet may be resubmitted or recirculated."""
        return any(isinstance(each, (ir.Resubmit, ir.Recirculate)) for each in self._bodies())

    def _bodies(self) -> Iterator[ir.Statement]:
        """What some packet may run."""
        for action in self._called:
            yield from (each.statement for each in action.body)
        yield from self._in_parser

    def definitions(self) -> list[str]:
        lines: list[str] = []
        for action, function in self._functions.items():
            if action.parameters:
                members = [
                    (storage_bits(each.bits), name)
                    for each, name in zip(action.parameters, function.parameters, strict=True)
                ]
                members.sort(key=lambda member: -member[0])
                lines += [f"struct {function.data_struct} {{"]
                lines += [f"\t{c_type(bits)} {name};" for bits, name in members]
                lines += ["};", ""]
            if function.body and action in self._called:
                lines += _definition(action, function)
        return lines


def _actions(nodes: Iterable[ir.Node]) -> dict[ir.Action, None]:
    found: dict[ir.Action, None] = {}
    for node in nodes:
        found |= dict.fromkeys(node.actions if isinstance(node, ir.Table) else ())
        found |= dict.fromkeys([node.action] if isinstance(node, ir.ActionCall) else ())
    return found


def _uses(action: ir.Action) -> list[ir.ReadRegister | ir.WriteRegister]:
    return [
        each.statement
        for each in action.body
        if isinstance(each.statement, (ir.ReadRegister, ir.WriteRegister))
    ]


def _contended(actions: Iterable[ir.Action]) -> set[ir.Register]:
    """Registers that are right only while one worker uses them: cells that are not read and
    written whole, and those that some action writes besides using others, or itself, once
    more. BMv2 lets nobody interrupt an action."""
    found: set[ir.Register] = set()
    for action in actions:
        uses = _uses(action)
        writes = any(isinstance(each, ir.WriteRegister) for each in uses)
        for each in uses:
            if each.register.bits > _ATOMIC_BITS or (writes and len(uses) > 1):
                found.add(each.register)
    return found


def _function(
    action: ir.Action,
    layout: Layout,
    program: ir.Program,
    names: Names,
    traces: Traces,
    contended: set[ir.Register],
) -> Function:
    member_names = Names()
    members = tuple(member_names.make(each.name) for each in action.parameters)
    statements = Statements(layout, program, Expressions(layout, members))
    body = [*traces.line(f"Action {action.name}"), *statements.body(action.body)]
    alone_with = {each.register for each in _uses(action)} & contended
    return Function(
        name=names.make(action.name, "action_"),
        data_struct=names.make(action.name, "data_"),
        parameters=members,
        body=body,
        takes_data=any("data->" in line for line in body),
        exits=any(isinstance(each.statement, ir.Exit) for each in action.body),
        alone_with=tuple(
            number for number, each in enumerate(program.registers) if each in alone_with
        ),
    )


def _definition(action: ir.Action, function: Function) -> list[str]:
    parameters = PIPELINE_PARAMETERS
    if function.takes_data:
        parameters += f", const struct {function.data_struct} *data"
    body = function.body
    before = ["\tbool exiting = false;"] if function.exits else []
    if any(TURNS in line for line in body):
        before.append("\tuint32_t turns = 0;")
    before += [f"\thg_registers_enter(ctx, {number});" for number in function.alone_with]
    after = [f"\thg_registers_leave(ctx, {number});" for number in reversed(function.alone_with)]
    body = [*before, *([""] if before else []), *body, *after]
    if function.exits:
        body.append("\treturn exiting;")
    comment = [f"/* {c_comment(action.source)} */"] if action.source else []
    kind = "bool" if function.exits else "void"
    head = f"static {kind} {function.name}({parameters})"
    return [*comment, *function_text(head, ("ctx", "phv"), body)]
