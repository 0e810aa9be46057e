# SPDX-License-Identifier: Apache-2.0
"""What a P4Info and a BMv2 JSON both describe, and that they describe it alike.

The runtime lays out keys and parameters as the JSON has them, clients speak by
P4Info; so whatever both describe must agree in order, width and kind. Tables that
P4Info does not have are the compiler's own and nobody's to program. What P4Info has
alone, p4c has removed from the program, because no packet comes to it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from finsy.proto import p4i, p4t

from hectograph.errors import InvalidInput, Refused
from hectograph.switch import status
from hectograph.switch.compiler.frontend.reader import Node, read

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer as Repeated

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

ERROR_TYPE = "error"
"""What a value of P4's own type is called here; P4Info leaves it without a type and a width."""

_JSON_NAME = "p4_device_config"

_Value = p4i.MatchField | p4i.Action.Param | p4i.ControllerPacketMetadata.Metadata
_Info = TypeVar(
    "_Info",
    p4i.Table,
    p4i.Counter,
    p4i.DirectCounter,
    p4i.Meter,
    p4i.DirectMeter,
    p4i.Register,
    p4i.ActionProfile,
    p4i.ValueSet,
    p4i.Digest,
    p4i.ControllerPacketMetadata,
)


@dataclass(frozen=True, slots=True)
class DigestList:
    """A learn list of the JSON."""

    name: str
    widths: Sequence[int | None]
    """None: of a constant, whose width the JSON does not have."""


@dataclass(slots=True)
class Agreed:
    """A program as both describe it."""

    p4info: p4i.P4Info
    """Of what is in the program. Widths are the data plane's, whatever clients see."""
    codes: Mapping[str, Mapping[str, int]]
    """The numbers that stand for the names of errors and of enums' members, by type."""
    digests: Sequence[DigestList]
    register_bits: Mapping[str, int]
    absent: list[str] = field(default_factory=list[str])
    """What P4Info has alone: its kind and name."""
    absent_tables: dict[int, str] = field(default_factory=dict[int, str])
    """The tables among it by id."""


@dataclass(frozen=True, slots=True)
class _KeyField:
    name: str | None
    """Hidden tables have keys without names."""
    bits: int
    match: str


@dataclass(frozen=True, slots=True)
class _JsonTable:
    key: Sequence[_KeyField]
    actions: Mapping[str, Sequence[int]]
    """Parameters' bits."""
    timeouts: bool
    profile: str | None


class _Program:
    """The part of a BMv2 JSON that P4Info describes too."""

    def __init__(self, root: Node) -> None:
        self.types = _header_types(root)
        self._headers = _headers(root)
        actions = {
            node["id"].integer(): (
                node["name"].string(),
                [each["bitwidth"].natural() for each in node.array("runtime_data")],
            )
            for node in root.array("actions")
        }
        pipelines = root.array("pipelines")
        self.tables = {
            node["name"].string(): self._table(node, actions)
            for pipeline in pipelines
            for node in pipeline.array("tables")
        }
        self.profiles = {
            node["name"].string(): node.find("selector") is not None
            for pipeline in pipelines
            for node in pipeline.array("action_profiles")
        }
        self.value_sets = self._value_sets(root)
        self.counters, self.direct_counters = _arrays(root.array("counter_arrays"))
        self.meters, self.direct_meters = _arrays(root.array("meter_arrays"))
        registers = root.array("register_arrays")
        self.registers = {each["name"].string(): each["size"].natural() for each in registers}
        self.register_bits = {
            each["name"].string(): each["bitwidth"].natural() for each in registers
        }
        self.digests = [
            DigestList(
                each["name"].string(), [self._digest_bits(e) for e in each["elements"].items()]
            )
            for each in root.array("learn_lists")
        ]
        self.codes = _codes(root)

    def _table(self, node: Node, actions: Mapping[int, tuple[str, Sequence[int]]]) -> _JsonTable:
        mine: dict[str, Sequence[int]] = {}
        for number in node["action_ids"].items():
            if number.integer() not in actions:
                number.invalid(f"there is no action with the id {number.integer()}")
            name, bits = actions[number.integer()]
            mine[name] = bits
        profile = node.find("action_profile")
        return _JsonTable(
            [self._key_field(each) for each in node["key"].items()],
            mine,
            node.flag("support_timeout"),
            profile.string() if profile else None,
        )

    def _key_field(self, node: Node) -> _KeyField:
        name, match = node.find("name"), node["match_type"].string()
        called = name.string() if name else None
        if match == "valid":  # P4_14's, of a header's validity
            return _KeyField(called, 1, "exact")
        return _KeyField(called, self._bits(node["target"]), match)

    def _bits(self, reference: Node) -> int:
        header, name = reference.pair()
        if name.string() == "$valid$":
            return 1
        if header.string() not in self._headers:
            header.invalid(f"'{header.string()}' is not a header")
        bits = self.types.get(self._headers[header.string()], {}).get(name.string())
        return (
            name.invalid(f"no field '{name.string()}' of a fixed width") if bits is None else bits
        )

    def _value_sets(self, root: Node) -> dict[str, list[int | None]]:
        """The widths of the keys that each is compared with."""
        found: dict[str, list[int | None]] = {}
        for parser in root.array("parsers"):
            for state in parser.array("parse_states"):
                for each in state.array("transitions"):
                    kind = each.find("type")
                    if kind is not None and kind.value == "parse_vset":
                        keys = state.array("transition_key")
                        found[each["value"].string()] = [self._select_bits(key) for key in keys]
        return found

    def _select_bits(self, key: Node) -> int | None:
        """None: the compiler knows."""
        return self._bits(key["value"]) if key["type"].string() == "field" else None

    def _digest_bits(self, element: Node) -> int | None:
        return None if element["type"].string() == "hexstr" else self._bits(element["value"])


