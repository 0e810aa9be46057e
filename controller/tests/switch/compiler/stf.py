# SPDX-License-Identifier: Apache-2.0
"""Simple test framework files, as p4c's test programs have them: a command a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ACTION = re.compile(r"(?P<name>[\w.$]+)\((?P<arguments>[^)]*)\)(?:\s*=\s*(?P<label>\w+))?$")
_COUNTER = re.compile(
    r"(?P<name>[\w.]+)\((?P<index>[$\w]+)\)(?:\s+(?P<unit>bytes|packets)\s*==\s*(?P<value>\d+))?$"
)


@dataclass(frozen=True, slots=True)
class Packet:
    port: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Expect:
    port: int
    digits: str | None
    """Hexadecimal, ``*`` for any; None: any packet."""
    exact: bool
    """Nothing may follow."""

    def matches(self, frame: bytes) -> bool:
        if self.digits is None:
            return True
        digits = frame.hex()
        if len(digits) < len(self.digits) or (self.exact and len(digits) > len(self.digits)):
            return False
        pairs = zip(self.digits, digits, strict=False)
        return all(wanted in ("*", got) for wanted, got in pairs)


@dataclass(frozen=True, slots=True)
class Add:
    """An entry; with no match, a default entry."""

    table: str
    priority: int | None
    match: tuple[tuple[str, str], ...]
    action: str
    arguments: dict[str, int]
    label: str | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class CheckCounter:
    counter: str
    index: int | str
    """A string is an entry's label."""
    unit: str
    value: int | None


@dataclass(frozen=True, slots=True)
class Other:
    """A command of simple_switch's own command line."""

    name: str
    arguments: tuple[str, ...]


Command = Packet | Expect | Add | CheckCounter | Other


def read(path: Path) -> list[Command]:
    return list(_commands(path.read_text()))


def _commands(text: str) -> Iterator[Command]:
    for line in text.splitlines():
        stripped = line.split("#")[0].strip()
        if not stripped:
            continue
        word, _, rest = stripped.partition(" ")
        command = _command(word.lower(), rest.strip())
        if command is not None:
            yield command


def _command(word: str, rest: str) -> Command | None:
    match word:
        case "packet":
            port, _, digits = rest.partition(" ")
            return Packet(int(port), bytes.fromhex(digits))
        case "expect":
            port, _, digits = rest.partition(" ")
            wanted = "".join(digits.split()).lower()
            exact = wanted.endswith("$")
            return Expect(int(port), wanted.removesuffix("$") or None, exact)
        case "add" | "setdefault":
            return _add(rest, default=word == "setdefault")
        case "check_counter":
            found = _COUNTER.match(rest)
            assert found is not None, rest
            index = found["index"]
            label = index.removeprefix("$")
            value = None if found["value"] is None else int(found["value"])
            return CheckCounter(
                found["name"],
                label if index.startswith("$") else int(index),
                found["unit"] or "packets",
                value,
            )
        case "wait":
            return None
        case _:
            return Other(word, tuple(rest.split()))


def _add(rest: str, *, default: bool) -> Add:
    table, _, rest = rest.partition(" ")
    words = re.split(r"\s+(?![^(]*\))", rest.strip(), maxsplit=0)
    at = next(n for n, word in enumerate(words) if "(" in word)
    action = _ACTION.match(" ".join(words[at:]))
    assert action is not None, rest
    priority = int(words[0]) if at and words[0].isdigit() else None
    pairs = tuple(_pair(word) for word in words[priority is not None : at])
    arguments = dict(_pair(each.strip()) for each in action["arguments"].split(",") if each.strip())
    values = {name: int(value, 0) for name, value in arguments.items()}
    return Add(table, priority, pairs, action["name"], values, action["label"], default)


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition(":")
    return name, value
