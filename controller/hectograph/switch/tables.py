# SPDX-License-Identifier: Apache-2.0
"""TableEntry: what a table holds, written and read.

Key, action and cookie live in the runtime; `metadata`, and what P4Runtime keeps
of a default entry, live here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from errno import EEXIST, ENOENT, ENOMEM, ENOSPC, EPERM
from itertools import chain

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch import native, status
from hectograph.switch.codec import ActionCodec, KeyCodec
from hectograph.switch.counters import decode_counter, encode_counter
from hectograph.switch.meters import MeterCodec, decode_meter
from hectograph.switch.shapes import Shapes
from hectograph.switch.values import CounterValue, Entry, MatchKey, MeterRates

_REFUSALS: dict[int, tuple[Callable[[str], Refused], str]] = {
    EEXIST: (status.already_exists, "it has this entry already"),
    ENOENT: (status.not_found, "it has no such entry"),
    ENOSPC: (status.exhausted, "it is full"),
    ENOMEM: (status.exhausted, "there is no memory for the entry"),
    EPERM: (status.denied, "the entry is constant"),
}


@dataclass(frozen=True, slots=True)
class TableTraits:
    """What P4Info says of a table beyond its key and actions."""

    id: int
    name: str
    is_const: bool
    const_default: bool
    idle_timeouts: bool
    has_counter: bool
    meter: MeterCodec | None
    size: int
    """Entries that fit."""


class Table:
    def __init__(
        self,
        traits: TableTraits,
        key: KeyCodec,
        actions: Sequence[ActionCodec],
        runtime: native.Table,
    ) -> None:
        self.id = traits.id
        self.traits = traits
        self.where = f"table {traits.name}"
        self._key = key
        self._actions = {action.id: action for action in actions}
        self._actions_by_index = {action.index: action for action in actions}
        self._runtime = runtime
        self._shapes: Shapes | None = None
        if key.is_verbatim and not traits.is_const:
            writable = [
                each
                for each in actions
                if each.scope != p4i.ActionRef.DEFAULT_ONLY and each.is_verbatim
            ]
            self._shapes = Shapes(traits.id, key, writable)
        self._metadata: dict[MatchKey, bytes] = {}
        self.on_timeout: Callable[[int], None] = lambda _: None
        """Is told of every idle timeout that is written, in ns."""
        self._default_cookie = 0
        self._default_metadata = b""
        self._default_is_set = False
        """By a client; the program's own is the same in every pipeline of the program."""

    def count(self) -> int:
        """The entries in it, without the default entry."""
        return self._runtime.count()

    # ---- writes -------------------------------------------------------------

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.TableEntry) -> None:
        if entry.is_const:
            raise status.invalid(f"{self.where}: is_const is the switch's to say")
        try:
            if entry.is_default_action:
                self._write_default(update, entry)
            elif update == p4r.Update.INSERT:
                if self._shapes is not None and (usual := self._shapes.read(entry)) is not None:
                    self._runtime.insert(*usual, cookie=0)
                else:
                    self._insert(entry)
            elif update == p4r.Update.MODIFY:
                self._modify(entry)
            else:
                self._delete(entry)
        except OSError as error:
            raise self._refuse(error) from None

    def _insert(self, entry: p4r.TableEntry) -> None:
        self._check_mutable("inserted")
        if not self._key.fields:
            raise status.invalid(f"{self.where} has no key: it only has a default entry")
        key = self.key(entry)
        action, params = self._encode_action(entry, p4i.ActionRef.DEFAULT_ONLY)
        counter, meter = self._direct(entry)
        cookie = entry.controller_metadata  # pyright: ignore[reportDeprecated]: clients use it
        timeout = entry.idle_timeout_ns
        self._runtime.insert(key, action.index, params, cookie, timeout)
        self._tell_timeout(timeout)
        if counter is not None:
            self._runtime.set_counter(key, counter)
        if meter is not None:
            self._runtime.set_meter(key, meter)
        if entry.metadata:
            self._metadata[key] = entry.metadata

    def _modify(self, entry: p4r.TableEntry) -> None:
        if entry.HasField("action"):
            self._check_mutable("modified, but for their direct counters and meters")
        key = self.key(entry)
        counter, meter = self._direct(entry)
        if entry.HasField("action"):
            action, params = self._encode_action(entry, p4i.ActionRef.DEFAULT_ONLY)
            cookie = entry.controller_metadata  # pyright: ignore[reportDeprecated]
            timeout = entry.idle_timeout_ns
            self._runtime.modify(key, action.index, params, cookie, timeout)
            self._tell_timeout(timeout)
            self._keep_metadata(key, entry.metadata)
        else:
            self._runtime.get(key)  # ENOENT when it is not there
        if counter is not None:
            self._runtime.set_counter(key, counter)
        if self.traits.meter is not None:
            self._runtime.set_meter(key, meter)

    def _delete(self, entry: p4r.TableEntry) -> None:
        self._check_mutable("deleted")
        key = self.key(entry)
        self._runtime.delete(key)
        self._metadata.pop(key, None)

    def _write_default(self, update: p4r.Update.Type.ValueType, entry: p4r.TableEntry) -> None:
        self.check_default_shape(entry)
        if update != p4r.Update.MODIFY:
            raise status.invalid(f"{self.where}: a default entry can only be modified")
        if self.traits.const_default:
            raise status.denied(f"{self.where}: its default entry is constant")
        counter, meter = self._direct(entry)
        if entry.HasField("action"):
            action, params = self._encode_action(entry, p4i.ActionRef.TABLE_ONLY)
            self._runtime.set_default(action.index, params)
            self._default_is_set = True
            self._default_cookie = entry.controller_metadata  # pyright: ignore[reportDeprecated]
            self._default_metadata = entry.metadata
        else:
            self._runtime.reset_default()
            self._default_is_set = False
            self._default_cookie, self._default_metadata = 0, b""
            counter, meter = CounterValue(0, 0), None
        if counter is not None and self.traits.has_counter:
            self._runtime.set_counter(None, counter)
        if self.traits.meter is not None:
            self._runtime.set_meter(None, meter)

    def _tell_timeout(self, timeout_ns: int) -> None:
        if timeout_ns:
            self.on_timeout(timeout_ns)

    def _keep_metadata(self, key: MatchKey, metadata: bytes) -> None:
        if metadata:
            self._metadata[key] = metadata
        else:
            self._metadata.pop(key, None)

    # ---- parts of an entry ---------------------------------------------------

    def key(self, entry: p4r.TableEntry) -> MatchKey:
        """Of an entry that must name exactly one."""
        self._key.check_priority(entry.priority)
        return self._key.encode(entry.match, entry.priority)

    def _encode_action(
        self, entry: p4r.TableEntry, excluded: p4i.ActionRef.Scope.ValueType
    ) -> tuple[ActionCodec, bytes]:
        given = entry.action
        kind = given.WhichOneof("type")
        if kind != "action":
            what = "no action" if kind is None else f"{kind}, but it has no action profile"
            raise status.invalid(f"{self.where} is given {what}")
        action = self._find_action(given.action.action_id)
        if action.scope == excluded:
            scope = p4i.ActionRef.Scope.Name(action.scope)
            raise status.denied(f"{self.where}: the scope of action {action.name} is {scope}")
        return action, action.encode(given.action)

    def _find_action(self, action_id: int) -> ActionCodec:
        action = self._actions.get(action_id)
        if action is None:
            raise status.invalid(f"{self.where} has no action {action_id:#010x}")
        return action

    def _direct(self, entry: p4r.TableEntry) -> tuple[CounterValue | None, MeterRates | None]:
        """The direct resources' values that an entry carries."""
        self.check_idle_timeout(entry)
        if entry.HasField("time_since_last_hit"):
            raise status.invalid(f"{self.where}: time_since_last_hit is the switch's to say")
        counter = meter = None
        if entry.HasField("counter_data"):
            if not self.traits.has_counter:
                raise status.invalid(f"{self.where} has no direct counter")
            counter = encode_counter(entry.counter_data, self.where)
        if entry.HasField("meter_config"):
            meter = self.encode_meter(entry.meter_config)
        if entry.HasField("meter_counter_data"):
            raise status.not_implemented("counters per meter colour")
        return counter, meter

    def encode_meter(self, config: p4r.MeterConfig) -> MeterRates:
        if self.traits.meter is None:
            raise status.invalid(f"{self.where} has no direct meter")
        return self.traits.meter.encode(config)

    def _check_mutable(self, what: str) -> None:
        if self.traits.is_const:
            raise status.denied(f"{self.where} is constant: its entries cannot be {what}")

    def check_default_shape(self, entry: p4r.TableEntry) -> None:
        if entry.match or entry.priority:
            raise status.invalid(f"{self.where}: a default entry has neither match nor priority")
        if entry.idle_timeout_ns or entry.HasField("time_since_last_hit"):
            raise status.invalid(f"{self.where}: a default entry has no idle timeout")

    def check_idle_timeout(self, entry: p4r.TableEntry) -> None:
        asked = entry.idle_timeout_ns or entry.HasField("time_since_last_hit")
        if asked and not self.traits.idle_timeouts:
            raise status.invalid(f"{self.where} has no idle timeouts")
        if entry.idle_timeout_ns < 0:
            raise status.invalid(f"{self.where}: a negative idle timeout")

    def expired(self) -> tuple[list[p4r.TableEntry], int | None]:
        """Entries that were idle for their timeout, and after how many ns there may be more."""
        entries, following = self._runtime.expired()
        return [self._notice(entry) for entry in entries], following

    def _notice(self, entry: Entry) -> p4r.TableEntry:
        notice = p4r.TableEntry(idle_timeout_ns=entry.idle_timeout_ns)
        self.describe(entry, notice)
        cookie, notice.metadata = self._opaque(entry, self._metadata)
        notice.controller_metadata = cookie  # pyright: ignore[reportDeprecated]
        return notice

    def _refuse(self, error: OSError) -> Refused:
        refusal, what = _REFUSALS.get(error.errno or 0, (status.internal, error.strerror))
        return refusal(f"{self.where}: {what}")

    # ---- direct resources ------------------------------------------------------

    def set_counter(self, key: MatchKey | None, value: CounterValue | None) -> None:
        """None leaves the counter as it is; the entry must exist all the same."""
        try:
            if value is None:
                self._runtime.get_default() if key is None else self._runtime.get(key)
            else:
                self._runtime.set_counter(key, value)
        except OSError as error:
            raise self._refuse(error) from None

    def set_meter(self, key: MatchKey | None, rates: MeterRates | None) -> None:
        try:
            self._runtime.set_meter(key, rates)
        except OSError as error:
            raise self._refuse(error) from None

    # ---- reads -----------------------------------------------------------------

    def read(self, wanted: p4r.TableEntry) -> Iterator[p4r.Entity]:
        """What `wanted`, as a filter, selects of what is there now."""
        action = self._wanted_action(wanted)
        return self._matching(self.select(wanted), action, wanted, self._metadata.copy())

    def _matching(
        self,
        entries: Sequence[Entry],
        action: int | None,
        wanted: p4r.TableEntry,
        metadata: Mapping[MatchKey, bytes],
    ) -> Iterator[p4r.Entity]:
        cookie = wanted.controller_metadata  # pyright: ignore[reportDeprecated]: clients use it
        for entry in entries:
            if action is not None and entry.action != action:
                continue
            kept_cookie, kept_metadata = self._opaque(entry, metadata)
            if cookie and kept_cookie != cookie:
                continue
            if wanted.metadata and kept_metadata != wanted.metadata:
                continue
            entity = p4r.Entity()
            self._decode(entry, entity.table_entry, wanted, (kept_cookie, kept_metadata))
            yield entity

    def select(self, wanted: p4r.TableEntry) -> Sequence[Entry]:
        """By what identifies entries: the default entry, a key, a priority, or none of them."""
        if wanted.is_default_action:
            self.check_default_shape(wanted)
            return [self._runtime.get_default()]
        priority = wanted.priority
        if not wanted.match:
            entries = self._runtime.entries()
            if not priority:
                return entries
            return [e for e in entries if e.key and e.key.priority == priority]
        key = self._key.encode(wanted.match, priority)
        if self._key.needs_priority and not priority:
            # Any priority will do: the same match may be there under several.
            entries = self._runtime.entries()
            return [e for e in entries if e.key and e.key[:2] == key[:2]]
        self._key.check_priority(priority)
        try:
            return [self._runtime.get(key)]
        except FileNotFoundError:
            return []

    def find(self, wanted: p4r.TableEntry) -> list[Entry]:
        """The one entry that it names, even where a read would take the name for a wildcard."""
        if wanted.is_default_action:
            return [self._runtime.get_default()]
        try:
            return [self._runtime.get(self.key(wanted))]
        except FileNotFoundError:
            return []

    def before(self, update: p4r.Update) -> list[p4r.Entity]:
        """The entry that it is about with all that it would change."""
        entry = update.entity.table_entry
        wanted = p4r.TableEntry()
        wanted.meter_config.SetInParent()
        resets = entry.is_default_action and not entry.HasField("action")
        if update.type == p4r.Update.DELETE or entry.HasField("counter_data") or resets:
            wanted.counter_data.SetInParent()
        entities: list[p4r.Entity] = []
        for found in self.find(entry):
            entity = p4r.Entity()
            self._decode(found, entity.table_entry, wanted, self._opaque(found, self._metadata))
            entity.table_entry.is_const = False  # the server's to say
            entities.append(entity)
        return entities

    def written(self) -> Iterator[p4r.Entity]:
        """All entries that are not constant, with what they counted; the default one if set."""
        wanted = p4r.TableEntry()
        wanted.counter_data.SetInParent()
        wanted.meter_config.SetInParent()
        entries = [] if self.traits.is_const else list(self._runtime.entries())
        if self._default_is_set:
            entries.append(self._runtime.get_default())
        for entry in entries:
            entity = p4r.Entity()
            self._decode(entry, entity.table_entry, wanted, self._opaque(entry, self._metadata))
            yield entity

    def describe(self, entry: Entry, answer: p4r.TableEntry) -> None:
        """What identifies the entry."""
        answer.table_id = self.id
        if entry.key is None:
            answer.is_default_action = True
        else:
            self._key.decode(answer, entry.key)

    def _wanted_action(self, wanted: p4r.TableEntry) -> int | None:
        """Reads filter by an action's id, not by its parameters."""
        kind = wanted.action.WhichOneof("type")
        if kind is None:
            return None
        if kind != "action":
            raise status.invalid(f"{self.where} has no action profile to read {kind} of")
        return self._find_action(wanted.action.action.action_id).index

    def _opaque(self, entry: Entry, metadata: Mapping[MatchKey, bytes]) -> tuple[int, bytes]:
        """What the client had us keep with the entry."""
        if entry.key is None:
            return self._default_cookie, self._default_metadata
        return entry.cookie, metadata.get(entry.key, b"") if metadata else b""

    def _decode(
        self,
        entry: Entry,
        answer: p4r.TableEntry,
        wanted: p4r.TableEntry,
        opaque: tuple[int, bytes],
    ) -> None:
        self.describe(entry, answer)
        self._decode_action(entry, answer.action)
        cookie, answer.metadata = opaque
        answer.controller_metadata = cookie  # pyright: ignore[reportDeprecated]
        answer.idle_timeout_ns = entry.idle_timeout_ns
        is_default = entry.key is None
        if self.traits.idle_timeouts and wanted.HasField("time_since_last_hit"):
            answer.time_since_last_hit.elapsed_ns = entry.idle_ns
        answer.is_const = self.traits.const_default if is_default else self.traits.is_const
        if self.traits.has_counter and wanted.HasField("counter_data"):
            answer.counter_data.CopyFrom(decode_counter(entry.counter))
        if entry.meter is not None and wanted.HasField("meter_config"):
            answer.meter_config.CopyFrom(decode_meter(entry.meter))

    def _decode_action(self, entry: Entry, answer: p4r.TableAction) -> None:
        self._actions_by_index[entry.action].decode(answer.action, entry.params)


