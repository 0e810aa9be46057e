# SPDX-License-Identifier: Apache-2.0
"""Do a P4Info and a BMv2 JSON describe the same program?

The runtime lays out keys and parameters as the JSON has them, clients speak by
P4Info; so whatever both describe must agree in name, order, width and kind.
Tables that P4Info does not have are the compiler's own and nobody's to program.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from finsy.proto import p4i

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.p4data import data_codec

_JSON_MATCH_TYPES: dict[p4i.MatchField.MatchType.ValueType, str] = {
    p4i.MatchField.EXACT: "exact",
    p4i.MatchField.LPM: "lpm",
    p4i.MatchField.TERNARY: "ternary",
    p4i.MatchField.RANGE: "range",
    # p4c's BMv2 back end has no word of its own for it.
    p4i.MatchField.OPTIONAL: "ternary",
}


MAX_BITS = 2048
"""Of one value; p4c's own limit for bit<W>."""

_Value = p4i.MatchField | p4i.Action.Param | p4i.ControllerPacketMetadata.Metadata


@dataclass(frozen=True, slots=True)
class _JsonTable:
    key: Sequence[tuple[str, int, str]]
    """Name, bits, match type."""
    actions: Mapping[str, Sequence[tuple[str, int]]]
    """Parameters' names and bits."""
    timeouts: bool
    profile: str | None


