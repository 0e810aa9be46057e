# SPDX-License-Identifier: Apache-2.0
"""P4Data to the runtime's flat form and back: integers in network order, in whole bytes each.

What P4Info calls a type becomes a codec once; a struct or tuple is its members'
codecs one after the other, as p4c flattens them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypeVar

from finsy.proto import p4d, p4t

from hectograph.errors import Refused
from hectograph.switch import status
from hectograph.switch.agreement import ERROR_TYPE
from hectograph.switch.codec import BitString
from hectograph.switch.translation import Translations


class DataCodec(ABC):
    """A P4 type: how many bits each of its integers has, how it looks in P4Data."""

    widths: Sequence[int]

    @property
    def size(self) -> int:
        return sum((bits + 7) // 8 for bits in self.widths)

    @abstractmethod
    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        """Fill `data`, which is empty, from exactly `size` bytes."""

    @abstractmethod
    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        """INVALID_ARGUMENT for another type, OUT_OF_RANGE for a value that it does not hold."""


class _Unsigned(DataCodec):
    kind: Literal["bitstring", "enum_value"] = "bitstring"

    def __init__(self, string: BitString) -> None:
        self.widths = (string.bits,)
        self.string = string

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        setattr(data, self.kind, self.string.shown(flat))

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, self.kind, where)
        return _pad(self.string, getattr(data, self.kind), where)


class _Enum(_Unsigned):
    """A serializable enum."""

    kind = "enum_value"


class _Name(DataCodec):
    kind: Literal["enum", "error"]

    def __init__(self, string: BitString) -> None:
        self.widths = (string.bits,)
        self._string = string

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        setattr(data, self.kind, self._string.shown(flat).decode())

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, self.kind, where)
        return _pad(self._string, getattr(data, self.kind).encode(), where)


class _MemberName(_Name):
    """Of an enum without numbers in the program's text."""

    kind = "enum"


class _ErrorName(_Name):
    kind = "error"


class _Signed(DataCodec):
    """int<W>: two's complement, here in W bits, in P4Runtime in as few bytes as it fits."""

    def __init__(self, bits: int) -> None:
        self.widths = (bits,)
        self._bits = bits

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        value = int.from_bytes(flat, "big")
        if value >> (self._bits - 1):
            value -= 1 << self._bits
        magnitude = value if value >= 0 else ~value
        data.bitstring = value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, "bitstring", where)
        if not data.bitstring:
            raise status.out_of_range(f"{where}: an empty value")
        value = int.from_bytes(data.bitstring, "big", signed=True)
        if not -1 << (self._bits - 1) <= value < 1 << (self._bits - 1):
            raise status.out_of_range(f"{where}: a value that int<{self._bits}> does not hold")
        return (value & ((1 << self._bits) - 1)).to_bytes(self.size, "big")


class _Bool(DataCodec):
    widths = (1,)

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        data.bool = flat != b"\0"

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, "bool", where)
        return bytes([data.bool])


class _Members(DataCodec):
    kind: Literal["struct", "tuple"]

    def __init__(self, members: Sequence[DataCodec]) -> None:
        self._members = members
        self.widths = tuple(bits for member in members for bits in member.widths)

    @abstractmethod
    def _list(self, data: p4d.P4Data) -> p4d.P4StructLike: ...

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        into = self._list(data)
        into.SetInParent()
        start = 0
        for member in self._members:
            end = start + member.size
            member.decode(into.members.add(), flat[start:end])
            start = end

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, self.kind, where)
        given = self._list(data).members
        if len(given) != len(self._members):
            raise status.invalid(f"{where}: {len(given)} members, not {len(self._members)}")
        pairs = zip(self._members, given, strict=True)
        return b"".join(member.encode(each, where) for member, each in pairs)


class _Struct(_Members):
    kind = "struct"

    def _list(self, data: p4d.P4Data) -> p4d.P4StructLike:
        return data.struct


