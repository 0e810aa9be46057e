# SPDX-License-Identifier: Apache-2.0
"""Field lists, which clones and packets that go again keep; and where a program may do what.

simple_switch has one register for digests and clones of either kind, and looks at it
after each pipeline; v1model.p4 says which call belongs where, and so does this.
"""

from collections.abc import Iterator

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.flow import in_order
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node


def load_field_lists(root: Node, headers: Headers) -> dict[int, ir.FieldList]:
    """By the id that primitives name."""
    lists: dict[int, ir.FieldList] = {}
    for node in root.array("field_lists"):
        number = node["id"].natural()
        if number in lists:
            node["id"].invalid("is there twice")
        fields = [each for item in node["elements"].items() for each in _fields(item, headers)]
        lists[number] = ir.FieldList(number, tuple(fields))
    return lists


def _fields(node: Node, headers: Headers) -> tuple[ir.FieldValue, ...]:
    if node["type"].string() != "field":
        node.unsupported(f"a field list's element of type '{node['type'].string()}'")
    return headers.pieces(node["value"])


def check_places(parser: ir.Parser, ingress: ir.Pipeline, egress: ir.Pipeline, where: Node) -> None:
    for state in parser.states.values():
        for each in state.ops:
            if isinstance(each.op, ir.ParserStatement):
                _check(each.op.statement, "parser", f"state '{state.name}'", where)
    for pipeline in (ingress, egress):
        for action in _actions(pipeline):
            for each in action.body:
                _check(each.statement, pipeline.name, f"action '{action.name}'", where)


def _actions(pipeline: ir.Pipeline) -> Iterator[ir.Action]:
    for node in in_order(pipeline):
        if isinstance(node, ir.Table):
            yield from node.actions
        elif isinstance(node, ir.ActionCall):
            yield node.action


def _check(statement: ir.Statement, place: str, what: str, where: Node) -> None:
    if isinstance(statement, ir.SendDigest) and place != "ingress":
        where.unsupported(f"a digest in {place} ({what})")
    if isinstance(statement, ir.Clone) and place != statement.pipeline:
        where.unsupported(f"a clone of {statement.pipeline} in {place} ({what})")
    if isinstance(statement, ir.Resubmit) and place != "ingress":
        where.unsupported(f"resubmission in {place} ({what})")
    if isinstance(statement, ir.Recirculate) and place != "egress":
        where.unsupported(f"recirculation in {place} ({what})")
    if isinstance(statement, ir.Truncate) and place == "parser":
        where.unsupported(f"truncation in {place} ({what})")