class _Program:
    """The part of a BMv2 JSON that P4Info describes too."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._fields = _field_widths(document)
        actions = {
            action["id"]: (
                str(action["name"]),
                [(str(p["name"]), int(p["bitwidth"])) for p in action["runtime_data"]],
            )
            for action in document["actions"]
        }
        self.tables: dict[str, _JsonTable] = {
            table["name"]: _JsonTable(
                [self._key_field(element) for element in table["key"]],
                dict(actions[action_id] for action_id in table["action_ids"]),
                bool(table.get("support_timeout")),
                table.get("action_profile"),
            )
            for pipeline in document["pipelines"]
            for table in pipeline["tables"]
        }
        self.profiles = {
            profile["name"]: "selector" in profile
            for pipeline in document["pipelines"]
            for profile in pipeline.get("action_profiles", ())
        }
        self.value_sets = self._value_sets(document)
        self.counters = _arrays(document["counter_arrays"])
        self.meters = _arrays(document["meter_arrays"])
        self.direct_counters = _direct(document["counter_arrays"])
        self.direct_meters = _direct(document["meter_arrays"])
        self.registers = {
            str(each["name"]): (int(each["size"]), int(each["bitwidth"]))
            for each in document.get("register_arrays", ())
        }
        self.digests = [
            (str(each["name"]), [self._digest_bits(element) for element in each["elements"]])
            for each in document.get("learn_lists", ())
        ]

    def _key_field(self, element: dict[str, Any]) -> tuple[str, int, str]:
        return element["name"], self._bits(element["target"]), element["match_type"]

    def _bits(self, reference: Sequence[str]) -> int:
        header, field = reference
        return 1 if field == "$valid$" else self._fields[header, field]

    def _value_sets(self, document: dict[str, Any]) -> dict[str, list[int | None]]:
        """The widths of the keys that each is compared with."""
        found: dict[str, list[int | None]] = {}
        for parser in document["parsers"]:
            for state in parser["parse_states"]:
                for each in state["transitions"]:
                    if each.get("type") == "parse_vset":
                        found[each["value"]] = [
                            self._select_bits(k) for k in state["transition_key"]
                        ]
        return found

    def _select_bits(self, key: dict[str, Any]) -> int | None:
        """None: the compiler knows."""
        return self._bits(key["value"]) if key["type"] == "field" else None

    def _digest_bits(self, element: dict[str, Any]) -> int | None:
        """None: a constant, whose width the JSON does not have."""
        return None if element["type"] == "hexstr" else self._bits(element["value"])


def check_agreement(p4info: p4i.P4Info, config: bytes) -> None:
    """INVALID_ARGUMENT that names the first object which differs."""
    program = _read(config)
    _check_ids(p4info)
    _check_values(p4info)
    actions = {action.preamble.id: action for action in p4info.actions}
    for table in p4info.tables:
        _check_table(table, actions, program)
    for counter in p4info.counters:
        _check_array("counter", counter, program.counters)
    for meter in p4info.meters:
        _check_array("meter", meter, program.meters)
    tables = {table.preamble.id: table.preamble.name for table in p4info.tables}
    for counter in p4info.direct_counters:
        _check_direct("direct counter", counter, tables, program.direct_counters)
    for meter in p4info.direct_meters:
        _check_direct("direct meter", meter, tables, program.direct_meters)
    _check_profiles(p4info, program)
    _check_value_sets(p4info, program)
    _check_registers(p4info, program)
    _check_digests(p4info, program)


def _read(config: bytes) -> _Program:
    try:
        document = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise status.invalid(f"p4_device_config is not a BMv2 JSON: {error}") from None
    try:
        return _Program(cast("dict[str, Any]", document))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise status.invalid(
            f"p4_device_config is not a BMv2 JSON: {type(error).__name__} {error}"
        ) from None


def _check_ids(p4info: p4i.P4Info) -> None:
    seen: dict[int, str] = {}
    for info in (
        *p4info.tables,
        *p4info.actions,
        *p4info.action_profiles,
        *p4info.counters,
        *p4info.direct_counters,
        *p4info.meters,
        *p4info.direct_meters,
        *p4info.registers,
        *p4info.digests,
        *p4info.value_sets,
        *p4info.controller_packet_metadata,
    ):
        name, object_id = info.preamble.name, info.preamble.id
        if object_id == 0:
            raise status.invalid(f"P4Info: the id of {name} is 0")
        if object_id in seen:
            raise status.invalid(
                f"P4Info: {name} and {seen[object_id]} have the same id {object_id:#010x}"
            )
        seen[object_id] = name


def _check_values(p4info: p4i.P4Info) -> None:
    """Match fields, parameters and metadata: ids within their owner, widths, types."""
    translated = {
        name
        for name, spec in p4info.type_info.new_types.items()
        if spec.HasField("translated_type")
    }
    owners: list[tuple[str, Sequence[_Value]]] = [
        *((info.preamble.name, info.match_fields) for info in p4info.tables),
        *((info.preamble.name, info.params) for info in p4info.actions),
        *((info.preamble.name, info.match) for info in p4info.value_sets),
        *((info.preamble.name, info.metadata) for info in p4info.controller_packet_metadata),
    ]
    for owner, values in owners:
        ids = [value.id for value in values]
        if 0 in ids or len(set(ids)) != len(ids):
            raise status.invalid(f"P4Info: {owner} has an id twice or the id 0 in it")
        for value in values:
            where = f"P4Info: {owner}: {value.name}"
            if value.type_name.name in translated:
                raise status.invalid(
                    f"{where} has the translated type {value.type_name.name};"
                    " translations are not implemented yet"
                )
            if not 0 < value.bitwidth <= MAX_BITS:
                raise status.invalid(f"{where} is {value.bitwidth} bits wide")


def _check_table(info: p4i.Table, actions: Mapping[int, p4i.Action], program: _Program) -> None:
    where = f"table {info.preamble.name}"
    table = program.tables.get(info.preamble.name)
    if table is None:
        raise _disagreement(where, "is only in P4Info")
    key = [
        (field.name, field.bitwidth, _JSON_MATCH_TYPES.get(field.match_type, ""))
        for field in info.match_fields
    ]
    if key != table.key:
        raise _disagreement(where, "has another key")
    if info.idle_timeout_behavior != p4i.Table.NO_TIMEOUT and not table.timeouts:
        raise _disagreement(where, "has idle timeouts in P4Info only")
    for ref in info.action_refs:
        action = actions.get(ref.id)
        if action is None:
            raise status.invalid(f"{where}: P4Info has no action {ref.id:#010x}")
        name = action.preamble.name
        if name not in table.actions:
            raise _disagreement(f"{where}: action {name}", "is only in P4Info")
        if [(param.name, param.bitwidth) for param in action.params] != table.actions[name]:
            raise _disagreement(f"action {name}", "has other parameters")


def _check_array(kind: str, info: p4i.Counter | p4i.Meter, arrays: Mapping[str, int]) -> None:
    where = f"{kind} {info.preamble.name}"
    if info.preamble.name not in arrays:
        raise _disagreement(where, "is only in P4Info")
    if arrays[info.preamble.name] != info.size:
        raise _disagreement(where, "has another size")


def _check_direct(
    kind: str,
    info: p4i.DirectCounter | p4i.DirectMeter,
    tables: Mapping[int, str],
    bindings: Mapping[str, str],
) -> None:
    where = f"{kind} {info.preamble.name}"
    if info.preamble.name not in bindings:
        raise _disagreement(where, "is only in P4Info")
    if bindings[info.preamble.name] != tables.get(info.direct_table_id):
        raise _disagreement(where, "belongs to another table")


def _check_profiles(p4info: p4i.P4Info, program: _Program) -> None:
    """Sizes are the control plane's: the program has no use for them."""
    names = {info.preamble.id: info.preamble.name for info in p4info.action_profiles}
    for info in p4info.action_profiles:
        where = f"action profile {info.preamble.name}"
        if info.preamble.name not in program.profiles:
            raise _disagreement(where, "is only in P4Info")
        if info.with_selector != program.profiles[info.preamble.name]:
            raise _disagreement(where, "has a selector in one only")
    for table in p4info.tables:
        if names.get(table.implementation_id) != program.tables[table.preamble.name].profile:
            raise _disagreement(f"table {table.preamble.name}", "has another action profile")


