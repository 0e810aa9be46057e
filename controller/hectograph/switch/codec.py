# SPDX-License-Identifier: Apache-2.0
"""P4Runtime's byte strings, match fields and actions to the runtime's flat form and back.

A codec is made once for each table and action of a P4Info; what a Write does for
an update is a handful of dictionary look-ups and joins. A value that is not a
proper byte string for its width is INVALID_ARGUMENT in a match field, an action
parameter or packet metadata, because those sections of the specification say so
(and BMv2 does), though "Bytestrings" has OUT_OF_RANGE, which all else gets.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from finsy.proto import p4i, p4r

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.values import MatchKey


class BitString:
    """bit<W> as a big-endian string, padded on the left to whole bytes."""

    __slots__ = ("bits", "full", "is_translated", "size", "spare", "verbatim")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.size = (bits + 7) // 8
        self.full = ((1 << bits) - 1).to_bytes(self.size, "big")
        self.spare = 0xFF & ~self.full[0] if bits else 0xFF
        """The bits of the first byte that lie beyond the width."""
        self.verbatim = self.size or -1
        """A client's value of so many bytes is the data plane's, if it has no spare bits."""
        self.is_translated = False

    def pad(self, value: bytes) -> bytes:
        """To exactly `size` bytes; ValueError says why it cannot be."""
        if len(value) != self.size:
            if not value:
                raise ValueError("an empty value")
            if len(value) > self.size:
                value = value.lstrip(b"\0")
                if len(value) > self.size:
                    raise ValueError(f"a value wider than {self.bits} bits")
            value = value.rjust(self.size, b"\0")
        if value and value[0] & self.spare:
            raise ValueError(f"a value wider than {self.bits} bits")
        return value

    def shown(self, raw: bytes) -> bytes:
        """Of exactly `size` bytes, the shortest string for the same number."""
        return raw.lstrip(b"\0") or b"\0"

    def prefix_mask(self, length: int) -> bytes:
        if not 0 < length <= self.bits:
            raise ValueError(
                f"a prefix length of {length}, not 1 to {self.bits}"
                " (to match everything, leave the field out)"
            )
        ones = (1 << length) - 1
        return (ones << (self.bits - length)).to_bytes(self.size, "big")

    def prefix_length(self, mask: bytes) -> int:
        return int.from_bytes(mask, "big").bit_count()

    def pad_mask(self, mask: bytes) -> bytes:
        return self.pad(mask)

    def shown_mask(self, mask: bytes) -> bytes:
        return self.shown(mask)


class FieldCodec(ABC):
    """One field of a table's key."""

    kind: Literal["exact", "lpm", "ternary", "range", "optional"]

    def __init__(self, info: p4i.MatchField, string: BitString, where: str) -> None:
        self.id = info.id
        self.where = f"{where}: match field {info.name}"
        self.string = string
        zeros = bytes(self.string.size)
        self.wildcard: tuple[bytes, bytes] | None = (zeros, zeros)
        """What an omitted field means: key and mask."""

    def encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]:
        """Key and mask."""
        if not match.HasField(self.kind):
            given = match.WhichOneof("field_match_type") or "nothing"
            raise self.refuse(f"it is {self.kind} but is given {given}")
        try:
            return self._encode(match)
        except ValueError as error:
            raise self.refuse(str(error)) from None

    def decode(self, match: p4r.FieldMatch, key: bytes, mask: bytes) -> None:
        """`match` has no value yet; key and mask are not the wildcard."""
        match.field_id = self.id
        self._decode(match, key, mask)

    def refuse(self, what: str) -> Refused:
        return status.invalid(f"{self.where}: {what}")

    @abstractmethod
    def _encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]: ...

    @abstractmethod
    def _decode(self, match: p4r.FieldMatch, key: bytes, mask: bytes, /) -> None: ...


