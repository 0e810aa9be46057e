# SPDX-License-Identifier: Apache-2.0
"""What is known of an expression before any packet has come: idle masks, decided tests."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.ranges import MAX_SHIFT, Range, unsigned, value_range


def unmasked(expression: ir.Data) -> ir.Data:
    """Without the masks that change nothing."""
    while isinstance(expression, ir.Binary) and expression.op == "&":
        left, right = expression.left, expression.right
        if mask_is_idle(left, right, MAX_SHIFT):
            expression = left
        elif mask_is_idle(right, left, MAX_SHIFT):
            expression = right
        else:
            break
    return expression


def mask_is_idle(kept: ir.Data, mask: ir.Data, demand: int) -> bool:
    """Whether kept & mask is kept, as far as its low `demand` bits go."""
    constant = value_range(mask).constant
    if constant is None:
        return False
    low_ones = (constant ^ (constant + 1)).bit_length() - 1 if constant >= 0 else 0
    return low_ones >= demand or value_range(kept) in unsigned(low_ones)


def decide(op: str, left: Range, right: Range) -> bool | None:
    """What a comparison always gives, if it always gives the same."""
    if op in ("==", "!="):
        if left.high < right.low or right.high < left.low:
            return op == "!="
        if left.constant is not None and left == right:
            return op == "=="
        return None
    if op in (">", ">="):
        return decide({">": "<", ">=": "<="}[op], right, left)
    if op == "<":
        if left.high < right.low:
            return True
        return False if left.low >= right.high else None
    if left.high <= right.low:
        return True
    return False if left.low > right.high else None
