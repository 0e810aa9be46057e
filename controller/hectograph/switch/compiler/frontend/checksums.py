# SPDX-License-Identifier: Apache-2.0
"""Checksums and the calculations that they name."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.expressions import Expressions
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node


def load_checksums(root: Node, headers: Headers) -> tuple[ir.Checksum, ...]:
    calculations = {node["name"].string(): node for node in root.array("calculations")}
    return tuple(_checksum(node, headers, calculations) for node in root.array("checksums"))


def _checksum(node: Node, headers: Headers, calculations: dict[str, Node]) -> ir.Checksum:
    if node["type"].string() != "generic":
        node.unsupported(f"checksums of type '{node['type'].string()}'")
    name = node["calculation"].string()
    if name not in calculations:
        node.invalid(f"there is no calculation '{name}'")
    calculation = calculations[name]
    algorithm = calculation["algo"].string()
    if algorithm != "csum16":
        calculation.unsupported(f"checksums by '{algorithm}'")
    inputs = [part for item in calculation.array("input") for part in _input(item, headers)]
    condition = node.find("if_cond")
    return ir.Checksum(
        name=node["name"].string(),
        target=headers.target(node["target"]),
        inputs=tuple(inputs),
        condition=Expressions(headers).bool(condition) if condition else ir.Truth(True),
        update=node.flag("update", default=True),
        verify=node.flag("verify", default=True),
        where=node.where,
    )


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
    if kind == "payload":
        node.unsupported("checksums over the payload")
    return node.unsupported(f"a calculation's input of type '{kind}'")