class Tables:
    """All tables of a pipeline."""

    def __init__(self, tables: Sequence[Table], absent: Mapping[int, str]) -> None:
        """`absent` are the names of those that only P4Info has."""
        self._by_id = {table.id: table for table in tables}
        self._absent = absent

    def __iter__(self) -> Iterator[Table]:
        return iter(self._by_id.values())

    def find(self, table_id: int) -> Table:
        table = self._by_id.get(table_id)
        if table is None and table_id in self._absent:
            raise status.invalid(f"table {self._absent[table_id]} is only in P4Info")
        if table is None:
            raise status.invalid(f"the pipeline has no table {table_id:#010x}")
        return table

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.TableEntry) -> None:
        self.find(entry.table_id).write(update, entry)

    def before(self, update: p4r.Update) -> list[p4r.Entity]:
        return self.find(update.entity.table_entry.table_id).before(update)

    def read(self, wanted: p4r.TableEntry) -> Iterator[p4r.Entity]:
        if wanted.HasField("meter_counter_data"):
            raise status.not_implemented("counters per meter colour")
        if wanted.table_id:
            table = self.find(wanted.table_id)
            table.check_idle_timeout(wanted)
            return table.read(wanted)
        if _is_filtered(wanted):
            raise status.invalid("a read of all tables cannot be filtered: set table_id")
        return chain.from_iterable([table.read(wanted) for table in self])


def _is_filtered(wanted: p4r.TableEntry) -> bool:
    return bool(
        wanted.match
        or wanted.HasField("action")
        or wanted.priority
        or wanted.controller_metadata  # pyright: ignore[reportDeprecated]
        or wanted.metadata
        or wanted.is_default_action
    )
