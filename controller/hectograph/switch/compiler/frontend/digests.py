# SPDX-License-Identifier: Apache-2.0
"""Digests: the JSON's learn lists."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.headers import MAX_FIELD_BITS, Headers
from hectograph.switch.compiler.frontend.reader import Node


def load_digests(root: Node, headers: Headers) -> dict[int, ir.Digest]:
    """By the id that generate_digest names."""
    found: dict[int, ir.Digest] = {}
    for node in root.array("learn_lists"):
        number = node["id"].natural()
        if number in found:
            node["id"].invalid("is there twice")
        elements = tuple(_element(item, headers) for item in node["elements"].items())
        if not elements:
            node.invalid("sends nothing")
        found[number] = ir.Digest(node["name"].string(), elements)
    return found


def _element(node: Node, headers: Headers) -> ir.DigestElement:
    kind, value = node["type"].string(), node["value"]
    if kind == "field":
        return headers.number(value)
    if kind != "hexstr":
        return node.unsupported(f"a digest's element of type '{kind}'")
    digits = value.string().removeprefix("0x")
    if len(digits) % 2:
        # p4c pads constants to whole bytes; what it writes for an action's parameter
        # looks like this, and is the parameter's number instead of its value.
        value.unsupported("a digest of an action's parameter (assign it to metadata first)")
    bits = 4 * len(digits)
    if bits > MAX_FIELD_BITS:
        value.unsupported(f"a constant of {bits} bits (up to {MAX_FIELD_BITS})")
    return ir.Bits(value.octets(bits // 8), bits)
