# SPDX-License-Identifier: Apache-2.0
"""Values that clients see in another form than the data plane has them.

A type with @p4runtime_translation ("User-defined types" in the specification) is at the
interface a string, or a number of a width of its own. A number stays the same number. A
string gets the lowest free number from 1 on, and keeps it as long as anything that was
written has it. Ports are not numbered anew: their strings are the names of interfaces, or
decimal numbers. The names of errors and of enums' members are strings too, whose numbers
the program has.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from finsy.proto import p4i, p4t

from hectograph.switch import status
from hectograph.switch.codec import FIELD_CODECS, BitString, KeyCodec
from hectograph.switch.numbers import Numbers

SDN_PORT_CPU = 0xFFFF_FFFD
"""The specification's number of the CPU port, where clients' ports have 32 bits."""

_PORT_TYPE = re.compile(r"(^|_)port_?id|PortId")
"""The last part of the URI, or the type's name: PortId_t, PortIdInHeader_t, port_id_t."""

MAX_PORT = 0x1FF
"""v1model's ports are bit<9>."""

_PORT_BITS = 16
"""More than ports have, so that what is too much is told as such."""

_MAPPING = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"\s*,\s*(0[xX][0-9a-fA-F]+|\d+)\s*\}')
"""One of @p4runtime_translation_mappings({{"", 0}, ...}), as SONiC's programs have it."""


class Translation(ABC):
    """Of one type. ValueErrors say why there is no such value."""

    sdn_bits: int = 0
    """How wide clients see it; 0: a string."""

    @abstractmethod
    def number(self, value: bytes) -> int:
        """The data plane's."""

    @abstractmethod
    def value(self, number: int) -> bytes:
        """The client's."""


