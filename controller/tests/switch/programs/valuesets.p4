/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser value sets: of one field, of several, and one that two states use.
 * valuesets.json and valuesets.p4info.txtpb are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files valuesets.p4info.txtpb -o valuesets.json valuesets.p4
 */
#include <core.p4>
#include <v1model.p4>

header base_t {
    bit<16> kind;
    bit<4> low;
    bit<12> high;
    bit<8> way; /* which states were passed */
}

header next_t {
    bit<16> kind;
}

struct headers_t {
    base_t base;
    next_t next;
}

struct metadata_t {
    bit<8> way;
}

struct pair_t {
    bit<4> low;
    @match(ternary)
    bit<12> high;
}

parser ValueSetsParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard_metadata) {
    value_set<bit<16>>(4) kinds;
    value_set<pair_t>(8) pairs;

    state start {
        packet.extract(hdr.base);
        meta.way = 1;
        transition select(hdr.base.kind) {
            0xffff: accept;
            kinds: known;
            default: other;
        }
    }
    state known {
        meta.way = meta.way | 2;
        packet.extract(hdr.next);
        transition select(hdr.next.kind) {
            kinds: twice;
            default: accept;
        }
    }
    state twice {
        meta.way = meta.way | 4;
        transition accept;
    }
    state other {
        meta.way = meta.way | 8;
        transition select(hdr.base.low, hdr.base.high) {
            (0, 0): accept;
            pairs: paired;
            (0xf, _): twice;
            default: accept;
        }
    }
    state paired {
        meta.way = meta.way | 16;
        transition accept;
    }
}

control ValueSetsVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control ValueSetsIngress(inout headers_t hdr, inout metadata_t meta,
                         inout standard_metadata_t standard_metadata) {
    apply {
        standard_metadata.egress_spec = 1;
        hdr.base.way = meta.way;
    }
}

control ValueSetsEgress(inout headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard_metadata) {
    apply {}
}

control ValueSetsCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control ValueSetsDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(ValueSetsParser(), ValueSetsVerify(), ValueSetsIngress(), ValueSetsEgress(),
         ValueSetsCompute(), ValueSetsDeparser()) main;