class ExactField(FieldCodec):
    kind = "exact"

    def __init__(self, info: p4i.MatchField, string: BitString, where: str) -> None:
        super().__init__(info, string, where)
        self.wildcard = None

    def key(self, match: p4r.FieldMatch) -> bytes:
        """Without the mask, and without a call where the value is as wide as the field."""
        string, value = self.string, match.exact.value
        if (
            len(value) == string.verbatim
            and not value[0] & string.spare
            and match.HasField("exact")
        ):
            return value
        return self.encode(match)[0]

    def _encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]:
        return self.string.pad(match.exact.value), self.string.full

    def _decode(self, match: p4r.FieldMatch, key: bytes, _mask: bytes, /) -> None:
        match.exact.value = self.string.shown(key)


class LpmField(FieldCodec):
    kind = "lpm"

    def _encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]:
        mask = self.string.prefix_mask(match.lpm.prefix_len)
        key = self.string.pad(match.lpm.value)
        _check_masked(key, mask)
        return key, mask

    def _decode(self, match: p4r.FieldMatch, key: bytes, mask: bytes, /) -> None:
        match.lpm.value = self.string.shown(key)
        match.lpm.prefix_len = self.string.prefix_length(mask)


class TernaryField(FieldCodec):
    kind = "ternary"

    def _encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]:
        key = self.string.pad(match.ternary.value)
        mask = self.string.pad_mask(match.ternary.mask)
        if not any(mask):
            raise ValueError("a mask of zeros (to match everything, leave the field out)")
        _check_masked(key, mask)
        return key, mask

    def _decode(self, match: p4r.FieldMatch, key: bytes, mask: bytes, /) -> None:
        match.ternary.value = self.string.shown(key)
        match.ternary.mask = self.string.shown_mask(mask)


class RangeField(FieldCodec):
    kind = "range"

    def __init__(self, info: p4i.MatchField, string: BitString, where: str) -> None:
        super().__init__(info, string, where)
        self.wildcard = (bytes(self.string.size), self.string.full)

    def _encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]:
        low = self.string.pad(match.range.low)
        high = self.string.pad(match.range.high)
        if low != high and self.string.is_translated:
            raise ValueError("a range of more than one value of a translated type")
        if low > high:
            raise ValueError("a range whose low end is above its high end")
        if (low, high) == self.wildcard:
            raise ValueError("the full range (to match everything, leave the field out)")
        return low, high

    def _decode(self, match: p4r.FieldMatch, key: bytes, mask: bytes, /) -> None:
        match.range.low = self.string.shown(key)
        match.range.high = self.string.shown(mask)


class OptionalField(FieldCodec):
    kind = "optional"

    def _encode(self, match: p4r.FieldMatch) -> tuple[bytes, bytes]:
        return self.string.pad(match.optional.value), self.string.full

    def _decode(self, match: p4r.FieldMatch, key: bytes, _mask: bytes, /) -> None:
        match.optional.value = self.string.shown(key)


def _check_masked(key: bytes, mask: bytes) -> None:
    if int.from_bytes(key, "big") & ~int.from_bytes(mask, "big"):
        raise ValueError("a value with bits set that its mask does not cover")


FIELD_CODECS: dict[p4i.MatchField.MatchType.ValueType, type[FieldCodec]] = {
    p4i.MatchField.EXACT: ExactField,
    p4i.MatchField.LPM: LpmField,
    p4i.MatchField.TERNARY: TernaryField,
    p4i.MatchField.RANGE: RangeField,
    p4i.MatchField.OPTIONAL: OptionalField,
}

_WITH_PRIORITY = (TernaryField, RangeField, OptionalField)


