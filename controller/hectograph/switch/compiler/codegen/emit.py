# SPDX-License-Identifier: Apache-2.0
"""The whole C file."""

from hectograph.errors import UnsupportedFeature
from hectograph.switch.compiler import ir
from hectograph.switch.compiler.codegen.actions import Actions
from hectograph.switch.compiler.codegen.block import function
from hectograph.switch.compiler.codegen.calculations import CalculationCode
from hectograph.switch.compiler.codegen.checksums import ChecksumCode
from hectograph.switch.compiler.codegen.clones import CloneCode
from hectograph.switch.compiler.codegen.control import ControlCode
from hectograph.switch.compiler.codegen.deparser import HeaderCode
from hectograph.switch.compiler.codegen.digests import DigestCode
from hectograph.switch.compiler.codegen.layout import Layout, storage_bits
from hectograph.switch.compiler.codegen.names import c_comment, c_string
from hectograph.switch.compiler.codegen.parser import ParserCode
from hectograph.switch.compiler.codegen.replicas import ReplicaCode
from hectograph.switch.compiler.codegen.tables import TableCode
from hectograph.switch.compiler.codegen.traces import Traces
from hectograph.switch.compiler.codegen.valuesets import ValueSetCode

DROP_PORT = 511
"""simple_switch's default."""


def generate(program: ir.Program, *, traced: bool = False, drop_port: int = DROP_PORT) -> str:
    """The C source of a program; it wants DIGEST defined before it."""
    traces = Traces(traced)
    layout = Layout(program)
    actions = Actions(layout, program, traces)
    digests = DigestCode(layout, program)
    clones = CloneCode(layout, program, clones=actions.clones, goes_again=actions.go_again)
    headers = HeaderCode(layout, program, traces)
    tables = TableCode(layout, program, actions)
    value_sets = ValueSetCode(program, len(tables.tables))
    control = ControlCode(layout, actions, tables, traces)
    checksums = ChecksumCode(layout, program)
    controls = [*control.function(program.ingress), *control.function(program.egress)]
    parser = ParserCode(layout, program, headers, traces).function(checksums.verifications())
    sections = [
        _head(program, drop_port),
        layout.declarations(),
        traces.declaration(),
        digests.functions(actions.sent()),
        CalculationCode(layout).hashes(program, actions.hashed() | control.selectors),
        actions.definitions(),
        value_sets.declarations(),
        tables.specifications(value_sets.specifications()),
        _arrays(program),
        digests.specifications(),
        headers.extractors(),
        checksums.functions(),
        value_sets.functions(),
        parser,
        tables.lookups(control.looked_up),
        controls,
        _ingress(),
        _egress(program, checksums.updates(), traces, drop_port),
        ReplicaCode(layout, program).function(),
        headers.deparser(),
        clones.functions(),
        _export(program, len(tables.tables) + value_sets.count, headers, clones),
    ]
    return "\n".join(line for section in sections for line in section) + "\n"


def _head(program: ir.Program, drop_port: int) -> list[str]:
    return [
        f"/* Compiled from {c_comment(program.name or 'a BMv2 JSON')} */",
        '#include "pipeline_ops.h"',
        "",
        "/* A program may well compare what can never differ. */",
        '#pragma GCC diagnostic ignored "-Wtautological-compare"',
        '#pragma GCC diagnostic ignored "-Wtype-limits"',
        "",
        f"#define DROP_PORT {drop_port}",
        "",
    ]


def _arrays(program: ir.Program) -> list[str]:
    lines: list[str] = []
    if program.counters:
        lines += ["static const struct hg_counter_spec counters[] = {"]
        lines += [f"\t{{ {c_string(each.name)}, {each.size} }}," for each in program.counters]
        lines += ["};", ""]
    if program.meters:
        lines += ["static const struct hg_meter_spec meters[] = {"]
        for each in program.meters:
            in_bytes = "true" if each.in_bytes else "false"
            lines.append(f"\t{{ {c_string(each.name)}, {each.size}, {in_bytes} }},")
        lines += ["};", ""]
    if program.registers:
        lines += ["static const struct hg_register_spec registers[] = {"]
        for each in program.registers:
            stride = storage_bits(each.bits) // 8
            lines.append(f"\t{{ {c_string(each.name)}, {each.size}, {each.bits}, {stride} }},")
        lines += ["};", ""]
    return lines


def _ingress() -> list[str]:
    head = "static void ingress(struct hg_context *ctx, void *opaque)"
    return function(head, (), ["\tcontrol_ingress(ctx, opaque);"])


def _egress(program: ir.Program, updates: list[str], traces: Traces, drop_port: int) -> list[str]:
    """simple_switch begins egress with any egress_spec that does not drop."""
    body = [
        "\tstruct phv *phv = opaque;",
        "",
        f"\tphv->standard.egress_spec = {_undropped(program, drop_port)};",
        "\tphv->standard.packet_length = phv->packet_bytes;",
        *traces.copy(),
        "\tcontrol_egress(ctx, phv);",
        *updates,
    ]
    return function("static void egress(struct hg_context *ctx, void *opaque)", (), body)


def _undropped(program: ir.Program, drop_port: int) -> int:
    """simple_switch's drop port + 1, in the field's width."""
    standard = next(header for header in program.headers if header.name == ir.STANDARD)
    bits = next(field.bits for field in standard.type.fields if field.name == "egress_spec")
    if drop_port >> bits:
        raise UnsupportedFeature(
            f"{bits} bits cannot hold the drop port {drop_port}: not supported",
            where=f"{ir.STANDARD}.egress_spec",
        )
    return (drop_port + 1) & ((1 << bits) - 1)


def _export(program: ir.Program, tables: int, headers: HeaderCode, clones: CloneCode) -> list[str]:
    members = {
        "abi": "HG_PIPELINE_ABI",
        "digest": "DIGEST",
        "phv_bytes": "sizeof(struct phv)",
        "max_header_bytes": str(headers.max_bytes()),
        "drop_port": "DROP_PORT",
        "table_count": str(tables),
        "tables": "tables" if tables else "NULL",
        "counter_count": str(len(program.counters)),
        "counters": "counters" if program.counters else "NULL",
        "meter_count": str(len(program.meters)),
        "meters": "meters" if program.meters else "NULL",
        "register_count": str(len(program.registers)),
        "registers": "registers" if program.registers else "NULL",
        "profile_count": str(len(program.profiles)),
        "profiles": "profiles" if program.profiles else "NULL",
        "digest_count": str(len(program.digests)),
        "digests": "digests" if program.digests else "NULL",
        "parse": "parse",
        "ingress": "ingress",
        "egress": "egress",
        "restore": "restore",
        "deparse": "deparse",
        **clones.exports(),
    }
    lines = [f"\t.{key} = {value}," for key, value in members.items()]
    return ["const struct hg_pipeline hg_pipeline = {", *lines, "};"]
