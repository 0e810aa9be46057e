# SPDX-License-Identifier: Apache-2.0
"""BMv2's arithmetic in Python: integers of any size, cut when they are stored."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from bmv2json import Json

Values = Mapping[tuple[str, str], int]


def evaluate(expression: Json, values: Values) -> Any:
    kind, value = expression["type"], expression["value"]
    if kind == "hexstr":
        return int(value, 16)
    if kind == "bool":
        return value
    if kind == "field":
        return values[value[0], value[1]]
    return _operate(value, values)


def _operate(node: Json, values: Values) -> Any:
    op = node["op"]
    if op == "?":
        chosen = "left" if evaluate(node["cond"], values) else "right"
        return evaluate(node[chosen], values)
    right = evaluate(node["right"], values)
    if op in _UNARY:
        return _UNARY[op](right)
    left = 0 if node["left"] is None else evaluate(node["left"], values)
    return _BINARY[op](left, right)


def wrapped(value: int, bits: int) -> int:
    """The signed value of the low bits."""
    low = value & ((1 << bits) - 1)
    return low - (1 << bits) if low >> (bits - 1) else low


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _shifted_left(value: int, by: int) -> int:
    return value << min(by, 1000)


def _shifted_right(value: int, by: int) -> int:
    return value >> min(by, 1000)


def _saturated(value: int, bits: int) -> int:
    return _clamp(value, 0, (1 << bits) - 1)


def _saturated_signed(value: int, bits: int) -> int:
    return _clamp(value, -1 << (bits - 1), (1 << (bits - 1)) - 1)


_UNARY: dict[str, Callable[[Any], Any]] = {
    "~": operator.invert,
    "not": operator.not_,
    "d2b": bool,
    "b2d": int,
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": int.__floordiv__,
    "%": operator.mod,
    "&": int.__and__,
    "|": int.__or__,
    "^": int.__xor__,
    "<<": _shifted_left,
    ">>": _shifted_right,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "and": int.__and__,
    "or": int.__or__,
    "two_comp_mod": wrapped,
    "usat_cast": _saturated,
    "sat_cast": _saturated_signed,
}


def stored(value: int, bits: int, *, signed: bool) -> int:
    """What a field holds after it was assigned; a signed one keeps what fits it unsigned."""
    if not signed:
        return value & ((1 << bits) - 1)
    return value if -1 << (bits - 1) <= value < 1 << bits else wrapped(value, bits)
