# SPDX-License-Identifier: Apache-2.0
"""HalfSipHash-2-4 with 64 bits of output, over bytes (Aumasson, Bernstein: SipHash)."""

MASK = 0xFFFF_FFFF


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & MASK


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[1] = _rotated(v[1], 5) ^ v[0]
        v[0] = _rotated(v[0], 16)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = _rotated(v[3], 8) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = _rotated(v[3], 7) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = _rotated(v[1], 13) ^ v[2]
        v[2] = _rotated(v[2], 16)


def halfsiphash(message: bytes, key: bytes) -> bytes:
    k0, k1 = int.from_bytes(key[:4], "little"), int.from_bytes(key[4:], "little")
    v = [k0, k1 ^ 0xEE, k0 ^ 0x6C796765, k1 ^ 0x74656462]
    padded = message + bytes(-(len(message) + 1) % 4) + bytes([len(message) & 0xFF])
    for at in range(0, len(padded), 4):
        word = int.from_bytes(padded[at : at + 4], "little")
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xEE
    _rounds(v, 4)
    low = v[1] ^ v[3]
    v[1] ^= 0xDD
    _rounds(v, 4)
    return low.to_bytes(4, "little") + (v[1] ^ v[3]).to_bytes(4, "little")
