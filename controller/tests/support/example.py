# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/stateless-tcp.md: a capture of one download, read number by number.

What the numbers must be is taken from the reference's HalfSipHash and the text of that
page alone, never from the pipeline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, cast

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import NoPayload, Padding

from packetlab.tcp import NO_SCALE, Client, constants
from packetlab.tcp import SEQUENCE as SPACE

MSS_CLASSES = (512, 1152, 1408, 8832)
GRANULE = 128


@dataclass(frozen=True, slots=True)
class Segment:
    from_client: bool
    flags: str
    seq: int
    ack: int
    payload: bytes
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    client: Client
    segments: Sequence[Segment]
    secret: int

    @property
    def syn(self) -> Segment:
        (syn,) = (segment for segment in self.segments if segment.flags == "S")
        return syn

    @property
    def offer(self) -> tuple[int, int, int]:
        """Window scale, MSS class and SACK of the SYN."""
        options = self.syn.options
        mss_class = max(number for number, mss in enumerate(MSS_CLASSES) if mss <= options["MSS"])
        return options.get("WScale", NO_SCALE), mss_class, int("SAckOK" in options)

    @property
    def low(self) -> int:
        return constants(*self.offer)

    @property
    def cookie(self) -> int:
        return self.client.cookie(self.secret)

    @property
    def hash(self) -> int:
        """The cookie's part in sequence numbers."""
        return self.cookie & 0xFFFF_FF80

    @property
    def first(self) -> int:
        """B."""
        return self.hash | self.low

    @property
    def response(self) -> bytes:
        """The payloads by their positions."""
        response = bytearray()
        for segment in self.segments:
            if not segment.from_client and segment.payload:
                position = (segment.seq - self.first) % SPACE
                assert position <= len(response), "the capture has a hole"
                response[position : position + len(segment.payload)] = segment.payload
        return bytes(response)


def read_example(frames: Sequence[bytes], secret: int) -> Example:
    """From the frames of one IPv4 connection; the SYN is the first."""
    layers = [cast(Any, Ether(frame)) for frame in frames]
    syn = layers[0]
    client = Client(
        IPv4Address(syn[IP].src), IPv4Address(syn[IP].dst), syn[TCP].sport, syn[TCP].dport
    )
    return Example(client, [_segment(layer, client.port) for layer in layers], secret)


def _segment(layer: Any, client_port: int) -> Segment:
    tcp = layer[TCP]
    data = b"" if isinstance(tcp.payload, NoPayload | Padding) else bytes(tcp.payload)
    options = {name: value for name, value in tcp.options if isinstance(name, str)}
    return Segment(tcp.sport == client_port, str(tcp.flags), tcp.seq, tcp.ack, data, options)


def check(example: Example) -> None:
    """Everything that docs/stateless-tcp.md says of the encoding."""
    length = len(example.response)
    assert length % GRANULE == 0
    positions: list[int] = []
    for segment in example.segments:
        if segment.flags == "SA":
            assert (segment.seq + 1) % SPACE == example.first
            assert segment.ack == (example.syn.seq + 1) % SPACE
        elif not segment.from_client:
            position = (segment.seq - example.first) % SPACE
            assert position % GRANULE == 0 or position == length + 1
            if "F" in segment.flags:
                assert position + len(segment.payload) == length
        elif segment.flags != "S":
            position, low = reading(example, segment.ack)
            has_seen_fin = (position, low) == (length, example.low + 1)
            assert low == example.low or has_seen_fin
            positions.append(position)
    assert positions == sorted(positions)
    assert positions[0] == 0
    last = [segment for segment in example.segments if segment.from_client][-1]
    assert reading(example, last.ack) == (length, example.low + 1)


def reading(example: Example, number: int) -> tuple[int, int]:
    """Position and constants of an acknowledgement number."""
    difference = (number - example.hash) % SPACE
    return difference & ~(GRANULE - 1), difference & (GRANULE - 1)


def render(example: Example) -> str:
    """As it stands in the page."""
    return "\n".join([*_head(example), "", *_lines(example)])


def _head(example: Example) -> Iterator[str]:
    client = example.client
    wscale, mss_class, sack = example.offer
    words = b"".join(address.to_bytes(16) for address in client.mapped).hex(" ", 4)
    ports = f"{client.port:04x}{client.service_port:04x}"
    yield f"client       {client.address}, port {client.port} = 0x{client.port:04x}"
    yield f"service      {client.service_address}, port {client.service_port}"
    yield f"secret       0x{example.secret:016x}"
    mss = f"MSS {example.syn.options['MSS']}, class {mss_class} ({MSS_CLASSES[mss_class]})"
    yield f"SYN's        window scale {wscale}; {mss}; SACK {sack}"
    yield f"constants    {wscale} << 3 | {mss_class} << 1 | {sack} = 0x{example.low:02x}"
    yield f"hashed       {words[:35]}"
    yield f"             {words[36:]}"
    yield f"             {ports}"
    yield f"HalfSipHash  0x{example.cookie:016x}; its top 40 bits index the filter"
    yield f"hash         0x{example.cookie & 0xFFFF_FFFF:08x} & 0xffffff80 = 0x{example.hash:08x}"
    yield f"B            0x{example.hash:08x} | 0x{example.low:02x} = 0x{example.first:08x}"
    yield f"response     {len(example.response)} bytes = {len(example.response) // 128} · 128"


def _lines(example: Example) -> Iterator[str]:
    yield "    from     flags  sequence  acknowl.  bytes"
    for number, segment in enumerate(example.segments, 1):
        who = "client" if segment.from_client else "service"
        ack = f"{segment.ack:08x}" if "A" in segment.flags else ""
        line = f"{number:>2}  {who:<8} {segment.flags:<6} {segment.seq:08x}  {ack:<8}"
        yield f"{line}  {len(segment.payload):>5}  {_meaning(example, segment)}".rstrip()


def _meaning(example: Example, segment: Segment) -> str:
    if segment.flags == "S":
        return ""
    if segment.flags == "SA":
        return "sequence = B - 1"
    if segment.from_client:
        position, low = reading(example, segment.ack)
        return f"acknowl. - hash = 0x{position + low:04x} = {position} + 0x{low:02x}"
    fin = ", and FIN" if "F" in segment.flags else ""
    return f"sequence - B = {(segment.seq - example.first) % SPACE}{fin}"
