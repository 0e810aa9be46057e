# SPDX-License-Identifier: Apache-2.0
"""Calculations: hashes and checksums, and what they are computed over."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node

_ALGORITHMS: dict[str, ir.Algorithm] = {
    "csum16": "csum16",
    "cksum16": "csum16",
    "crc16": "crc16",
    "crc32": "crc32",
    # Nobody can set their polynomials here, and these are BMv2's own.
    "crc16_custom": "crc16",
    "crc32_custom": "crc32",
    "identity": "identity",
    "xor16": "xor16",
}


def load_calculations(root: Node, headers: Headers) -> dict[str, ir.Calculation]:
    """By name."""
    calculations = [
        load_calculation(node["name"].string(), node, headers)
        for node in root.array("calculations")
    ]
    return {each.name: each for each in calculations}


def load_calculation(name: str, node: Node, headers: Headers) -> ir.Calculation:
    algorithm = node["algo"].string()
    if algorithm not in _ALGORITHMS:
        node.unsupported(f"the hash algorithm '{algorithm}'")
    items = node.array("input")
    payload = bool(items) and items[-1]["type"].string() == "payload"
    parts = [part for item in items[: len(items) - payload] for part in _input(item, headers)]
    return ir.Calculation(name, _ALGORITHMS[algorithm], tuple(parts), payload)


def _input(node: Node, headers: Headers) -> list[ir.FieldValue | ir.Bits]:
    kind = node["type"].string()
    if kind == "field":
        found = headers.field(node["value"])
        return [found] if isinstance(found, ir.FieldValue) else node.unsupported("$valid$ here")
    if kind == "hexstr":
        bits = node["bitwidth"].natural()
        value = node["value"].octets((bits + 7) // 8)
        if value >> bits:
            node.invalid(f"does not fit {bits} bits")
        return [ir.Bits(value, bits)]
    if kind == "header":
        header = headers.header(node["value"])
        return [ir.FieldValue(header, field) for field in header.type.fields]
    return node.unsupported(f"a calculation's input of type '{kind}'")
