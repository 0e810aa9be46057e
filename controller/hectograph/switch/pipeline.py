# SPDX-License-Identifier: Apache-2.0
"""A P4Info bound to a pipeline that the runtime has loaded: ids to indices, once."""

from collections.abc import Iterator, Mapping

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.codec import FIELD_CODECS, ActionCodec, BitString, KeyCodec, Param
from hectograph.switch.counters import IndirectCounter, IndirectCounters
from hectograph.switch.digests import Digests
from hectograph.switch.direct import DirectCounters, DirectMeters
from hectograph.switch.idle import IdleTimeouts
from hectograph.switch.meters import IndirectMeter, IndirectMeters, MeterCodec
from hectograph.switch.native import LoadedPipeline, Switch
from hectograph.switch.notifications import Notifier
from hectograph.switch.packetio import PacketHeader
from hectograph.switch.registers import Register, Registers
from hectograph.switch.replication import ReplicationEngine
from hectograph.switch.tables import Table, Tables, TableTraits

_LATER: dict[str, str] = {
    "extern_entry": "externs",
    "action_profile_member": "action profiles",
    "action_profile_group": "action profiles",
    "value_set_entry": "value sets",
}


class Pipeline:
    """What clients write and read: the program's objects and the replication engine."""

    def __init__(
        self, switch: Switch, loaded: LoadedPipeline, p4info: p4i.P4Info, notifier: Notifier
    ) -> None:
        self.loaded = loaded
        self.replication = ReplicationEngine(switch)
        self.headers = {
            info.preamble.name: PacketHeader(info) for info in p4info.controller_packet_metadata
        }
        self.digests = Digests(loaded, p4info, notifier)
        self._tables = Tables(_bind_tables(loaded, p4info))
        self._idle = IdleTimeouts(self._tables, notifier)
        self._direct_counters = DirectCounters(self._tables)
        self._direct_meters = DirectMeters(self._tables)
        self._counters = IndirectCounters(
            [IndirectCounter(i, loaded.counter(i.preamble.name)) for i in p4info.counters]
        )
        self._registers = Registers(
            [Register(info, p4info.type_info, loaded) for info in p4info.registers]
        )
        self._meters = IndirectMeters(
            [IndirectMeter(i, loaded.meter(i.preamble.name)) for i in p4info.meters]
        )

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
        entity = update.entity
        match entity.WhichOneof("entity"):
            case "table_entry":
                self._tables.write(kind, entity.table_entry)
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
            case other:
                raise _cannot(other)

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
            # No pipeline has action profiles yet, so reading all of them is answered:
            # clients that empty a switch ask for them.
            case "action_profile_member" if not entity.action_profile_member.action_profile_id:
                return iter(())
            case "action_profile_group" if not entity.action_profile_group.action_profile_id:
                return iter(())
            case other:
                raise _cannot(other)


def _cannot(kind: str | None) -> Refused:
    if kind is None:
        return status.invalid("an entity of no kind")
    return status.not_implemented(_LATER[kind])


def _bind_tables(loaded: LoadedPipeline, p4info: p4i.P4Info) -> list[Table]:
    actions = {action.preamble.id: action for action in p4info.actions}
    counters = {info.direct_table_id for info in p4info.direct_counters}
    meters = {info.direct_table_id: info for info in p4info.direct_meters}
    return [
        _bind_table(loaded, info, actions, counters, meters.get(info.preamble.id))
        for info in p4info.tables
    ]


def _bind_table(
    loaded: LoadedPipeline,
    info: p4i.Table,
    actions: Mapping[int, p4i.Action],
    counters: set[int],
    meter: p4i.DirectMeter | None,
) -> Table:
    where = f"table {info.preamble.name}"
    if info.implementation_id:
        raise status.invalid(f"{where}: action profiles are not implemented yet")
    key = KeyCodec(
        [FIELD_CODECS[field.match_type](field, where) for field in info.match_fields], where
    )
    params = {ref.id: _params(actions[ref.id]) for ref in info.action_refs}
    runtime = loaded.table(
        info.preamble.name,
        key_bytes=key.size,
        params_bytes=max(
            (sum(p.string.size for p in params) for params in params.values()), default=0
        ),
        has_mask=key.has_mask,
    )
    codecs = [
        ActionCodec(
            actions[ref.id],
            ref,
            runtime.action_index(actions[ref.id].preamble.name),
            params[ref.id],
        )
        for ref in info.action_refs
    ]
    traits = TableTraits(
        id=info.preamble.id,
        name=info.preamble.name,
        is_const=info.is_const_table,
        const_default=info.const_default_action_id != 0,
        idle_timeouts=info.idle_timeout_behavior != p4i.Table.NO_TIMEOUT,
        has_counter=info.preamble.id in counters,
        meter=None if meter is None else MeterCodec(meter.spec, where),
    )
    return Table(traits, key, codecs, runtime)


def _params(action: p4i.Action) -> list[Param]:
    return [Param(param.id, param.name, BitString(param.bitwidth)) for param in action.params]
