/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that go through the pipeline again, and shorter: resubmitted, recirculated,
 * truncated, cloned on the way; a loop in an action, a mask on a key. base.op says what
 * is to be done, base.left how often. again.json and again.p4info.txtpb are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files again.p4info.txtpb -o again.json again.p4
 */
#include <core.p4>
#include <v1model.p4>

const bit<8> RESUBMIT = 1;
const bit<8> RECIRCULATE = 2;
const bit<8> BOTH = 3;
const bit<8> TRUNCATE_INGRESS = 4;
const bit<8> TRUNCATE_EGRESS = 5;
const bit<8> TRUNCATE_RECIRCULATE = 6;
const bit<8> LOOP = 7;
const bit<8> GROUP = 8;
const bit<8> MASKED = 9;

header base_t {
    bit<8> op;
    bit<8> left;
    bit<8> length;
    bit<8> seen; /* passes that egress saw */
}

header report_t {
    bit<8> instance;
    bit<8> kept;
    bit<8> passes;
    bit<8> packet_length;
    bit<16> ingress_port;
    bit<16> total;
}

struct headers_t {
    base_t base;
    report_t report;
}

struct metadata_t {
    @field_list(1, 2)
    bit<8> kept;
    @field_list(2)
    bit<8> passes;
    bit<8> lost;
    bit<16> total;
}

parser AgainParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.base);
        transition accept;
    }
}

control AgainVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control AgainIngress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    action sum() {
        for (bit<8> i = 0; i < hdr.base.left; i = i + 1) {
            meta.total = meta.total + (bit<16>)hdr.base.length;
            if (meta.total > 1000) break;
        }
    }
    action marked(bit<16> total) { meta.total = total; }
    table masked {
        key = { hdr.base.length & 0xf0: exact @name("high"); }
        actions = { marked; NoAction; }
        const entries = {
            0x10: marked(0x1010);
            0x20: marked(0x2020);
        }
        const default_action = NoAction();
    }
    action add_up() { sum(); }
    table adding {
        key = { hdr.base.op: exact; }
        actions = { add_up; NoAction; }
        const entries = { LOOP: add_up(); }
        const default_action = NoAction();
    }
    apply {
        standard_metadata.egress_spec = 1;
        meta.kept = meta.kept + 3;
        meta.passes = meta.passes + 1;
        meta.lost = meta.lost + 1;
        if (hdr.base.op == RESUBMIT || hdr.base.op == BOTH) {
            if (meta.passes < hdr.base.left) {
                standard_metadata.mcast_grp = 1; /* comes to nothing */
                resubmit_preserving_field_list(2);
            } else if (hdr.base.length == 1) {
                if (standard_metadata.instance_type != 6) resubmit_preserving_field_list(1);
            }
        }
        adding.apply();
        if (hdr.base.op == TRUNCATE_INGRESS) truncate((bit<32>)hdr.base.length);
        if (hdr.base.op == GROUP) standard_metadata.mcast_grp = 1;
        if (hdr.base.op == MASKED) masked.apply();
    }
}

control AgainEgress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    apply {
        if (hdr.base.op == RECIRCULATE || hdr.base.op == BOTH) {
            if (hdr.base.seen < hdr.base.left) {
                hdr.base.seen = hdr.base.seen + 1;
                if (hdr.base.length == 2) recirculate_preserving_field_list(1);
                else recirculate_preserving_field_list(2);
            }
        }
        if (hdr.base.op == GROUP && standard_metadata.egress_rid == 2) {
            truncate((bit<32>)hdr.base.length);
        }
        if (hdr.base.op == GROUP && standard_metadata.egress_rid == 3 && hdr.base.seen == 0) {
            hdr.base.seen = 1;
            hdr.base.op = 0;
            recirculate_preserving_field_list(2);
        }
        if (hdr.base.op == TRUNCATE_EGRESS) {
            truncate((bit<32>)hdr.base.length);
            truncate((bit<32>)hdr.base.left);
        }
        if (hdr.base.op == TRUNCATE_RECIRCULATE && hdr.base.seen < 2) {
            hdr.base.seen = hdr.base.seen + 1;
            truncate((bit<32>)hdr.base.length);
            recirculate_preserving_field_list(1);
        }
        hdr.report.setValid();
        hdr.report.instance = (bit<8>)standard_metadata.instance_type;
        hdr.report.kept = meta.kept;
        hdr.report.passes = meta.passes;
        hdr.report.packet_length = (bit<8>)standard_metadata.packet_length;
        hdr.report.ingress_port = (bit<16>)standard_metadata.ingress_port;
        hdr.report.total = meta.total;
    }
}

control AgainCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control AgainDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(AgainParser(), AgainVerify(), AgainIngress(), AgainEgress(), AgainCompute(),
         AgainDeparser()) main;