class KeyCodec:
    """A table's whole key."""

    def __init__(self, fields: Sequence[FieldCodec], where: str) -> None:
        self.where = where
        self.fields = fields
        self.size = sum(field.string.size for field in fields)
        self.needs_priority = any(isinstance(field, _WITH_PRIORITY) for field in fields)
        self.has_mask = not all(isinstance(field, ExactField) for field in fields)
        self.is_verbatim = (
            bool(fields)
            and not self.has_mask
            and all(field.string.verbatim == field.string.size for field in fields)
        )
        """A key in its full width is the data plane's."""
        self._by_id = {field.id: (place, field) for place, field in enumerate(fields)}
        self._exact = {field.id: field for field in fields if isinstance(field, ExactField)}
        self._wildcards = [field.wildcard for field in fields]

    def encode(self, match: Iterable[p4r.FieldMatch], priority: int) -> MatchKey:
        if not self.has_mask:
            return MatchKey(self._encode_exact(match), b"", priority)
        parts = self._wildcards.copy()
        seen = 0
        for element in match:
            found = self._by_id.get(element.field_id)
            if found is None:
                raise status.invalid(f"{self.where} has no match field {element.field_id}")
            place, field = found
            if seen & (1 << place):
                raise field.refuse("it is given twice")
            seen |= 1 << place
            parts[place] = field.encode(element)
        return self._join(parts, priority)

    def _encode_exact(self, match: Iterable[p4r.FieldMatch]) -> bytes:
        """What most tables have, and large ones are written by the thousand."""
        values: dict[int, bytes] = {}
        for element in match:
            field = self._exact.get(element.field_id)
            if field is None:
                raise status.invalid(f"{self.where} has no match field {element.field_id}")
            if field.id in values:
                raise field.refuse("it is given twice")
            values[field.id] = field.key(element)
        if len(values) != len(self._exact):
            missing = next(field for id_, field in self._exact.items() if id_ not in values)
            raise missing.refuse("it is exact and missing")
        return b"".join([values[id_] for id_ in self._exact])

    def decode(self, entry: p4r.TableEntry, key: MatchKey) -> None:
        entry.priority = key.priority
        start = 0
        for field in self.fields:
            end = start + field.string.size
            value = key.key[start:end]
            mask = key.mask[start:end]
            start = end
            if (value, mask) != field.wildcard:
                field.decode(entry.match.add(), value, mask)

    def check_priority(self, priority: int) -> None:
        if priority < 0:
            raise status.invalid(f"{self.where}: priority {priority} is negative")
        if self.needs_priority and priority == 0:
            raise status.invalid(
                f"{self.where} has ternary, range or optional fields: its entries need a priority"
            )
        if not self.needs_priority and priority != 0:
            raise status.invalid(
                f"{self.where}: its entries have no priority, but {priority} is given"
            )

    def _join(self, parts: list[tuple[bytes, bytes] | None], priority: int) -> MatchKey:
        keys: list[bytes] = []
        masks: list[bytes] = []
        for field, part in zip(self.fields, parts, strict=True):
            if part is None:
                raise field.refuse("it is exact and missing")
            keys.append(part[0])
            masks.append(part[1])
        mask = b"".join(masks) if self.has_mask else b""
        return MatchKey(b"".join(keys), mask, priority)


@dataclass(frozen=True, slots=True)
class Param:
    id: int
    name: str
    string: BitString


class ActionCodec:
    """An action in one table: what it is called there, what it takes."""

    def __init__(
        self, info: p4i.Action, ref: p4i.ActionRef, index: int, params: Sequence[Param]
    ) -> None:
        self.id = info.preamble.id
        self.name = info.preamble.name
        self.index = index
        self.scope = ref.scope
        self.params = params
        self.params_bytes = sum(param.string.size for param in params)
        self.is_verbatim = all(each.string.verbatim == each.string.size for each in params)
        """Parameters in their full width are the data plane's."""
        self._places = {param.id: (place, param.string) for place, param in enumerate(params)}

    def encode(self, action: p4r.Action) -> bytes:
        places = self._places
        values: list[bytes | None] = [None] * len(places)
        for given in action.params:
            found = places.get(given.param_id)
            if found is None:
                raise status.invalid(f"action {self.name} has no parameter {given.param_id}")
            place, string = found
            if values[place] is not None:
                raise self._refuse(place, "is given twice")
            value = given.value
            if len(value) != string.verbatim or value[0] & string.spare:
                try:
                    value = string.pad(value)
                except ValueError as error:
                    raise self._refuse(place, f"has {error}") from None
            values[place] = value
        if None in values:
            raise self._refuse(values.index(None), "is missing")
        return b"".join(filter(None, values))

    def decode(self, action: p4r.Action, params: bytes) -> None:
        action.action_id = self.id
        start = 0
        for param in self.params:
            end = start + param.string.size
            action.params.add(param_id=param.id, value=param.string.shown(params[start:end]))
            start = end

    def _refuse(self, place: int, what: str) -> Refused:
        return status.invalid(f"action {self.name}: parameter {self.params[place].name} {what}")
