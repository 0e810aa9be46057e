# SPDX-License-Identifier: Apache-2.0
"""One of p4c's test programs, set and written over P4Runtime; its packets are put in."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import stf
from finsy.proto import p4i, p4r
from injection import Output, Programmed
from p4client import insert, modify

Json = dict[str, Any]


class Wrong(Exception):
    """What came out is not what the file expects."""


class Runner:
    def __init__(self, p4info: p4i.P4Info, program: Json, world: Programmed) -> None:
        self._p4info = p4info
        self._errors = {number: name for name, number in program["errors"]}
        self._world = world
        self._received: dict[int, list[bytes]] = {}
        self._expected: dict[int, list[stf.Expect]] = {}
        self._nodes: list[list[tuple[int, int]]] = []
        self._groups: dict[int, list[tuple[int, int]]] = {}
        self._labels: dict[str, p4r.TableEntry] = {}

    async def run(self, path: Path) -> None:
        """Raises Wrong; NotImplementedError for a command that it does not know."""
        for command in stf.read(path):
            await self._do(command)
        self._compare()

    async def _do(self, command: stf.Command) -> None:
        match command:
            case stf.Packet(port, frame):
                self._take(self._world.send(frame, port))
            case stf.Expect():
                self._expected.setdefault(command.port, []).append(command)
            case stf.Add():
                await self._add(command)
            case stf.CheckCounter():
                await self._check_counter(command)
            case stf.Other(name, arguments):
                await self._other(name, arguments)

    def _take(self, outputs: Sequence[Output]) -> None:
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

    async def _add(self, add: stf.Add) -> None:
        table = _by_suffix(self._p4info.tables, add.table)
        entry = p4r.TableEntry(table_id=table.preamble.id, is_default_action=add.default)
        self._action(table, add, entry.action.action)
        if add.default:
            await self._world.primary.write(modify(p4r.Entity(table_entry=entry)))
            return
        self._key(table, add.match, entry)
        kinds = {field.match_type for field in table.match_fields}
        if kinds & {p4i.MatchField.TERNARY, p4i.MatchField.RANGE, p4i.MatchField.OPTIONAL}:
            # BMv2's runner takes 10000 - priority for BMv2's priority, where the smaller wins.
            entry.priority = 1 + (add.priority or 0)
        await self._world.primary.write(insert(p4r.Entity(table_entry=entry)))
        if add.label:
            entry.ClearField("action")
            self._labels[add.label] = entry

    def _action(self, table: p4i.Table, add: stf.Add, answer: p4r.Action) -> None:
        ids = {ref.id for ref in table.action_refs}
        action = _by_suffix([a for a in self._p4info.actions if a.preamble.id in ids], add.action)
        answer.action_id = action.preamble.id
        for param in action.params:
            answer.params.add(
                param_id=param.id, value=_bytes(add.arguments[param.name], param.bitwidth)
            )

    def _key(
        self, table: p4i.Table, match: tuple[tuple[str, str], ...], entry: p4r.TableEntry
    ) -> None:
        given = {_field(table, name): value for name, value in match}
        for number, field in enumerate(table.match_fields):
            if number in given:
                self._match(field, given[number], entry)
            elif field.match_type == p4i.MatchField.EXACT:
                self._match(field, "0", entry)

    def _match(self, field: p4i.MatchField, text: str, entry: p4r.TableEntry) -> None:
        """Without what matches everything, which P4Runtime leaves out."""
        match, bits = p4r.FieldMatch(field_id=field.id), field.bitwidth
        match field.match_type:
            case p4i.MatchField.EXACT:
                value = int(text, 0)
                match.exact.value = (
                    self._errors[value].encode() if not bits else _bytes(value, bits)
                )
            case p4i.MatchField.OPTIONAL:
                match.optional.value = _bytes(int(text, 0), bits)
            case p4i.MatchField.LPM:
                address, _, prefix = text.partition("/")
                match.lpm.prefix_len = int(prefix) if prefix else bits
                ones = (1 << bits) - 1
                kept = ones & ~(ones >> match.lpm.prefix_len)
                match.lpm.value = _bytes(int(address, 0) & kept, bits)
                if not match.lpm.prefix_len:
                    return
            case _:
                value, mask = _masked(text, bits)
                if not mask:
                    return
                match.ternary.value, match.ternary.mask = _bytes(value, bits), _bytes(mask, bits)
        entry.match.append(match)

    # ---- counters, groups ------------------------------------------------------------

    async def _check_counter(self, check: stf.CheckCounter) -> None:
        wanted = p4r.Entity()
        if isinstance(check.index, str):
            wanted.direct_counter_entry.table_entry.CopyFrom(self._labels[check.index])
            (read,) = await self._world.primary.read(wanted)
            data = read.direct_counter_entry.data
        else:
            counter = _by_suffix(self._p4info.counters, check.counter)
            wanted.counter_entry.counter_id = counter.preamble.id
            wanted.counter_entry.index.index = check.index
            (read,) = await self._world.primary.read(wanted)
            data = read.counter_entry.data
        found = data.byte_count if check.unit == "bytes" else data.packet_count
        if check.value is not None and found != check.value:
            raise Wrong(
                f"counter {check.counter}({check.index}): {found} {check.unit}, not {check.value}"
            )

    async def _other(self, name: str, arguments: tuple[str, ...]) -> None:
        match name:
            case "mc_mgrp_create":
                self._groups[int(arguments[0])] = []
            case "mc_node_create":
                rid = int(arguments[0])
                self._nodes.append([(int(port), rid) for port in arguments[1:]])
            case "mc_node_associate":
                await self._associate(int(arguments[0]), self._nodes[int(arguments[1])])
            case "mirroring_add":
                await self._add_session(int(arguments[0]), [(int(arguments[1]), 0)])
            case "mirroring_add_mc":
                await self._add_session(int(arguments[0]), self._groups[int(arguments[1])])
            case "mirroring_get" | "register_read" | "meter_get_rates":
                pass  # whoever reads the log sees what they print
            case _:
                raise NotImplementedError(name)

    async def _associate(self, group: int, replicas: list[tuple[int, int]]) -> None:
        change = modify if self._groups[group] else insert
        self._groups[group] += replicas
        entity = p4r.Entity()
        entry = entity.packet_replication_engine_entry.multicast_group_entry
        entry.multicast_group_id = group
        entry.replicas.extend(map(_replica, self._groups[group]))
        await self._world.primary.write(change(entity))

    async def _add_session(self, session: int, replicas: list[tuple[int, int]]) -> None:
        entity = p4r.Entity()
        entry = entity.packet_replication_engine_entry.clone_session_entry
        entry.session_id = session
        entry.replicas.extend(map(_replica, replicas))
        await self._world.primary.write(insert(entity))


def _replica(place: tuple[int, int]) -> p4r.Replica:
    port, instance = place
    return p4r.Replica(port=_bytes(port, 9), instance=instance)


def _bytes(value: int, bits: int) -> bytes:
    return value.to_bytes((bits + 7) // 8 or 1, "big")


def _by_suffix(named: Any, wanted: str) -> Any:
    """The one of P4Info's objects that is called so, or whose name ends so."""
    by_name = {each.preamble.name: each for each in named}
    if wanted in by_name:
        return by_name[wanted]
    found = [each for name, each in by_name.items() if name.endswith(wanted)]
    if len(found) != 1:
        raise LookupError(f"{wanted} is {len(found)} of {sorted(by_name)}")
    return found[0]


def _field(table: p4i.Table, name: str) -> int:
    """The place of the key's field that an .stf file calls so."""
    plain = re.sub(r"\$(\d+)", r"[\1]", name)
    names = [field.name for field in table.match_fields]
    for wanted in (plain, f"{plain}$", f"{plain}.$valid$", f"{plain}.isValid()"):
        for number, each in enumerate(names):
            if each == wanted or each.endswith(f".{wanted}"):
                return number
    raise LookupError(f"{name} is none of {names}")


def _masked(text: str, bits: int) -> tuple[int, int]:
    """Digits of which some are ``*``."""
    if "*" not in text:
        return int(text, 0), (1 << bits) - 1
    base = {"x": 4, "b": 1}[text[1]]
    digits = text[2:]
    value = int(digits.replace("*", "0"), 1 << base)
    mask = int("".join("0" if d == "*" else f"{(1 << base) - 1:x}" for d in digits), 1 << base)
    return value, mask
