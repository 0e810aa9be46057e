# SPDX-License-Identifier: Apache-2.0
"""Lines of a C function, with labels and jumps that are only kept where they are needed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Goto:
    name: str
    before: str = "\t"
    """Indentation, and a condition if there is one."""


Line = str | Label | Goto


def resolve(lines: Iterable[Line]) -> list[str]:
    """Leave out jumps to what comes next, and labels that nothing jumps to."""
    flow: list[Line] = []
    following: Line | None = None
    for line in reversed(list(lines)):
        idle = isinstance(following, Label) and line == Goto(following.name)
        if not idle:
            flow.append(line)
        if line:  # not an empty one
            following = line
    targets = {line.name for line in flow if isinstance(line, Goto)}
    return [text for line in reversed(flow) for text in _text(line, targets)]


def _text(line: Line, targets: set[str]) -> list[str]:
    if isinstance(line, str):
        return [line]
    if isinstance(line, Goto):
        return [f"{line.before}goto {line.name};"]
    comment = [f"\t/* {line.comment} */"] if line.comment else []
    return [*([f"{line.name}:;"] if line.name in targets else []), *comment]


def function(head: str, parameters: Iterable[str], body: list[str]) -> list[str]:
    """A whole function; parameters that its body does not name are marked as unused."""
    text = "\n".join(body)
    idle = [name for name in parameters if not re.search(rf"\b{name}\b", text)]
    return [head, "{", *(f"\t(void){name};" for name in idle), *body, "}", ""]


def deeper(lines: Iterable[Line]) -> list[Line]:
    """One tab further in."""
    return [
        Goto(line.name, line.before.replace("\t", "\t\t", 1).replace("\n", "\n\t"))
        if isinstance(line, Goto)
        else line
        if isinstance(line, Label) or not line
        else f"\t{line}"
        for line in lines
    ]