def agree(p4info: p4i.P4Info, config: bytes) -> Agreed:
    """INVALID_ARGUMENT that names the first object which differs."""
    try:
        program = _Program(read(config, _JSON_NAME))
    except InvalidInput as error:
        raise status.invalid(f"not a BMv2 JSON: {error}") from None
    _check_ids(p4info)
    return _Agreement(p4info, program).agreed


class _Agreement:
    def __init__(self, p4info: p4i.P4Info, program: _Program) -> None:
        self._theirs = p4info
        self._program = program
        ours = p4i.P4Info()
        ours.CopyFrom(p4info)
        self.agreed = Agreed(ours, program.codes, program.digests, program.register_bits)
        self._tables()
        self._arrays()
        self._digests()
        self._packet_headers()

    # ---- tables ----------------------------------------------------------------

    def _tables(self) -> None:
        ours, program = self.agreed.p4info, self._program
        for action in ours.actions:
            _check_value_ids(action.preamble.name, action.params)
        self._keep(ours.tables, "table", program.tables)
        self.agreed.absent_tables = {
            each.preamble.id: each.preamble.name
            for each in self._theirs.tables
            if each.preamble.name not in program.tables
        }
        actions = {action.preamble.id: action for action in ours.actions}
        widths: dict[str, Sequence[int]] = {}
        for info in ours.tables:
            table = program.tables[info.preamble.name]
            self._key(info, table)
            self._table_actions(info, table, actions)
            widths.update(table.actions)
        for action in ours.actions:
            if action.preamble.name in widths:
                self._parameters(action, widths[action.preamble.name])

    def _key(self, info: p4i.Table, table: _JsonTable) -> None:
        where = f"table {info.preamble.name}"
        _check_value_ids(info.preamble.name, info.match_fields)
        if len(info.match_fields) != len(table.key):
            raise _disagreement(where, f"has {len(table.key)} key field(s) in one only")
        for ours, theirs in zip(info.match_fields, table.key, strict=True):
            match = _JSON_MATCH_TYPES.get(ours.match_type)
            if match != theirs.match or theirs.name not in (None, ours.name):
                raise _disagreement(where, f"has another key: {ours.name}")
            self._set_width(ours, theirs.bits, f"{where}: key field {ours.name}")
        if info.idle_timeout_behavior != p4i.Table.NO_TIMEOUT and not table.timeouts:
            raise _disagreement(where, "has idle timeouts in P4Info only")

    def _table_actions(
        self, info: p4i.Table, table: _JsonTable, actions: Mapping[int, p4i.Action]
    ) -> None:
        where = f"table {info.preamble.name}"
        refs = list(info.action_refs)
        del info.action_refs[:]
        for ref in refs:
            action = actions.get(ref.id)
            if action is None:
                raise status.invalid(f"{where}: P4Info has no action {ref.id:#010x}")
            if action.preamble.name in table.actions:
                info.action_refs.append(ref)
            else:
                self.agreed.absent.append(f"{where}: action {action.preamble.name}")

    def _parameters(self, action: p4i.Action, widths: Sequence[int]) -> None:
        """By their order: programs of P4_14 have other names for them in the JSON."""
        where = f"action {action.preamble.name}"
        if len(action.params) != len(widths):
            raise _disagreement(where, f"has {len(widths)} parameter(s) in one only")
        for parameter, bits in zip(action.params, widths, strict=True):
            self._set_width(parameter, bits, f"{where}: parameter {parameter.name}")

    # ---- all else ----------------------------------------------------------------

    def _arrays(self) -> None:
        ours, theirs, program = self.agreed.p4info, self._theirs, self._program
        tables = {table.preamble.id: table.preamble.name for table in theirs.tables}
        self._keep(ours.counters, "counter", program.counters)
        self._keep(ours.meters, "meter", program.meters)
        self._keep(ours.registers, "register", program.registers)
        for kind, infos, sizes in (
            ("counter", ours.counters, program.counters),
            ("meter", ours.meters, program.meters),
            ("register", ours.registers, program.registers),
        ):
            for info in infos:
                if info.size != sizes[info.preamble.name]:
                    raise _disagreement(f"{kind} {info.preamble.name}", "has another size")
        self._keep(ours.direct_counters, "direct counter", program.direct_counters)
        self._keep(ours.direct_meters, "direct meter", program.direct_meters)
        for kind, infos, bindings in (
            ("direct counter", ours.direct_counters, program.direct_counters),
            ("direct meter", ours.direct_meters, program.direct_meters),
        ):
            for info in infos:
                if bindings[info.preamble.name] != tables.get(info.direct_table_id):
                    name = f"{kind} {info.preamble.name}"
                    raise _disagreement(name, "belongs to another table")
        self._profiles()
        self._keep(ours.value_sets, "value set", program.value_sets)
        for info in ours.value_sets:
            self._value_set(info, program.value_sets[info.preamble.name])

    def _profiles(self) -> None:
        """Sizes are the control plane's: the program has no use for them."""
        ours, profiles = self.agreed.p4info, self._program.profiles
        self._keep(ours.action_profiles, "action profile", profiles)
        names = {info.preamble.id: info.preamble.name for info in ours.action_profiles}
        for info in ours.action_profiles:
            if info.with_selector != profiles[info.preamble.name]:
                where = f"action profile {info.preamble.name}"
                raise _disagreement(where, "has a selector in one only")
        for table in ours.tables:
            name = table.preamble.name
            if names.get(table.implementation_id) != self._program.tables[name].profile:
                raise _disagreement(f"table {name}", "has another action profile")

    def _value_set(self, info: p4i.ValueSet, widths: Sequence[int | None]) -> None:
        where = f"value set {info.preamble.name}"
        _check_value_ids(info.preamble.name, info.match)
        if len(info.match) != len(widths):
            raise _disagreement(where, "is of other fields")
        for each, bits in zip(info.match, widths, strict=True):
            self._set_width(each, each.bitwidth if bits is None else bits, f"{where}: {each.name}")

    def _digests(self) -> None:
        ours = self.agreed.p4info
        lists = [each.name for each in self._program.digests]
        places = digest_indices([info.preamble.name for info in ours.digests], lists)
        self._keep(ours.digests, "digest", places)

    def _packet_headers(self) -> None:
        headers = self.agreed.p4info.controller_packet_metadata
        widths = {info.preamble.name: self._packet_widths(info) for info in headers}
        self._keep(headers, "header", [name for name, found in widths.items() if found is not None])
        for info in headers:
            for each, bits in zip(info.metadata, widths[info.preamble.name] or (), strict=True):
                self._set_width(each, bits, f"header {info.preamble.name}: {each.name}")

    def _packet_widths(self, info: p4i.ControllerPacketMetadata) -> Sequence[int] | None:
        """The JSON does not say which header it is: one with the same fields, or None."""
        _check_value_ids(info.preamble.name, info.metadata)
        if all(self._is_plain(each) for each in info.metadata):
            return [each.bitwidth for each in info.metadata]
        names = [each.name for each in info.metadata]
        found = {
            tuple(fields[name] for name in names)
            for fields in self._program.types.values()
            if [name for name in fields if not name.startswith("_padding")] == names
            and all(
                each.bitwidth == fields[each.name] for each in info.metadata if self._is_plain(each)
            )
        }
        if len(found) > 1:
            where = f"header {info.preamble.name}"
            raise _disagreement(where, "has translated fields, and several headers have the same")
        return found.pop() if found else None

    # ---- parts -------------------------------------------------------------------

    def _is_plain(self, value: _Value) -> bool:
        """Clients see what the data plane has."""
        return not (self._new_type(value).HasField("translated_type") or not value.bitwidth)

    def _new_type(self, value: _Value) -> p4t.P4NewTypeSpec:
        types = self._theirs.type_info.new_types
        name = value.type_name.name
        return types[name] if name in types else p4t.P4NewTypeSpec()

    def _set_width(self, value: _Value, bits: int, where: str) -> None:
        """The data plane's; P4Info must have the same, where clients see no other."""
        if bits > MAX_BITS:
            raise status.invalid(f"P4Info: {where} is {bits} bits wide, more than {MAX_BITS}")
        if self._is_plain(value) and value.bitwidth != bits:
            raise _disagreement(where, f"has {value.bitwidth} and {bits} bits")
        if bits and not value.bitwidth and not value.type_name.name:
            if not isinstance(value, p4i.MatchField):
                raise status.invalid(f"P4Info: {where} is 0 bits wide")
            value.type_name.name = ERROR_TYPE
        value.bitwidth = bits

    def _keep(self, infos: "Repeated[_Info]", kind: str, known: Collection[str]) -> None:
        """Those that the program has."""
        kept = [each for each in infos if each.preamble.name in known]
        gone = [each.preamble.name for each in infos if each.preamble.name not in known]
        self.agreed.absent += [f"{kind} {name}" for name in gone]
        del infos[:]
        infos.extend(kept)


