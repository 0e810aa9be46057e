# SPDX-License-Identifier: Apache-2.0
"""A program that sends digests, as p4c would write it.

Each frame goes back to where it came from. It sends `mac_learned_t` (a struct); unless
it is IPv4, `seen_t` too (a struct with a struct, a bool and an int<12> in it, which is
then changed, after it was sent); and if it is LLDP, a tuple.
"""

import json

from bmv2json import (
    Json,
    action,
    assign,
    conditional,
    const,
    field,
    op,
    pipeline,
    primitive,
    program,
    standard,
    synthetic,
)
from finsy.proto import p4i, p4r
from google.protobuf import text_format

MAC_LEARNED, SEEN, TUPLE = 0x01000001, 0x01000002, 0x01000003

_P4INFO = f"""
pkg_info {{ arch: "v1model" }}
digests {{
  preamble {{ id: {MAC_LEARNED} name: "mac_learned_t" alias: "mac_learned_t" }}
  type_spec {{ struct {{ name: "mac_learned_t" }} }}
}}
digests {{
  preamble {{ id: {SEEN} name: "seen_t" alias: "seen_t" }}
  type_spec {{ struct {{ name: "seen_t" }} }}
}}
digests {{
  preamble {{ id: {TUPLE} name: "digest_0" alias: "digest_0" }}
  type_spec {{
    tuple {{
      members {{ bitstring {{ bit {{ bitwidth: 48 }} }} }}
      members {{ bool {{}} }}
      members {{ bitstring {{ bit {{ bitwidth: 8 }} }} }}
    }}
  }}
}}
type_info {{
  structs {{
    key: "mac_learned_t"
    value {{
      members {{ name: "src_addr" type_spec {{ bitstring {{ bit {{ bitwidth: 48 }} }} }} }}
      members {{ name: "ingress_port" type_spec {{ bitstring {{ bit {{ bitwidth: 9 }} }} }} }}
    }}
  }}
  structs {{
    key: "place_t"
    value {{
      members {{ name: "port" type_spec {{ bitstring {{ bit {{ bitwidth: 9 }} }} }} }}
      members {{ name: "multicast" type_spec {{ bool {{}} }} }}
    }}
  }}
  structs {{
    key: "seen_t"
    value {{
      members {{ name: "ether_type" type_spec {{ bitstring {{ bit {{ bitwidth: 16 }} }} }} }}
      members {{ name: "place" type_spec {{ struct {{ name: "place_t" }} }} }}
      members {{ name: "balance" type_spec {{ bitstring {{ int {{ bitwidth: 12 }} }} }} }}
    }}
  }}
}}
"""


def _list(number: int, name: str, *elements: Json) -> Json:
    return {"name": name, "id": number, "elements": list(elements)}


def _send(number: int) -> Json:
    return primitive("generate_digest", const(1), const(number))


def _is(ether_type: int) -> Json:
    return op("==", field("ethernet", "ether_type"), const(ether_type))


def document() -> Json:
    ether_type = field("ethernet", "ether_type")
    dst_addr, src_addr = field("ethernet", "dst_addr"), field("ethernet", "src_addr")
    port = standard("ingress_port")
    seen = [field("meta", name) for name in ("type", "port", "multicast", "balance")]
    multicast = op("&", op(">>", dst_addr, const(40)), const(1))
    balance = op("two_comp_mod", ether_type, const(12))
    return program(
        {"ethernet": [("dst_addr", 48), ("src_addr", 48), ("ether_type", 16)]},
        metadata={
            "meta": [("type", 16), ("port", 9), ("multicast", 1), ("balance", 12, True), ("_", 2)]
        },
        actions=[
            action("learn", assign(standard("egress_spec"), port), _send(1)),
            action(
                "see",
                assign(seen[0], ether_type),
                assign(seen[1], port),
                assign(seen[2], multicast),
                assign(seen[3], balance),
                _send(2),
                assign(seen[0], const(0)),
            ),
            action("tell", _send(3)),
        ],
        ingress=pipeline(
            "tbl_learn",
            synthetic("learn", "is_ipv4"),
            conditional("is_ipv4", _is(0x0800), None, "tbl_see"),
            synthetic("see", "is_lldp"),
            conditional("is_lldp", _is(0x88CC), "tbl_tell", None),
            synthetic("tell"),
        ),
        counter_arrays=[],
        meter_arrays=[],
        learn_lists=[
            _list(1, "mac_learned_t", src_addr, port),
            _list(2, "seen_t", *seen),
            _list(
                3,
                "digest",
                dst_addr,
                field("ethernet", "$valid$"),
                {"type": "hexstr", "value": "0x07"},
            ),
        ],
    )


def p4info() -> p4i.P4Info:
    return text_format.Parse(_P4INFO, p4i.P4Info())


def config() -> p4r.ForwardingPipelineConfig:
    return p4r.ForwardingPipelineConfig(
        p4info=p4info(), p4_device_config=json.dumps(document()).encode()
    )
