# SPDX-License-Identifier: Apache-2.0
"""A P4Info bound to a pipeline that the runtime has loaded: ids to indices, once."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.agreement import Agreed
from hectograph.switch.codec import ActionCodec, Param
from hectograph.switch.counters import IndirectCounter, IndirectCounters
from hectograph.switch.digests import Digests
from hectograph.switch.direct import DirectCounters, DirectMeters
from hectograph.switch.idle import IdleTimeouts
from hectograph.switch.indirect import CHOICE_BYTES, IndirectTable
from hectograph.switch.meters import IndirectMeter, IndirectMeters, MeterCodec
from hectograph.switch.native import LoadedPipeline, Switch
from hectograph.switch.notifications import Notifier
from hectograph.switch.p4data import data_codec
from hectograph.switch.packetio import PacketHeader
from hectograph.switch.profiles import Profile, Profiles
from hectograph.switch.registers import Register, Registers
from hectograph.switch.replication import ReplicationEngine
from hectograph.switch.tables import Table, Tables, TableTraits
from hectograph.switch.translation import Ports, Translations, bind_key
from hectograph.switch.valuesets import ValueSets, bind_value_set


class Fill(NamedTuple):
    """How full a table is."""

    entries: int
    size: int


class Pipeline:
    """What clients write and read: the program's objects and the replication engine."""

    def __init__(
        self, switch: Switch, loaded: LoadedPipeline, agreed: Agreed, notifier: Notifier
    ) -> None:
        p4info = agreed.p4info
        self.loaded = loaded
        ports = Ports(switch.cpu_port, switch.find_port)
        self._translations = Translations(
            p4info.type_info, agreed.codes, ports, self._name_used_strings
        )
        self.replication = ReplicationEngine(switch, self._translations.port)
        self.headers = {
            info.preamble.name: PacketHeader(info, self._translations)
            for info in p4info.controller_packet_metadata
        }
        self.digests = Digests(loaded, agreed, self._translations, notifier)
        profiles = _bind_profiles(switch, loaded, p4info, self._translations)
        self._profiles = Profiles(list(profiles.values()))
        self._tables = Tables(
            _bind_tables(loaded, p4info, profiles, self._translations), agreed.absent_tables
        )
        self._idle = IdleTimeouts(self._tables, notifier)
        self._direct_counters = DirectCounters(self._tables)
        self._direct_meters = DirectMeters(self._tables)
        self._counters = IndirectCounters(
            [IndirectCounter(i, loaded.counter(i.preamble.name)) for i in p4info.counters]
        )
        self._value_sets = ValueSets(
            [bind_value_set(loaded, info, self._translations) for info in p4info.value_sets]
        )
        self._registers = Registers(
            [self._bind_register(info, agreed) for info in p4info.registers]
        )
        self._meters = IndirectMeters(
            [IndirectMeter(i, loaded.meter(i.preamble.name)) for i in p4info.meters]
        )

    def _bind_register(self, info: p4i.Register, agreed: Agreed) -> Register:
        name, types = info.preamble.name, agreed.p4info.type_info
        widths = [agreed.register_bits[name]]
        codec = data_codec(info.type_spec, types, self._translations, widths, f"register {name}")
        return Register(info, codec, self.loaded)

    def _name_used_strings(self) -> None:
        """What is read or written names them."""
        for _ in self._tables.read(p4r.TableEntry()):
            pass
        self._profiles.encode_all()
        self._value_sets.encode_all()

    def go_live(self) -> None:
        """It was committed: packets go through it from now on."""
        self.replication.go_live()
        self._idle.start()

    def close(self) -> None:
        """It is not used any more."""
        self._idle.close()
        self.digests.close()

    def write(self, update: p4r.Update) -> None:
        kind = update.type
        if kind not in (p4r.Update.INSERT, p4r.Update.MODIFY, p4r.Update.DELETE):
            raise status.invalid("an update without a type: INSERT, MODIFY or DELETE")
        self._translations.begin()
        entity = update.entity
        match entity.WhichOneof("entity"):
            case "table_entry":
                self._tables.write(kind, entity.table_entry)
            case "action_profile_member":
                member = entity.action_profile_member
                self._profiles.find(member.action_profile_id).write_member(kind, member)
            case "action_profile_group":
                group = entity.action_profile_group
                self._profiles.find(group.action_profile_id).write_group(kind, group)
            case "packet_replication_engine_entry":
                self.replication.write(kind, entity.packet_replication_engine_entry)
            case "direct_counter_entry":
                self._direct_counters.write(kind, entity.direct_counter_entry)
            case "direct_meter_entry":
                self._direct_meters.write(kind, entity.direct_meter_entry)
            case "counter_entry":
                self._counters.write(kind, entity.counter_entry)
            case "meter_entry":
                self._meters.write(kind, entity.meter_entry)
            case "register_entry":
                self._registers.write(kind, entity.register_entry)
            case "digest_entry":
                self.digests.write(kind, entity.digest_entry)
            case "value_set_entry":
                self._value_sets.write(kind, entity.value_set_entry)
            case other:
                raise _cannot(other)

    def fill(self) -> dict[str, Fill]:
        """By table."""
        return {each.traits.name: Fill(each.count(), each.traits.size) for each in self._tables}

    def table_entries(self) -> Iterator[p4r.Entity]:
        """Every entry that is a client's to write, with its counter, meter and timeout."""
        for table in self._tables:
            yield from table.written()

    def before(self, update: p4r.Update) -> list[p4r.Entity]:
        """What an update is about, as it is now: none, one, or the cells that it names."""
        entity = update.entity
        match entity.WhichOneof("entity"):
            case "table_entry":
                return self._tables.before(update)
            case "direct_counter_entry":
                return self._direct_counters.before(entity.direct_counter_entry)
            case "direct_meter_entry":
                return self._direct_meters.before(entity.direct_meter_entry)
            case "digest_entry":
                return self.digests.before(entity.digest_entry)
            case "packet_replication_engine_entry":
                return self.replication.before(entity.packet_replication_engine_entry)
            case _:
                return list(self.read(entity))

    def read(self, entity: p4r.Entity) -> Iterator[p4r.Entity]:
        match entity.WhichOneof("entity"):
            case "table_entry":
                return self._tables.read(entity.table_entry)
            case "packet_replication_engine_entry":
                return self.replication.read(entity.packet_replication_engine_entry)
            case "direct_counter_entry":
                return self._direct_counters.read(entity.direct_counter_entry)
            case "direct_meter_entry":
                return self._direct_meters.read(entity.direct_meter_entry)
            case "counter_entry":
                return self._counters.read(entity.counter_entry)
            case "meter_entry":
                return self._meters.read(entity.meter_entry)
            case "register_entry":
                return self._registers.read(entity.register_entry)
            case "digest_entry":
                return self.digests.read(entity.digest_entry)
            case "value_set_entry":
                return self._value_sets.read(entity.value_set_entry)
            case "action_profile_member":
                return self._profiles.read_members(entity.action_profile_member)
            case "action_profile_group":
                return self._profiles.read_groups(entity.action_profile_group)
            case other:
                raise _cannot(other)


