# SPDX-License-Identifier: Apache-2.0
"""ValueSetEntry: what a parser value set holds, all of it at a time.

In the runtime a value set is a table of ternary fields; range matches it cannot do.
"""

from collections.abc import Iterator, Sequence
from errno import ENOMEM

from finsy.proto import p4i, p4r

from hectograph.switch import native, status
from hectograph.switch.codec import KeyCodec
from hectograph.switch.counters import check_modify
from hectograph.switch.translation import Translations, bind_key
from hectograph.switch.values import MatchKey

PRIORITY = 1
"""Any: a packet is in the set or it is not."""


class ValueSet:
    def __init__(self, info: p4i.ValueSet, key: KeyCodec, table: native.Table) -> None:
        self.id = info.preamble.id
        self._where = f"value set {info.preamble.name}"
        self._size = info.size
        self._key = key
        self._table = table
        self._in = table.action_index("in")
        self._members: list[p4r.ValueSetMember] = []

    def write(self, entry: p4r.ValueSetEntry) -> None:
        """New members are there before old ones go, so what is in both never misses."""
        if len(entry.members) > self._size:
            raise status.exhausted(f"{self._where}: more than its {self._size} members")
        keys = dict.fromkeys(self._encode(member) for member in entry.members)
        old = {found.key for found in self._table.entries() if found.key is not None}
        try:
            for key in keys:
                if key not in old:
                    self._table.insert(key, self._in, b"", 0)
        except OSError as error:
            raise self._give_up(keys, old, error) from error
        for key in old:
            if key not in keys:
                self._table.delete(key)
        self._members = [self._canonical(member) for member in entry.members]

    def _give_up(self, keys: dict[MatchKey, None], old: set[MatchKey], error: OSError) -> Exception:
        """As it was before."""
        for found in self._table.entries():
            if found.key is not None and found.key in keys and found.key not in old:
                self._table.delete(found.key)
        if error.errno == ENOMEM:
            return status.exhausted(f"{self._where}: there is no memory for its members")
        return error

    def _encode(self, member: p4r.ValueSetMember) -> MatchKey:
        key = self._key.encode(member.match, PRIORITY)
        mask = key.mask or b"".join(field.string.full for field in self._key.fields)
        return MatchKey(key.key, mask, PRIORITY)

    def _canonical(self, member: p4r.ValueSetMember) -> p4r.ValueSetMember:
        key = self._key.encode(member.match, PRIORITY)
        entry = p4r.TableEntry()
        self._key.decode(entry, key)
        return p4r.ValueSetMember(match=entry.match)

    def encode_all(self) -> None:
        """Once more, which names the strings that it holds."""
        for member in self._members:
            self._encode(member)

    def read(self) -> p4r.Entity:
        entry = p4r.ValueSetEntry(value_set_id=self.id, members=self._members)
        return p4r.Entity(value_set_entry=entry)


class ValueSets:
    """All value sets of a pipeline."""

    def __init__(self, value_sets: Sequence[ValueSet]) -> None:
        self._by_id = {each.id: each for each in value_sets}

    def encode_all(self) -> None:
        for each in self._by_id.values():
            each.encode_all()

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.ValueSetEntry) -> None:
        check_modify(update, "a value set")
        self._find(entry.value_set_id).write(entry)

    def read(self, wanted: p4r.ValueSetEntry) -> Iterator[p4r.Entity]:
        if wanted.value_set_id:
            return iter([self._find(wanted.value_set_id).read()])
        return iter([each.read() for each in self._by_id.values()])

    def _find(self, value_set_id: int) -> ValueSet:
        found = self._by_id.get(value_set_id)
        if found is None:
            raise status.invalid(f"the pipeline has no value set {value_set_id:#010x}")
        return found


def bind_value_set(
    loaded: native.LoadedPipeline, info: p4i.ValueSet, translations: Translations
) -> ValueSet:
    where = f"value set {info.preamble.name}"
    if any(each.match_type == p4i.MatchField.RANGE for each in info.match):
        raise status.not_implemented(f"{where}: range matches of value sets")
    key = bind_key(info.match, translations, where)
    table = loaded.table(info.preamble.name, key_bytes=key.size, params_bytes=0, has_mask=True)
    return ValueSet(info, key, table)