class Translated(BitString):
    """bit<W> of the data plane, in its client's form."""

    __slots__ = ("_translation",)

    def __init__(self, bits: int, translation: Translation) -> None:
        super().__init__(bits)
        self.verbatim = -1
        self.is_translated = True
        self._translation = translation

    def pad(self, value: bytes) -> bytes:
        number = self._translation.number(value)
        if number >> self.bits:
            raise ValueError(f"a value wider than the data plane's {self.bits} bits")
        return number.to_bytes(self.size, "big")

    def shown(self, raw: bytes) -> bytes:
        return self._translation.value(int.from_bytes(raw, "big"))

    def prefix_mask(self, length: int) -> bytes:
        if length != self._translation.sdn_bits:
            raise ValueError(f"a prefix length of {length}: a translated type matches as a whole")
        return self.full

    def prefix_length(self, mask: bytes) -> int:
        del mask  # always full
        return self._translation.sdn_bits

    def pad_mask(self, mask: bytes) -> bytes:
        if super().shown(mask) != self.shown_mask(self.full):
            raise ValueError("a mask that is not all ones: a translated type matches as a whole")
        return self.full

    def shown_mask(self, mask: bytes) -> bytes:
        del mask  # always full
        bits = self._translation.sdn_bits or 8
        return ((1 << bits) - 1).to_bytes((bits + 7) // 8, "big")


class Renumbered(Translation):
    """The same number in another width."""

    def __init__(self, sdn_bits: int) -> None:
        self.sdn_bits = sdn_bits
        self._string = BitString(sdn_bits)

    def number(self, value: bytes) -> int:
        return int.from_bytes(self._string.pad(value), "big")

    def value(self, number: int) -> bytes:
        return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


class PortNumbers(Renumbered):
    """The same number, but for the CPU port's."""

    def __init__(self, sdn_bits: int, cpu_port: int | None) -> None:
        super().__init__(sdn_bits)
        self._cpu_port = cpu_port

    def number(self, value: bytes) -> int:
        number = super().number(value)
        if number != SDN_PORT_CPU:
            return number
        if self._cpu_port is None:
            raise ValueError("the CPU port, which the switch does not have")
        return self._cpu_port

    def value(self, number: int) -> bytes:
        is_cpu = number == self._cpu_port and self.sdn_bits >= SDN_PORT_CPU.bit_length()
        return super().value(SDN_PORT_CPU if is_cpu else number)


class PortNames(Translation):
    """Interfaces' names, or decimal numbers: a port is told by what its client calls it."""

    def __init__(self, find: Callable[[str], int | None]) -> None:
        """`find` knows the interfaces' ports."""
        self._find = find
        self._names: dict[int, bytes] = {}

    def number(self, value: bytes) -> int:
        text = value.decode(errors="replace")
        number = self._find(text)
        if number is None:
            if re.fullmatch(r"0|[1-9]\d*", text, re.ASCII) is None:
                raise ValueError(f"'{text}', which is neither an interface's name nor a number")
            number = int(text)
        if number > MAX_PORT:
            raise ValueError(f"'{text}', a port above {MAX_PORT}")
        name = self._names.setdefault(number, value)
        if name != value:
            raise ValueError(f"'{text}', a port that is called '{name.decode()}' already")
        return number

    def value(self, number: int) -> bytes:
        return self._names.get(number, str(number).encode())


class Names(Translation):
    """Those of errors, or of an enum's members."""

    def __init__(self, codes: Mapping[str, int]) -> None:
        self._codes = {name.encode(): number for name, number in codes.items()}
        self._names = {number: name for name, number in self._codes.items()}

    def number(self, value: bytes) -> int:
        if value not in self._codes:
            raise ValueError(f"'{value.decode(errors='replace')}', which its type does not have")
        return self._codes[value]

    def value(self, number: int) -> bytes:
        return self._names.get(number, b"")


class Strings(Translation):
    """Numbered as they come. What the data plane made up itself is the empty string."""

    def __init__(
        self, bits: int, fixed: Mapping[bytes, int], name_used: Callable[[], None]
    ) -> None:
        """`name_used` has every string that is in use named or numbered once more."""
        self._most = (1 << bits) - 1
        self._numbers = Numbers(first=1, taken=fixed.values())
        self._fixed = fixed
        self._by_value = dict(fixed)
        self._by_number = {number: value for value, number in fixed.items()}
        self._name_used = name_used
        self._used: set[int] = set()
        """Since it was cleared: what is being written, before it is to be read."""

    def number(self, value: bytes) -> int:
        number = self._by_value.get(value)
        if number is None:
            number = self._take()
            self._by_value[value], self._by_number[number] = number, value
        self._used.add(number)
        return number

    def value(self, number: int) -> bytes:
        self._used.add(number)
        return self._by_number.get(number, b"")

    def begin(self) -> None:
        """Nothing is half written."""
        self._used.clear()

    def _take(self) -> int:
        number = self._numbers.take()
        if number > self._most:
            self._numbers.give_back(number)
            self._free_unused()
            number = self._numbers.take()
        if number > self._most:
            self._numbers.give_back(number)
            raise status.exhausted(f"all {self._most} numbers for strings of a type are in use")
        return number

    def _free_unused(self) -> None:
        self._name_used()
        for number, value in list(self._by_number.items()):
            if number not in self._used and value not in self._fixed:
                del self._by_number[number], self._by_value[value]
                self._numbers.give_back(number)


@dataclass(frozen=True, slots=True)
class Ports:
    """The switch's, as translations know them."""

    cpu_port: int | None
    find: Callable[[str], int | None]
    """The port of the interface with that name."""


class Translations:
    """All types of a pipeline. Values of a type with the same name are translated alike."""

    def __init__(
        self,
        types: p4t.P4TypeInfo,
        codes: Mapping[str, Mapping[str, int]],
        ports: Ports,
        name_used: Callable[[], None],
    ) -> None:
        self._types = types
        self._ports = ports
        self._name_used = name_used
        self._strings: dict[str, Strings] = {}
        self._port_names = PortNames(ports.find)
        self._named = {name: Names(numbers) for name, numbers in codes.items()}
        self.port = self._own_port()
        """A port where P4Runtime itself has one: replicas' and watched ports."""

    def string(self, bits: int, type_name: str) -> BitString:
        """The codec of a value: `bits` are the data plane's."""
        if type_name in self._types.new_types:
            spec = self._types.new_types[type_name]
            if spec.HasField("translated_type"):
                return Translated(bits, self._translation(bits, type_name, spec))
        if type_name in self._named:
            return Translated(bits, self._named[type_name])
        return BitString(bits)

    def begin(self) -> None:
        """An update is going to be written."""
        for strings in self._strings.values():
            strings.begin()

    def _own_port(self) -> BitString:
        for name, spec in self._types.new_types.items():
            if spec.HasField("translated_type") and _is_port(name, spec):
                return Translated(_PORT_BITS, self._translation(_PORT_BITS, name, spec))
        return BitString(_PORT_BITS)

    def _translation(self, bits: int, name: str, spec: p4t.P4NewTypeSpec) -> Translation:
        if not spec.translated_type.HasField("sdn_string"):
            sdn_bits = spec.translated_type.sdn_bitwidth
            if _is_port(name, spec):
                return PortNumbers(sdn_bits, self._ports.cpu_port)
            return Renumbered(sdn_bits)
        if _is_port(name, spec):
            return self._port_names
        if name not in self._strings:
            self._strings[name] = Strings(bits, _mappings(spec), self._name_used)
        return self._strings[name]


def bind_key(fields: Iterable[p4i.MatchField], translations: Translations, where: str) -> KeyCodec:
    """INVALID_ARGUMENT for a kind of match that P4Runtime does not have."""
    for each in fields:
        if each.match_type not in FIELD_CODECS:
            raise status.invalid(f"P4Info: {where}: {each.name} has no kind of match")
    codecs = [
        FIELD_CODECS[each.match_type](
            each, translations.string(each.bitwidth, each.type_name.name), where
        )
        for each in fields
    ]
    return KeyCodec(codecs, where)


def _is_port(name: str, spec: p4t.P4NewTypeSpec) -> bool:
    last = spec.translated_type.uri.rpartition("/")[2]
    return any(_PORT_TYPE.search(each) for each in (last, name))


def _mappings(spec: p4t.P4NewTypeSpec) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for annotation in spec.annotations:
        if annotation.startswith("@p4runtime_translation_mappings("):
            for text, number in _MAPPING.findall(annotation):
                found[text.encode()] = int(number, 0)
    return found
