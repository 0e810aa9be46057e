# SPDX-License-Identifier: Apache-2.0
"""Checksums that are verified after the parser and updated after egress."""

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.expressions import Expressions
from hectograph.switch.compiler.frontend.headers import Headers
from hectograph.switch.compiler.frontend.reader import Node


def load_checksums(
    root: Node, headers: Headers, calculations: dict[str, ir.Calculation]
) -> tuple[ir.Checksum, ...]:
    return tuple(_checksum(node, headers, calculations) for node in root.array("checksums"))


def _checksum(node: Node, headers: Headers, calculations: dict[str, ir.Calculation]) -> ir.Checksum:
    if node["type"].string() != "generic":
        node.unsupported(f"checksums of type '{node['type'].string()}'")
    name = node["calculation"].string()
    if name not in calculations:
        node.invalid(f"there is no calculation '{name}'")
    condition = node.find("if_cond")
    return ir.Checksum(
        name=node["name"].string(),
        target=headers.target(node["target"]),
        calculation=calculations[name],
        condition=Expressions(headers).bool(condition) if condition else ir.Truth(True),
        update=node.flag("update", default=True),
        verify=node.flag("verify", default=True),
        where=node.where,
    )
