# SPDX-License-Identifier: Apache-2.0
"""Numbers as people write and read them."""

import re

from hectograph.errors import InvalidInput

_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:bit/s|bps)?", re.IGNORECASE)


def parse_rate(text: str) -> int:
    """Bits per second of ``100M``, ``1.5Gbit/s``, ``9600``."""
    matched = _RATE.fullmatch(text.strip())
    bits = round(float(matched[1]) * _FACTORS[matched[2].lower()]) if matched else 0
    if bits < 1:
        raise InvalidInput(f"{text!r} is not a rate like 100M or 1.5Gbit/s", where="--rate")
    return bits


def rate_text(bits_per_second: float) -> str:
    return f"{_scaled(bits_per_second, 1000, ('', 'k', 'M', 'G', 'T'))}bit/s"


def bytes_text(count: float) -> str:
    return f"{_scaled(count, 1024, ('', 'Ki', 'Mi', 'Gi', 'Ti'))}B"


def _scaled(value: float, base: int, prefixes: tuple[str, ...]) -> str:
    step = 0
    while value >= base and step < len(prefixes) - 1:
        value /= base
        step += 1
    return f"{value:.1f} {prefixes[step]}" if step else f"{value:.0f} "
