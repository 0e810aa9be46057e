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
from hectograph.switch.codec import BitString, canonical


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
    def __init__(self, bits: int) -> None:
        self.widths = (bits,)
        self.string = BitString(bits)

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        data.bitstring = canonical(flat)

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, "bitstring", where)
        return _pad(self.string, data.bitstring, where)


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


class _Enum(_Unsigned):
    """A serializable enum."""

    def decode(self, data: p4d.P4Data, flat: bytes) -> None:
        data.enum_value = canonical(flat)

    def encode(self, data: p4d.P4Data, where: str) -> bytes:
        _expect(data, "enum_value", where)
        return _pad(self.string, data.enum_value, where)


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


def data_codec(spec: _Spec, types: p4t.P4TypeInfo, where: str) -> DataCodec:
    """INVALID_ARGUMENT that names what P4Info asks for and this cannot do."""
    kind = spec.WhichOneof("type_spec")
    match kind:
        case "bitstring":
            return _bitstring(spec.bitstring, where)
        case "bool":
            return _Bool()
        case "tuple":
            return _Tuple([data_codec(each, types, where) for each in spec.tuple.members])
        case "struct":
            members = _named(types.structs, spec.struct.name, where).members
            return _Struct([data_codec(each.type_spec, types, where) for each in members])
        case "serializable_enum":
            found = _named(types.serializable_enums, spec.serializable_enum.name, where)
            return _Enum(found.underlying_type.bitwidth)
        case "new_type":
            found = _named(types.new_types, spec.new_type.name, where)
            if found.HasField("original_type"):
                return data_codec(found.original_type, types, where)
            raise _unsupported(where, f"the translated type {spec.new_type.name}")
        case _:
            raise _unsupported(where, f"data of the type {kind or 'nothing'}")


def _bitstring(spec: p4t.P4BitstringLikeTypeSpec, where: str) -> DataCodec:
    match spec.WhichOneof("type_spec"):
        case "bit" if spec.bit.bitwidth > 0:
            return _Unsigned(spec.bit.bitwidth)
        case "int" if spec.int.bitwidth > 0:
            return _Signed(spec.int.bitwidth)
        case kind:
            raise _unsupported(where, f"data of the type {kind or 'nothing'}")


_T = TypeVar("_T")


def _named(types: Mapping[str, _T], name: str, where: str) -> _T:
    if name not in types:
        raise status.invalid(f"{where}: P4Info has no type {name}")
    return types[name]


def _unsupported(where: str, what: str) -> Refused:
    return status.invalid(f"{where}: {what} is not supported")
