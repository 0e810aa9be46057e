# SPDX-License-Identifier: Apache-2.0
"""The order of a pipeline's nodes, and of the parser's states."""

from collections.abc import Iterator

from hectograph.errors import InvalidInput
from hectograph.switch.compiler import ir


def followers(node: ir.Node) -> list[str | None]:
    """The nodes that may run after this one; None ends the pipeline."""
    if isinstance(node, ir.Conditional):
        return [node.yes, node.no]
    if isinstance(node, ir.ActionCall):
        return [node.next]
    if isinstance(node.next, ir.NextByHit):
        return [node.next.hit, node.next.miss]
    return list(node.next.nodes)


def in_order(pipeline: ir.Pipeline) -> list[ir.Node]:
    """The nodes that can be reached, each before all that may follow it.

    Where there is a choice, a node's first follower comes right after it, so that
    the code falls through to it.
    """
    finished: list[ir.Node] = []
    done: set[str] = set()
    path: list[tuple[str, Iterator[str | None]]] = []
    on_path: set[str] = set()

    def enter(name: str | None) -> None:
        if name is None or name in done:
            return
        if name not in pipeline.nodes:
            raise InvalidInput(f"'{name}' is not a node", where=f"pipelines[{pipeline.name}]")
        if name in on_path:
            raise InvalidInput(
                f"comes back to '{name}': a pipeline has no loops",
                where=f"pipelines[{pipeline.name}]",
            )
        on_path.add(name)
        path.append((name, reversed(followers(pipeline.nodes[name]))))

    enter(pipeline.start)
    while path:
        name, rest = path[-1]
        for following in rest:
            enter(following)
            break
        else:
            path.pop()
            on_path.remove(name)
            done.add(name)
            finished.append(pipeline.nodes[name])
    return finished[::-1]


def states_in_order(parser: ir.Parser) -> list[ir.ParserState]:
    """The states that can be reached, depth first, so that most transitions fall through."""
    order: dict[str, ir.ParserState] = {}
    ahead = [parser.start]
    while ahead:
        name = ahead.pop()
        if name is None or name in order:
            continue
        state = order[name] = parser.states[name]
        ahead += [*(case.next for case in reversed(state.cases)), state.default]
    return list(order.values())
