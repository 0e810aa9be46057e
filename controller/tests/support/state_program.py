# SPDX-License-Identifier: Apache-2.0
"""A program that keeps state, as p4c would write it.

Table `hosts` by source address has idle timeouts; `rules` by type (ternary) too. A
frame leaves in the register `last`, at the cell that its destination's last byte
names, the low 12 bits of its type, and in `wide` its source address.
"""

import json

from bmv2json import (
    Json,
    action,
    field,
    key,
    op,
    pipeline,
    primitive,
    program,
    standard,
    synthetic,
    table,
)
from finsy.proto import p4i, p4r
from google.protobuf import text_format

HOSTS, RULES, KNOWN, NONE = 0x02000001, 0x02000002, 0x01000001, 0x01000002
LAST, WIDE, BALANCE = 0x16000001, 0x16000002, 0x16000003
CELLS = 8


def _table(number: int, name: str, match: str, extra: str = "") -> str:
    return f"""
tables {{
  preamble {{ id: {number} name: "{name}" alias: "{name}" }}
  match_fields {{ {match} }}
  action_refs {{ id: {KNOWN} }} action_refs {{ id: {NONE} }}
  initial_default_action {{ action_id: {NONE} }}
  size: 4096 idle_timeout_behavior: NOTIFY_CONTROL {extra}
}}"""


def _register(number: int, name: str, kind: str, bits: int) -> str:
    return f"""
registers {{
  preamble {{ id: {number} name: "{name}" alias: "{name}" }}
  type_spec {{ bitstring {{ {kind} {{ bitwidth: {bits} }} }} }}
  size: {CELLS} index_type_name {{}}
}}"""


_P4INFO = f"""
pkg_info {{ arch: "v1model" }}
{_table(HOSTS, "hosts", 'id: 1 name: "src_addr" bitwidth: 48 match_type: EXACT')}
{_table(RULES, "rules", 'id: 1 name: "type" bitwidth: 16 match_type: TERNARY')}
actions {{
  preamble {{ id: {KNOWN} name: "known" alias: "known" }}
  params {{ id: 1 name: "port" bitwidth: 9 }}
}}
actions {{ preamble {{ id: {NONE} name: "none" alias: "none" }} }}
{_register(LAST, "last", "bit", 12)}
{_register(WIDE, "wide", "bit", 48)}
{_register(BALANCE, "balance", "int", 10)}
type_info {{}}
"""


def document() -> Json:
    index = op("&", field("ethernet", "dst_addr"), {"type": "hexstr", "value": "0xff"})

    def write(name: str, value: Json) -> Json:
        register = {"type": "register_array", "value": name}
        return primitive("register_write", register, index, value)

    source = field("ethernet", "src_addr")
    registers = (("last", 12), ("wide", 48), ("balance", 10))
    return program(
        {"ethernet": [("dst_addr", 48), ("src_addr", 48), ("type", 16)]},
        actions=[
            action(
                "known",
                primitive("assign", standard("egress_spec"), {"type": "runtime_data", "value": 0}),
                parameters=[("port", 9)],
            ),
            action("none"),
            action("keep", write("last", field("ethernet", "type")), write("wide", source)),
        ],
        ingress=pipeline(
            "hosts",
            table(
                "hosts",
                [key("exact", "ethernet", "src_addr", "src_addr")],
                ["known", "none"],
                ("none",),
                "rules",
                support_timeout=True,
                max_size=4096,
            ),
            table(
                "rules",
                [key("ternary", "ethernet", "type", "type")],
                ["known", "none"],
                ("none",),
                "tbl_keep",
                support_timeout=True,
                max_size=4096,
            ),
            synthetic("keep"),
        ),
        counter_arrays=[],
        meter_arrays=[],
        register_arrays=[
            {"name": name, "id": number, "size": CELLS, "bitwidth": bits}
            for number, (name, bits) in enumerate(registers)
        ],
    )


def config() -> p4r.ForwardingPipelineConfig:
    return p4r.ForwardingPipelineConfig(
        p4info=text_format.Parse(_P4INFO, p4i.P4Info()),
        p4_device_config=json.dumps(document()).encode(),
    )
