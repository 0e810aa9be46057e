# SPDX-License-Identifier: Apache-2.0
"""Fields and words of bytes: whole loads, stores and shifts, never a loop over bits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hectograph.switch.compiler.codegen.kinds import bare, number

WORDS = (8, 16, 32, 64, 128)
"""Bits of what one load or store moves."""


@dataclass(frozen=True, slots=True)
class Item:
    """An unsigned C expression of so many bits, in a string of bits; no text is zeros."""

    text: str
    bits: int
    storage: int
    """Bits of the expression's type."""


def cut(items: Sequence[Item], start: int, bits: int) -> str:
    """Bits [start, start + bits) of the items put one after the other; at most 64, or one item."""
    parts: list[str] = []
    at = 0
    for item in items:
        low, high = max(at, start), min(at + item.bits, start + bits)
        if item.text and low < high:
            piece = _piece(item, low - at, high - low)
            shift = start + bits - high
            parts.append(f"((uint64_t){piece} << {shift})" if shift else piece)
        at += item.bits
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts) or '0'})"


def _piece(item: Item, skip: int, bits: int) -> str:
    """`bits` bits of one item after its first `skip`."""
    text, rest = item.text, item.bits - skip - bits
    if rest:
        text = f"({text} >> {rest})"
    if item.storage > 64 and bits <= 64:
        text = f"(uint64_t){text}"
    masked = skip and bits < 64
    return f"({text} & {number((1 << bits) - 1)})" if masked else text


def words(items: Sequence[Item]) -> Iterator[tuple[int, int, str]]:
    """The items as words that one store can write each: first byte, bits, expression.

    A field of 128 bits that begins on a byte is a word by itself.
    """
    total, wide = 0, set[int]()
    for item in items:
        if item.bits == 128 and total % 8 == 0:
            wide.add(total)
        total += item.bits
    at = 0
    while at < total:
        limit = min([total, *(begin for begin in wide if begin > at)])
        bits = 128 if at in wide else _floor(min(64, limit - at))
        yield at // 8, bits, cut(items, at, bits)
        at += bits


def _floor(bits: int) -> int:
    return max(word for word in WORDS if word <= bits)


def store(base: str, at: int, bits: int, text: str) -> str:
    """The statement that writes a word `at` bytes after `base`, in network order."""
    if bits == 8:
        return f"{base}[{at}] = {bare(text)};"
    place = f"{base} + {at}" if at else base
    return f"hg_store{bits}({place}, {bare(text)});"


def load(base: str, start: int, bits: int, length: int) -> str:
    """The field of `bits` bits at bit `start` of the `length` bytes at `base`."""
    first, last = start // 8, (start + bits - 1) // 8
    for word in WORDS:
        size = word // 8
        begin = min(first, length - size)
        if begin >= 0 and begin + size > last:
            return _load_word(base, begin, word, start, bits)
    # No one word lies within the bytes: all but the last of the field, and that.
    tail = (start + bits) - last * 8
    head = load(base, start, bits - tail, last)
    kind = "hg_u128" if bits > 64 else "uint64_t"
    return f"(({kind}){head} << {tail} | {load(base, last * 8, tail, length)})"


def _load_word(base: str, begin: int, word: int, start: int, bits: int) -> str:
    place = f"{base} + {begin}" if begin else base
    text = f"{base}[{begin}]" if word == 8 else f"hg_load{word}({place})"
    behind = (begin * 8 + word) - (start + bits)
    if behind:
        text = f"({text} >> {behind})"
    if bits + behind == word:
        return text
    if bits > 64:
        return f"({text} & (((hg_u128)1 << {bits}) - 1))"
    if word == 128:
        text = f"(uint64_t){text}"
    return f"({text} & {number((1 << bits) - 1)})"
