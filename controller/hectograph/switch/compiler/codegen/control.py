# SPDX-License-Identifier: Apache-2.0
"""Pipelines: a label for each node, jumps for what follows what."""

import re
from collections.abc import Callable
from typing import TypeAlias

from hectograph.errors import HectographError
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.actions import PIPELINE_PARAMETERS, Actions
from hectograph.switch.compiler.codegen.block import Goto, Label, Line, function, resolve
from hectograph.switch.compiler.codegen.expressions import Expressions
from hectograph.switch.compiler.codegen.layout import Layout
from hectograph.switch.compiler.codegen.names import Names, c_comment
from hectograph.switch.compiler.codegen.tables import TableCode
from hectograph.switch.compiler.codegen.traces import Traces
from hectograph.switch.compiler.flow import in_order

END = "end"

_MEMBER = re.compile(r"\bmember\b")
"""The variable: what is done may have the word in an action's name."""

_GotoMaker: TypeAlias = Callable[..., Goto]
"""The jump to a node by its name; a second argument is what stands before it."""


class ControlCode:
    def __init__(self, layout: Layout, actions: Actions, tables: TableCode, traces: Traces) -> None:
        self._layout = layout
        self._expressions = Expressions(layout)
        self._actions = actions
        self._traces = traces
        self._tables = tables
        self.looked_up: set[ir.Table] = set()
        """Tables that the functions made so far look up."""

    @property
    def selectors(self) -> set[ir.Calculation]:
        """What members are chosen by in the functions made so far."""
        profiles = [table.profile for table in self.looked_up if table.profile]
        return {each.selector for each in profiles if each.selector}

    def function(self, pipeline: ir.Pipeline) -> list[str]:
        nodes = in_order(pipeline)
        names = Names(END)
        labels = {node.name: names.make(node.name) for node in nodes}
        lines: list[Line] = []
        for node in nodes:
            lines += ["", Label(labels[node.name], c_comment(_comment(node)))]
            lines += self._node(node, labels)
        body = resolve([*lines, Label(END)])[1:]
        start, end = (
            self._traces.line(f"Pipeline '{pipeline.name}': {what}") for what in ("start", "end")
        )
        body = [*start, *body, *end] or [""]
        head = f"static void control_{pipeline.name}({PIPELINE_PARAMETERS})"
        return function(head, ("ctx", "phv"), body)

    def _node(self, node: ir.Node, labels: dict[str, str]) -> list[Line]:
        def goto(name: str | None, before: str = "\t") -> Goto:
            return Goto(END if name is None else labels[name], before)

        if isinstance(node, ir.Conditional):
            return self._conditional(node, goto)
        if isinstance(node, ir.ActionCall):
            run = self._actions[node.action].run("NULL")
            return [*(f"\t{line}" for line in run), goto(node.next)]
        if node.synthetic and node.default:
            return self._synthetic(node, node.default, goto)
        return self._table(node, goto)

    def _conditional(self, node: ir.Conditional, goto: _GotoMaker) -> list[Line]:
        try:
            opposite = self._expressions.negation(node.condition)
        except HectographError as error:
            error.where = error.where or node.where
            raise
        if not self._traces.on:
            return [goto(node.no, f"\tif ({opposite})\n\t\t"), goto(node.yes)]
        false, true = (
            self._traces.line(f"Condition {_comment(node)}: {value}", indent)
            for value, indent in (("false", "\t\t"), ("true", "\t"))
        )
        no = [f"\tif ({opposite}) {{", *false, goto(node.no, "\t\t"), "\t}"]
        return [*no, *true, goto(node.yes)]

    def _synthetic(self, table: ir.Table, call: ir.Call, goto: _GotoMaker) -> list[Line]:
        """Its one action, without a lookup. It is a miss: there are no entries."""
        function_ = self._actions[call.action]
        run = [f"\t{line}" for line in function_.run(self._actions.data(call))]
        following = table.next.miss if isinstance(table.next, ir.NextByHit) else table.next.nodes[0]
        return [*run, goto(following)]

    def _table(self, table: ir.Table, goto: _GotoMaker) -> list[Line]:
        following = table.next
        use = [*self._direct(table), *self._switch(table, goto)]
        if isinstance(following, ir.NextByHit):
            use.append(goto(following.hit, "\t\tif (entry->hit)\n\t\t\t"))
            last = goto(following.miss)
        else:
            last = goto(table.next_without_action if table.profile else following.nodes[0])
        if not use:  # whatever is found, nothing comes of it
            if not self._traces.on:
                return [last]
            use = ["\t\t(void)entry;"]
        self.looked_up.add(table)
        lines = [f"\t\tconst struct hg_entry *entry = {self._tables.lookup(table)};"]
        texts = [line for line in use if isinstance(line, str)]
        if table.profile and any(map(_MEMBER.search, texts)):
            member = f"const struct hg_member *member = {self._tables.choose(table)};"
            lines.append(f"\t\t{member}")
        return ["\t{", *lines, "", *use, "\t}", last]

    def _direct(self, table: ir.Table) -> list[Line]:
        """Time, direct counter and meter, in BMv2's order: before the action."""
        lines: list[Line] = []
        if table.support_timeout:
            lines.append("\t\thg_hit(entry, ctx->now_ns);")
        if table.has_counter:
            lines += [
                "\t\tif (entry->cell)",
                "\t\t\thg_count(ctx, entry->cell, ctx->frame_length);",
            ]
        if table.meter:
            target = self._expressions.raw(table.meter.target)
            mask = "" if table.meter.target.field.bits > 1 else " & 1"
            amount = "ctx->frame_length" if table.meter.in_bytes else "1"
            lines += [
                "\t\tif (entry->hit)",
                f"\t\t\t{target} = ctx->ops->meter(entry->meter, 0, ctx->now_ns, {amount}){mask};",
            ]
        return lines

    def _switch(self, table: ir.Table, goto: _GotoMaker) -> list[Line]:
        """The entry's action; and what follows it, where that differs between them.

        With an action profile the member's action: there may be none, and what follows then
        comes after the switch.
        """
        following = table.next
        differ = isinstance(following, ir.NextByAction) and (
            len({*following.nodes, *([table.next_without_action] if table.profile else [])}) > 1
        )
        found = "member" if table.profile else "entry"
        lines: list[Line] = []
        for index, action in enumerate(table.actions):
            code = self._actions[action]
            data = f"(const struct {code.data_struct} *){found}->data" if code.takes_data else ""
            run = code.run(data)
            if not run and not differ:
                continue
            number = self._tables.member_index(table, action) if table.profile else index
            lines += [f"\t\tcase {number}:", *(f"\t\t\t{line}" for line in run)]
            if differ and isinstance(following, ir.NextByAction):
                lines.append(goto(following.nodes[index], "\t\t\t"))
            else:
                lines.append("\t\t\tbreak;")
        if not lines:
            return []
        switch = "member ? member->action : UINT32_MAX" if table.profile else "entry->action"
        return [f"\t\tswitch ({switch}) {{", *lines, "\t\t}"]


def _comment(node: ir.Node) -> str:
    return f"{node.name}, {node.source}" if node.source else node.name