UNNAMED_DIGEST = "digest"
"""What p4c calls the list of a digest whose type has no name; P4Info numbers them instead."""


def digest_indices(names: Sequence[str], lists: Sequence[str]) -> dict[str, list[int]]:
    """Where P4Info's digests are among the program's lists: by name, the unnamed in order.

    Those that the program does not have are left out.
    """
    found = {name: [n for n, each in enumerate(lists) if each == name] for name in names}
    missing = [name for name in names if not found[name]]
    unnamed = [n for n, each in enumerate(lists) if each == UNNAMED_DIGEST and each not in names]
    if unnamed and len(missing) != len(unnamed):
        raise _disagreement(f"digest {missing[0] if missing else UNNAMED_DIGEST}", "is in one only")
    named = {name: places for name, places in found.items() if places}
    return named | {name: [place] for name, place in zip(missing, unnamed, strict=False)}


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


def _check_value_ids(owner: str, values: Iterable[_Value]) -> None:
    ids = [value.id for value in values]
    if 0 in ids or len(set(ids)) != len(ids):
        raise status.invalid(f"P4Info: {owner} has an id twice or the id 0 in it")


def _disagreement(where: str, what: str) -> Refused:
    return status.invalid(f"P4Info and p4_device_config disagree: {where} {what}")


