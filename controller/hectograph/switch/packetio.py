# SPDX-License-Identifier: Apache-2.0
"""Packets between the primary and the CPU port, and the headers their metadata is.

A packet to the CPU port begins with the header that the program annotates as
@controller_header("packet_in"), one from it with "packet_out"; P4Info has their
fields in the header's order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from errno import EMSGSIZE, ENOBUFS

from finsy.proto import p4i, p4r

from hectograph.switch import status
from hectograph.switch.codec import BitString
from hectograph.switch.native import MAX_FRAME_BYTES, Switch
from hectograph.switch.translation import Translations

_BATCH = 64
"""Packets taken from the CPU port before others get their turn."""


@dataclass(frozen=True, slots=True)
class _Field:
    id: int
    name: str
    string: BitString
    shift: int
    """Bits that follow it in the header."""


class PacketHeader:
    """The header before a packet to or from the controller.

    p4c fills up one that does not end with a byte; P4Info does not have that field.
    """

    def __init__(self, info: p4i.ControllerPacketMetadata, translations: Translations) -> None:
        self.name = info.preamble.name
        self.size = (sum(metadata.bitwidth for metadata in info.metadata) + 7) // 8
        bits = 8 * self.size
        self._fields: dict[int, _Field] = {}
        for metadata in info.metadata:
            bits -= metadata.bitwidth
            string = translations.string(metadata.bitwidth, metadata.type_name.name)
            self._fields[metadata.id] = _Field(metadata.id, metadata.name, string, bits)

    def pack(self, metadata: Iterable[p4r.PacketMetadata]) -> bytes:
        header = 0
        missing = set(self._fields)
        for element in metadata:
            field = self._fields.get(element.metadata_id)
            if field is None:
                raise status.invalid(f"{self.name} has no metadata {element.metadata_id}")
            if field.id not in missing:
                raise status.invalid(f"{self.name}: metadata {field.name} is given twice")
            missing.remove(field.id)
            try:
                value = field.string.pad(element.value)
            except ValueError as error:
                raise status.invalid(f"{self.name}: metadata {field.name} has {error}") from None
            header |= int.from_bytes(value, "big") << field.shift
        if missing:
            name = self._fields[min(missing)].name
            raise status.invalid(f"{self.name}: metadata {name} is missing")
        return header.to_bytes(self.size, "big")

    def unpack(self, packet: bytes) -> list[p4r.PacketMetadata]:
        header = int.from_bytes(packet[: self.size], "big")
        result: list[p4r.PacketMetadata] = []
        for field in self._fields.values():
            value = (header >> field.shift) & ((1 << field.string.bits) - 1)
            raw = value.to_bytes(field.string.size, "big")
            result.append(p4r.PacketMetadata(metadata_id=field.id, value=field.string.shown(raw)))
        return result


@dataclass(slots=True)
class PacketCounters:
    """What became of packets from the CPU port, and of packet-outs."""

    packet_ins: int = 0
    packet_outs: int = 0
    dropped_no_primary: int = 0
    dropped_slow_primary: int = 0
    dropped_malformed: int = 0
    """Shorter than the program's packet-in header."""
    refused_packet_outs: int = 0


class PacketIO:
    def __init__(self, switch: Switch) -> None:
        self.counters = PacketCounters()
        self._switch = switch
        self._packet_in: PacketHeader | None = None
        self._packet_out: PacketHeader | None = None
        self._has_pipeline = False

    def bind(self, headers: dict[str, PacketHeader]) -> None:
        """The headers of the pipeline that runs from now on."""
        self._packet_in = headers.get("packet_in")
        self._packet_out = headers.get("packet_out")
        self._has_pipeline = True

    def send(self, packet: p4r.PacketOut) -> None:
        if not self._has_pipeline:
            raise status.failed_precondition("no forwarding pipeline config is committed")
        if self._packet_out is not None:
            header = self._packet_out.pack(packet.metadata)
        elif packet.metadata:
            raise status.invalid("the program has no packet_out header, but metadata is given")
        else:
            header = b""
        if len(packet.payload) > MAX_FRAME_BYTES:
            raise status.invalid(
                f"a packet of {len(packet.payload)} bytes; at most {MAX_FRAME_BYTES} can be sent"
            )
        try:
            self._switch.cpu_send(header + packet.payload)
        except OSError as error:
            if error.errno == ENOBUFS:
                raise status.exhausted("the CPU port's queue is full") from None
            if error.errno == EMSGSIZE:
                raise status.invalid("the packet with its header is too long") from None
            raise status.internal(f"packet-out: {error.strerror}") from None
        self.counters.packet_outs += 1

    def receive(self, deliver: Callable[[p4r.PacketIn], None]) -> None:
        """Hand waiting packets on; called while the CPU port's descriptor is readable."""
        for _ in range(_BATCH):
            frame = self._switch.cpu_receive()
            if frame is None:
                return
            packet = self._decode(frame)
            if packet is None:
                self.counters.dropped_malformed += 1
            else:
                deliver(packet)

    def _decode(self, frame: bytes) -> p4r.PacketIn | None:
        header = self._packet_in
        if header is None:
            return p4r.PacketIn(payload=frame)
        if len(frame) < header.size:
            return None
        return p4r.PacketIn(payload=frame[header.size :], metadata=header.unpack(frame))
