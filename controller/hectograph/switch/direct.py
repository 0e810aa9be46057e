# SPDX-License-Identifier: Apache-2.0
"""DirectCounterEntry and DirectMeterEntry: a table entry's own counter and meter."""

from collections.abc import Iterator, Sequence

from finsy.proto import p4r

from hectograph.switch import status
from hectograph.switch.counters import check_modify, decode_counter, encode_counter
from hectograph.switch.meters import decode_meter
from hectograph.switch.tables import Table, Tables
from hectograph.switch.values import Entry, MatchKey


class DirectCounters:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.DirectCounterEntry) -> None:
        check_modify(update, "a direct counter")
        table = _table(self._tables, entry)
        _require_counter(table)
        value = encode_counter(entry.data, table.where) if entry.HasField("data") else None
        table.set_counter(_key(table, entry.table_entry), value)

    def before(self, entry: p4r.DirectCounterEntry) -> list[p4r.Entity]:
        entities: list[p4r.Entity] = []
        for found in _table(self._tables, entry).find(entry.table_entry):
            answer = p4r.DirectCounterEntry(table_entry=entry.table_entry)
            answer.data.CopyFrom(decode_counter(found.counter))
            entities.append(p4r.Entity(direct_counter_entry=answer))
        return entities

    def read(self, wanted: p4r.DirectCounterEntry) -> Iterator[p4r.Entity]:
        for table in _tables(self._tables, wanted):
            if wanted.table_entry.table_id:
                _require_counter(table)
            elif not table.traits.has_counter:
                continue
            for entry in _select(table, wanted.table_entry):
                entity = p4r.Entity()
                answer = entity.direct_counter_entry
                table.describe(entry, answer.table_entry)
                answer.data.CopyFrom(decode_counter(entry.counter))
                yield entity


class DirectMeters:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.DirectMeterEntry) -> None:
        check_modify(update, "a direct meter")
        table = _table(self._tables, entry)
        _require_meter(table)
        _check_counter_data(entry)
        rates = table.encode_meter(entry.config) if entry.HasField("config") else None
        table.set_meter(_key(table, entry.table_entry), rates)

    def before(self, entry: p4r.DirectMeterEntry) -> list[p4r.Entity]:
        entities: list[p4r.Entity] = []
        for found in _table(self._tables, entry).find(entry.table_entry):
            answer = p4r.DirectMeterEntry(table_entry=entry.table_entry)
            if found.meter is not None:
                answer.config.CopyFrom(decode_meter(found.meter))
            entities.append(p4r.Entity(direct_meter_entry=answer))
        return entities

    def read(self, wanted: p4r.DirectMeterEntry) -> Iterator[p4r.Entity]:
        _check_counter_data(wanted)
        for table in _tables(self._tables, wanted):
            if wanted.table_entry.table_id:
                _require_meter(table)
            elif table.traits.meter is None:
                continue
            for entry in _select(table, wanted.table_entry):
                entity = p4r.Entity()
                answer = entity.direct_meter_entry
                table.describe(entry, answer.table_entry)
                if entry.meter is not None:
                    answer.config.CopyFrom(decode_meter(entry.meter))
                yield entity


def _require_entry(entry: p4r.DirectCounterEntry | p4r.DirectMeterEntry) -> None:
    if not entry.HasField("table_entry"):
        raise status.invalid("a direct resource without its table_entry")


def _table(tables: Tables, entry: p4r.DirectCounterEntry | p4r.DirectMeterEntry) -> Table:
    _require_entry(entry)
    return tables.find(entry.table_entry.table_id)


def _tables(
    tables: Tables, wanted: p4r.DirectCounterEntry | p4r.DirectMeterEntry
) -> Iterator[Table]:
    _require_entry(wanted)
    if wanted.table_entry.table_id:
        yield tables.find(wanted.table_entry.table_id)
    else:
        yield from tables


def _key(table: Table, entry: p4r.TableEntry) -> MatchKey | None:
    """None: the default entry."""
    if not entry.is_default_action:
        return table.key(entry)
    table.check_default_shape(entry)
    return None


def _select(table: Table, wanted: p4r.TableEntry) -> Sequence[Entry]:
    """A wildcard may find nothing; an entry that is named must be there."""
    entries = table.select(wanted)
    if wanted.match and not entries:
        raise status.not_found(f"{table.where}: it has no such entry")
    return entries


def _require_counter(table: Table) -> None:
    if not table.traits.has_counter:
        raise status.invalid(f"{table.where} has no direct counter")


def _require_meter(table: Table) -> None:
    if table.traits.meter is None:
        raise status.invalid(f"{table.where} has no direct meter")


def _check_counter_data(entry: p4r.DirectMeterEntry) -> None:
    if entry.HasField("counter_data"):
        raise status.not_implemented("counters per meter colour")