class _Tuple(_Members):
    kind = "tuple"

    def _list(self, data: p4d.P4Data) -> p4d.P4StructLike:
        return data.tuple


def _expect(data: p4d.P4Data, kind: str, where: str) -> None:
    given = data.WhichOneof("data")
    if given != kind:
        raise status.invalid(f"{where}: {given or 'nothing'} where P4Info has a {kind}")


def _pad(string: BitString, value: bytes, where: str) -> bytes:
    try:
        return string.pad(value)
    except ValueError as error:
        raise status.out_of_range(f"{where}: {error}") from None


_Spec: TypeAlias = p4t.P4DataTypeSpec
_T = TypeVar("_T")


def data_codec(
    spec: _Spec,
    types: p4t.P4TypeInfo,
    translations: Translations,
    widths: Sequence[int | None],
    where: str,
) -> DataCodec:
    """INVALID_ARGUMENT that names what P4Info asks for and this cannot do.

    `widths` are those of the program's integers; None: the program does not say.
    """
    builder = _Builder(types, translations, widths, where)
    codec = builder.codec(spec)
    if len(codec.widths) != len(widths):
        raise builder.disagreement()
    return codec


class _Builder:
    def __init__(
        self,
        types: p4t.P4TypeInfo,
        translations: Translations,
        widths: Sequence[int | None],
        where: str,
    ) -> None:
        self._types = types
        self._translations = translations
        self._widths = iter(widths)
        self._where = where

    def codec(self, spec: _Spec) -> DataCodec:
        kind = spec.WhichOneof("type_spec")
        match kind:
            case "bitstring":
                return self._bitstring(spec.bitstring)
            case "bool":
                self._width(1)
                return _Bool()
            case "tuple":
                return _Tuple([self.codec(each) for each in spec.tuple.members])
            case "struct":
                members = self._named(self._types.structs, spec.struct.name).members
                return _Struct([self.codec(each.type_spec) for each in members])
            case "serializable_enum":
                found = self._named(self._types.serializable_enums, spec.serializable_enum.name)
                return _Enum(BitString(self._width(found.underlying_type.bitwidth)))
            case "enum":
                return _MemberName(self._string(spec.enum.name))
            case "error":
                return _ErrorName(self._string(ERROR_TYPE))
            case "new_type":
                found = self._named(self._types.new_types, spec.new_type.name)
                if found.HasField("original_type"):
                    return self.codec(found.original_type)
                return _Unsigned(self._string(spec.new_type.name))
            case _:
                raise self._unsupported(f"data of the type {kind or 'nothing'}")

    def disagreement(self) -> Refused:
        return status.invalid(
            f"P4Info and p4_device_config disagree: {self._where} has another type"
        )

    def _bitstring(self, spec: p4t.P4BitstringLikeTypeSpec) -> DataCodec:
        match spec.WhichOneof("type_spec"):
            case "bit" if spec.bit.bitwidth > 0:
                return _Unsigned(BitString(self._width(spec.bit.bitwidth)))
            case "int" if spec.int.bitwidth > 0:
                return _Signed(self._width(spec.int.bitwidth))
            case kind:
                raise self._unsupported(f"data of the type {kind or 'nothing'}")

    def _string(self, type_name: str) -> BitString:
        """Of a type whose width only the program has."""
        bits = next(self._widths, None)
        if bits is None:
            raise self._unsupported(f"a constant of the type {type_name}")
        return self._translations.string(bits, type_name)

    def _width(self, bits: int) -> int:
        """P4Info's, where the program has the same or does not say."""
        if next(self._widths, 0) not in (None, bits):
            raise self.disagreement()
        return bits

    def _named(self, types: Mapping[str, _T], name: str) -> _T:
        if name not in types:
            raise status.invalid(f"{self._where}: P4Info has no type {name}")
        return types[name]

    def _unsupported(self, what: str) -> Refused:
        return status.invalid(f"{self._where}: {what} is not supported")
