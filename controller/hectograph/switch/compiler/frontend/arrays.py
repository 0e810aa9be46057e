# SPDX-License-Identifier: Apache-2.0
"""What primitives and tables name: counters, digests, calculations and their like."""

from dataclasses import dataclass

from hectograph.switch.compiler import ir
from hectograph.switch.compiler.frontend.calculations import load_calculation, load_calculations
from hectograph.switch.compiler.frontend.clones import load_field_lists
from hectograph.switch.compiler.frontend.digests import load_digests
from hectograph.switch.compiler.frontend.headers import MAX_FIELD_BITS, Headers
from hectograph.switch.compiler.frontend.reader import Node


@dataclass(frozen=True)
class Arrays:
    """By name, digests by id; direct counters only say which table they belong to."""

    counters: dict[str, ir.Counter]
    meters: dict[str, ir.Meter]
    direct_meters: dict[str, ir.DirectMeter]
    registers: dict[str, ir.Register]
    digests: dict[int, ir.Digest]
    field_lists: dict[int, ir.FieldList]
    calculations: dict[str, ir.Calculation]
    profiles: dict[str, ir.ActionProfile]


def load_arrays(root: Node, headers: Headers) -> Arrays:
    counters = [
        ir.Counter(node["name"].string(), node["size"].natural())
        for node in root.array("counter_arrays")
        if not node.flag("is_direct")
    ]
    meters: list[ir.Meter] = []
    direct: list[ir.DirectMeter] = []
    for node in root.array("meter_arrays"):
        name, kind = node["name"].string(), node["type"].string()
        if kind not in ("bytes", "packets"):
            node.invalid(f"'{kind}' is not what a meter measures")
        if node["rate_count"].integer() != 2:
            node.unsupported("meters of other than two rates")
        if node.flag("is_direct"):
            target = headers.target(node["result_target"])
            direct.append(ir.DirectMeter(name, kind == "bytes", target))
        else:
            meters.append(ir.Meter(name, node["size"].natural(), kind == "bytes"))
    return Arrays(
        {each.name: each for each in counters},
        {each.name: each for each in meters},
        {each.name: each for each in direct},
        {each.name: each for each in map(_register, root.array("register_arrays"))},
        load_digests(root, headers),
        load_field_lists(root, headers),
        load_calculations(root, headers),
        {
            each.name: each
            for pipeline in root.array("pipelines")
            for each in (_profile(node, headers) for node in pipeline.array("action_profiles"))
        },
    )


def _profile(node: Node, headers: Headers) -> ir.ActionProfile:
    name, selector = node["name"].string(), node.find("selector")
    chosen = None if selector is None else load_calculation(name, selector, headers)
    return ir.ActionProfile(name, node["max_size"].natural(), chosen)


def _register(node: Node) -> ir.Register:
    bits = node["bitwidth"].natural()
    if not 1 <= bits <= MAX_FIELD_BITS:
        node.unsupported(f"registers of {bits} bits (1 to {MAX_FIELD_BITS})")
    return ir.Register(node["name"].string(), node["size"].natural(), bits)
