# SPDX-License-Identifier: Apache-2.0
"""Time against sequence number of a cohort's members, drawn from what each of them captured."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from scapy.layers.inet import IP, TCP
from scapy.packet import Packet

SPACE = 1 << 32
WIDTH, HEIGHT = 900, 520
LEFT, TOP, RIGHT, BOTTOM = 70, 46, 200, 50
COLOURS = ("#1b6ca8", "#2a9d5c", "#c8553d", "#8a4fbe", "#b8860b", "#444444")
SERVICE_PORTS = (80, *range(8001, 8100))
"""What a client sends goes there."""
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class Data:
    at: float
    """Seconds since the first data of all."""
    start: int
    """Position in the response."""
    end: int
    again: bool
    """Something that far, or further, had come before."""


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    data: Sequence[Data]
    acknowledged: Sequence[tuple[float, int]]
    """When, and how far."""


def first_data(packets: Iterable[Packet]) -> float:
    """When anything came for which anybody had asked; seconds, as the capture has it."""
    return next(float(packet.time) for packet in packets if _payload(packet) and _comes(packet))


def _comes(packet: Packet) -> bool:
    return cast(TCP, packet[TCP]).sport in SERVICE_PORTS


def _payload(packet: Packet) -> int:
    """Bytes on the wire."""
    ip, tcp = cast(IP, packet[IP]), cast(TCP, packet[TCP])
    return ip.len - ip.ihl * 4 - tcp.dataofs * 4


def read_member(name: str, packets: Iterable[Packet], began: float) -> Member:
    """Of one client's capture of one connection, cut off behind the TCP header or not; without
    what came before `began`."""
    data: list[Data] = []
    acknowledged: list[tuple[float, int]] = []
    first, highest = None, 0
    for packet in packets:
        tcp = cast(TCP, packet[TCP])
        at = float(packet.time) - began
        if "S" in str(tcp.flags):
            if "A" in str(tcp.flags):
                first = tcp.seq + 1
            continue
        if first is None:
            continue
        if tcp.dport in SERVICE_PORTS:
            if at >= 0:
                acknowledged.append((at, (tcp.ack - first) % SPACE))
            continue
        if size := _payload(packet):
            start = (tcp.seq - first) % SPACE
            data.append(Data(at, start, start + size, start < highest))
            highest = max(highest, start + size)
    return Member(name, data, acknowledged)


def draw(members: Sequence[Member], title: str) -> str:
    """An SVG."""
    seconds = max(data.at for member in members for data in member.data) * 1.02
    reach = max(data.end for member in members for data in member.data)
    across = (WIDTH - LEFT - RIGHT) / seconds
    up = (HEIGHT - TOP - BOTTOM) / reach

    def x(at: float) -> str:
        return f"{LEFT + at * across:.1f}"

    def y(position: float) -> str:
        return f"{HEIGHT - BOTTOM - position * up:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{title}</text>',
    ]
    for position in _ticks(reach / 1000, 8):
        parts.append(_line(x(0), y(position * 1000), x(seconds), y(position * 1000), "#e4e4e4"))
        parts.append(
            f'<text x="{LEFT - 8}" y="{y(position * 1000)}" text-anchor="end" '
            f'dominant-baseline="middle">{position:g} KB</text>'
        )
    for at in _ticks(seconds * 1000, 9):
        parts.append(_line(x(at / 1000), y(0), x(at / 1000), y(reach), "#f0f0f0"))
        parts.append(
            f'<text x="{x(at / 1000)}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle">{at:g} ms</text>'
        )
    for number, member in enumerate(members):
        colour = COLOURS[number % len(COLOURS)]
        for data in member.data:
            if data.again:
                parts.append(
                    f'<circle cx="{x(data.at)}" cy="{y(data.start)}" r="3.2" fill="none" '
                    f'stroke="{colour}" stroke-width="1.3"/>'
                )
            else:
                parts.append(
                    f'<path d="M{x(data.at)} {y(data.start)}V{y(data.end)}" stroke="{colour}" '
                    'stroke-width="1.6" opacity="0.55"/>'
                )
        parts.append(
            f'<path d="{_stairs(member, x, y)}" fill="none" stroke="{colour}" stroke-width="1"/>'
        )
        at = TOP + 16 + 34 * number
        parts.append(
            _line(str(WIDTH - RIGHT + 14), str(at), str(WIDTH - RIGHT + 34), str(at), colour)
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 40}" y="{at + 4}">{member.name}</text>')
    below = TOP + 16 + 34 * len(members) + 10
    for line, text in enumerate(
        ("bars: segments that came", "circles: that came again,", "or late", "lines: acknowledged")
    ):
        parts.append(
            f'<text x="{WIDTH - RIGHT + 14}" y="{below + 16 * line}" fill="#555">{text}</text>'
        )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _line(x1: str, y1: str, x2: str, y2: str, colour: str) -> str:
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{colour}"/>'


def _stairs(member: Member, x: Callable[[float], str], y: Callable[[float], str]) -> str:
    path, last = "", 0
    for at, position in member.acknowledged:
        if not path:
            path = f"M{x(at)} {y(position)}"
        elif position != last:
            path += f"H{x(at)}V{y(position)}"
        last = position
    return path


def _ticks(reach: float, most: int) -> list[float]:
    step = next((tick for tick in TICKS if reach / tick <= most), TICKS[-1])
    return [step * number for number in range(1, int(reach / step) + 1)]