def _check_value_sets(p4info: p4i.P4Info, program: _Program) -> None:
    for info in p4info.value_sets:
        where = f"value set {info.preamble.name}"
        bits = program.value_sets.get(info.preamble.name)
        if bits is None:
            raise _disagreement(where, "is only in P4Info")
        same = len(bits) == len(info.match) and all(
            width in (None, each.bitwidth) for width, each in zip(bits, info.match, strict=True)
        )
        if not same:
            raise _disagreement(where, "is of other fields")


def _check_registers(p4info: p4i.P4Info, program: _Program) -> None:
    for info in p4info.registers:
        where = f"register {info.preamble.name}"
        if info.preamble.name not in program.registers:
            raise _disagreement(where, "is only in P4Info")
        size, bits = program.registers[info.preamble.name]
        if size != info.size:
            raise _disagreement(where, "has another size")
        if list(data_codec(info.type_spec, p4info.type_info, where).widths) != [bits]:
            raise _disagreement(where, "has another type")


def _check_digests(p4info: p4i.P4Info, program: _Program) -> None:
    names = [name for name, _ in program.digests]
    indices = digest_indices([info.preamble.name for info in p4info.digests], names)
    for info in p4info.digests:
        where = f"digest {info.preamble.name}"
        widths = data_codec(info.type_spec, p4info.type_info, where).widths
        for index in indices[info.preamble.name]:
            theirs = program.digests[index][1]
            same = len(theirs) == len(widths) and all(
                bits in (None, width) for bits, width in zip(theirs, widths, strict=True)
            )
            if not same:
                raise _disagreement(where, "has another type")


UNNAMED_DIGEST = "digest"
"""What p4c calls the list of a digest whose type has no name; P4Info numbers them instead."""


def digest_indices(names: Sequence[str], lists: Sequence[str]) -> dict[str, list[int]]:
    """Where P4Info's digests are among the program's lists: by name, the unnamed in order."""
    found = {name: [n for n, each in enumerate(lists) if each == name] for name in names}
    missing = [name for name in names if not found[name]]
    unnamed = [n for n, each in enumerate(lists) if each == UNNAMED_DIGEST and each not in names]
    if len(missing) != len(unnamed):
        raise _disagreement(f"digest {missing[0] if missing else UNNAMED_DIGEST}", "is in one only")
    return found | {name: [place] for name, place in zip(missing, unnamed, strict=True)}


def _disagreement(where: str, what: str) -> Refused:
    return status.invalid(f"P4Info and p4_device_config disagree: {where} {what}")


def _field_widths(document: dict[str, Any]) -> dict[tuple[str, str], int]:
    types = {
        header_type["name"]: {
            field[0]: int(field[1])
            for field in header_type["fields"]
            if field[1] != "*"  # a varbit, which no key and no digest has
        }
        for header_type in document["header_types"]
    }
    return {
        (header["name"], field): bits
        for header in document["headers"]
        for field, bits in types[header["header_type"]].items()
    }


def _arrays(arrays: list[dict[str, Any]]) -> dict[str, int]:
    return {a["name"]: int(a["size"]) for a in arrays if not a["is_direct"]}


def _direct(arrays: list[dict[str, Any]]) -> dict[str, str]:
    return {a["name"]: str(a["binding"]) for a in arrays if a["is_direct"]}