def _cannot(kind: str | None) -> Refused:
    if kind is None:
        return status.invalid("an entity of no kind")
    return status.not_implemented("externs")


def _bind_profiles(
    switch: Switch, loaded: LoadedPipeline, p4info: p4i.P4Info, translations: Translations
) -> dict[int, Profile]:
    """Its tables all have the same actions."""
    actions = {action.preamble.id: action for action in p4info.actions}
    tables = {table.implementation_id: table for table in p4info.tables}
    profiles: dict[int, Profile] = {}
    for info in p4info.action_profiles:
        native = loaded.profile(info.preamble.name)
        table = tables.get(info.preamble.id, p4i.Table())
        codecs = [
            ActionCodec(
                actions[ref.id],
                ref,
                native.action_index(actions[ref.id].preamble.name),
                _params(actions[ref.id], translations),
            )
            for ref in table.action_refs
        ]
        profiles[info.preamble.id] = Profile(info, codecs, native, switch, translations.port)
    return profiles


def _bind_tables(
    loaded: LoadedPipeline,
    p4info: p4i.P4Info,
    profiles: Mapping[int, Profile],
    translations: Translations,
) -> list[Table]:
    actions = {action.preamble.id: action for action in p4info.actions}
    counters = {info.direct_table_id for info in p4info.direct_counters}
    meters = {info.direct_table_id: info for info in p4info.direct_meters}
    return [
        _bind_table(
            loaded,
            info,
            actions,
            counters,
            meters.get(info.preamble.id),
            profiles.get(info.implementation_id),
            translations,
        )
        for info in p4info.tables
    ]


def _bind_table(
    loaded: LoadedPipeline,
    info: p4i.Table,
    actions: Mapping[int, p4i.Action],
    counters: set[int],
    meter: p4i.DirectMeter | None,
    profile: Profile | None,
    translations: Translations,
) -> Table:
    where = f"table {info.preamble.name}"
    key = bind_key(info.match_fields, translations, where)
    params = {ref.id: _params(actions[ref.id], translations) for ref in info.action_refs}
    most = max((sum(p.string.size for p in params) for params in params.values()), default=0)
    runtime = loaded.table(
        info.preamble.name,
        key_bytes=key.size,
        params_bytes=most if profile is None else CHOICE_BYTES,
        has_mask=key.has_mask,
    )
    traits = TableTraits(
        id=info.preamble.id,
        name=info.preamble.name,
        is_const=info.is_const_table,
        const_default=info.const_default_action_id != 0,
        idle_timeouts=info.idle_timeout_behavior != p4i.Table.NO_TIMEOUT,
        has_counter=info.preamble.id in counters,
        meter=None if meter is None else MeterCodec(meter.spec, where),
        size=info.size,
    )
    if profile is not None:
        return IndirectTable(traits, key, runtime, profile, _initial_default(info))
    codecs = [
        ActionCodec(
            actions[ref.id],
            ref,
            runtime.action_index(actions[ref.id].preamble.name),
            params[ref.id],
        )
        for ref in info.action_refs
    ]
    return Table(traits, key, codecs, runtime)


def _initial_default(info: p4i.Table) -> p4r.Action:
    """P4Info's own type has the same parts as P4Runtime's."""
    initial = info.initial_default_action
    action = p4r.Action(action_id=initial.action_id or info.const_default_action_id)
    for argument in initial.arguments:
        action.params.add(param_id=argument.param_id, value=argument.value)
    return action


def _params(action: p4i.Action, translations: Translations) -> list[Param]:
    return [
        Param(each.id, each.name, translations.string(each.bitwidth, each.type_name.name))
        for each in action.params
    ]