def _header_types(root: Node) -> dict[str, dict[str, int]]:
    """Fields' bits, in order; without varbits, which no key and no digest has."""
    found: dict[str, dict[str, int]] = {}
    for node in root["header_types"].items():
        fields: dict[str, int] = {}
        for each in node.array("fields"):
            parts = each.items()
            if len(parts) < 2:
                each.invalid("is not a name and a width")
            name, width = parts[:2]
            if width.value != "*":
                fields[name.string()] = width.natural()
        found[node["name"].string()] = fields
    return found


def _headers(root: Node) -> dict[str, str]:
    """Their types."""
    return {node["name"].string(): node["header_type"].string() for node in root["headers"].items()}


def _arrays(nodes: Iterable[Node]) -> tuple[dict[str, int], dict[str, str]]:
    """The sizes of indirect ones, the tables of direct ones."""
    sizes: dict[str, int] = {}
    tables: dict[str, str] = {}
    for node in nodes:
        if node.flag("is_direct"):
            tables[node["name"].string()] = node["binding"].string()
        else:
            sizes[node["name"].string()] = node["size"].natural()
    return sizes, tables


def _codes(root: Node) -> dict[str, dict[str, int]]:
    found = {node["name"].string(): _numbers(node["entries"]) for node in root.array("enums")}
    errors = root.find("errors")
    return found if errors is None else found | {ERROR_TYPE: _numbers(errors)}


def _numbers(node: Node) -> dict[str, int]:
    pairs = [each.pair() for each in node.items()]
    return {name.string(): number.natural() for name, number in pairs}
