# SPDX-License-Identifier: Apache-2.0
"""One of p4c's test programs on the runtime, without ports."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import stf
from compiled import Compiled, Output

Json = dict[str, Any]


class Wrong(Exception):
    """What came out is not what the file expects."""


class Runner:
    def __init__(self, program: Json, switch: Compiled) -> None:
        self._program = program
        self._switch = switch
        self._tables = {
            table["name"]: table
            for pipeline in program["pipelines"]
            for table in pipeline["tables"]
        }
        self._widths = _widths(program)
        self._received: dict[int, list[bytes]] = {}
        self._expected: dict[int, list[stf.Expect]] = {}
        self._nodes: list[list[tuple[int, int]]] = []
        self._groups: dict[int, list[tuple[int, int]]] = {}
        self._labels: dict[str, tuple[str, bytes, bytes | None, int]] = {}

    def run(self, path: Path) -> None:
        """Raises Wrong; NotImplementedError for a command that it does not know."""
        for command in stf.read(path):
            self._do(command)
        self._compare()

    def _do(self, command: stf.Command) -> None:
        match command:
            case stf.Packet(port, frame):
                self._take(self._switch.send(frame, port))
            case stf.Expect():
                self._expected.setdefault(command.port, []).append(command)
            case stf.Add():
                self._add(command)
            case stf.CheckCounter():
                self._check_counter(command)
            case stf.Other(name, arguments):
                self._other(name, arguments)

    def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            self._received.setdefault(output.port, []).append(output.frame)

    def _compare(self) -> None:
        for port in sorted({*self._received, *self._expected}):
            frames = self._received.get(port, [])
            wanted = self._expected.get(port, [])
            if len(wanted) == 1 and wanted[0].digits is None:
                if not frames:
                    raise Wrong(f"port {port}: nothing came out")
                continue
            if len(frames) != len(wanted):
                raise Wrong(
                    f"port {port}: {len(frames)} packets, not {len(wanted)}: "
                    + " ".join(frame.hex() for frame in frames)
                )
            for number, (frame, each) in enumerate(zip(frames, wanted, strict=True)):
                if not each.matches(frame):
                    raise Wrong(f"port {port}, packet {number}: {frame.hex()}, not {each.digits}")

    # ---- entries ----------------------------------------------------------------

    def _add(self, add: stf.Add) -> None:
        table = _by_suffix(self._tables, add.table)
        name, action = self._action(table, add.action)
        params = b"".join(
            add.arguments[each["name"]].to_bytes((each["bitwidth"] + 7) // 8, "big")
            for each in action["runtime_data"]
        )
        if add.default:
            self._switch.set_default(table["name"], name, params)
            return
        key, mask, exact = self._key(table, add.match)
        ranked = table["match_type"] in ("ternary", "range")
        # BMv2's runner takes 10000 - priority for BMv2's priority, where the smaller wins.
        priority = 1 + (add.priority or 0) if ranked else 0
        self._switch.insert(
            table["name"], key, name, params, mask=None if exact else mask, priority=priority
        )
        if add.label:
            self._labels[add.label] = (table["name"], key, None if exact else mask, priority)

    def _action(self, table: Json, wanted: str) -> tuple[str, Json]:
        by_id = {each["id"]: each for each in self._program["actions"]}
        actions = {by_id[number]["name"]: by_id[number] for number in table["action_ids"]}
        found = _by_suffix(actions, wanted)
        return found["name"], found

    def _key(self, table: Json, match: tuple[tuple[str, str], ...]) -> tuple[bytes, bytes, bool]:
        given = {self._field(table, name): value for name, value in match}
        keys: list[bytes] = []
        masks: list[bytes] = []
        exact = True
        for number, part in enumerate(table["key"]):
            bits = self._bits(part["target"])
            kind = part["match_type"]
            exact = exact and kind in ("exact", "valid")
            value, mask = _value(given.get(number), kind, bits)
            keys.append(value.to_bytes((bits + 7) // 8, "big"))
            masks.append(mask.to_bytes((bits + 7) // 8, "big"))
        return b"".join(keys), b"".join(masks), exact

    def _field(self, table: Json, name: str) -> int:
        plain = re.sub(r"\$(\d+)", r"[\1]", name)
        names = [part["name"] for part in table["key"]]
        for wanted in (plain, f"{plain}$", f"{plain}.$valid$"):
            for number, each in enumerate(names):
                if each == wanted or each.endswith(f".{wanted}"):
                    return number
        raise LookupError(f"{name} is none of {names}")

    def _bits(self, target: list[str] | str) -> int:
        if isinstance(target, str) or target[1] == "$valid$":
            return 1
        return self._widths[target[0], target[1]]

    # ---- counters, registers, groups ---------------------------------------------------

    def _check_counter(self, check: stf.CheckCounter) -> None:
        counters = {each["name"]: each for each in self._program["counter_arrays"]}
        counter = _by_suffix(counters, check.counter)
        if isinstance(check.index, str):
            table, key, mask, priority = self._labels[check.index]
            packets, octets = self._switch.direct_counter(table, key, mask=mask, priority=priority)
        else:
            packets, octets = self._switch.counter(counter["name"], check.index)
        found = octets if check.unit == "bytes" else packets
        if check.value is not None and found != check.value:
            raise Wrong(
                f"counter {check.counter}({check.index}): {found} {check.unit}, not {check.value}"
            )

    def _other(self, name: str, arguments: tuple[str, ...]) -> None:
        match name:
            case "mc_mgrp_create":
                self._groups[int(arguments[0])] = []
            case "mc_node_create":
                rid = int(arguments[0])
                self._nodes.append([(int(port), rid) for port in arguments[1:]])
            case "mc_node_associate":
                group = int(arguments[0])
                self._groups[group] += self._nodes[int(arguments[1])]
                self._switch.set_group(group, *self._groups[group])
            case "mirroring_add":
                self._switch.add_session(int(arguments[0]), (int(arguments[1]), 0))
            case "mirroring_add_mc":
                group = self._groups[int(arguments[1])]
                self._switch.add_session(int(arguments[0]), *group)
            case "mirroring_get" | "register_read" | "meter_get_rates":
                pass  # whoever reads the log sees what they print
            case _:
                raise NotImplementedError(name)


def _by_suffix(named: Mapping[str, Json], wanted: str) -> Json:
    if wanted in named:
        return named[wanted]
    found = [each for name, each in named.items() if name.endswith(wanted)]
    if len(found) != 1:
        raise LookupError(f"{wanted} is {len(found)} of {sorted(named)}")
    return found[0]


def _widths(program: Json) -> dict[tuple[str, str], int]:
    types = {each["name"]: each for each in program["header_types"]}
    return {
        (header["name"], field[0]): field[1]
        for header in program["headers"]
        for field in types[header["header_type"]]["fields"]
    }


def _value(text: str | None, kind: str, bits: int) -> tuple[int, int]:
    ones = (1 << bits) - 1
    if text is None:
        return 0, ones if kind in ("exact", "valid") else 0
    if kind == "lpm":
        value, _, prefix = text.partition("/")
        length = int(prefix) if prefix else bits
        return int(value, 0), ones & ~(ones >> length)
    if "*" not in text:
        return int(text, 0), ones
    base = {"x": 4, "b": 1}[text[1]]
    digits = text[2:]
    value = int(digits.replace("*", "0"), 1 << base)
    mask = int("".join("0" if d == "*" else f"{(1 << base) - 1:x}" for d in digits), 1 << base)
    return value, mask


def load(path: Path) -> Json:
    return json.loads(path.read_text())
