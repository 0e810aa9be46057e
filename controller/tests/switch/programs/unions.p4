/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header unions and stacks of them. base.op says what is to be done, base.kinds what
 * follows: first a union, then a stack of unions. unions.json and unions.p4info.txtpb
 * are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files unions.p4info.txtpb -o unions.json unions.p4
 */
#include <core.p4>
#include <v1model.p4>

header report_t {
    bit<8> valid;
    bit<8> value;
    bit<16> packet_length;
}

header base_t {
    bit<8> op;
    bit<8> kind;
}

header byte_t {
    bit<8> kind;
    bit<8> value;
}

header short_t {
    bit<8> kind;
    bit<16> value;
}

header long_t {
    bit<8> kind;
    bit<32> value;
}

header_union any_t {
    byte_t octet;
    short_t word;
    long_t dword;
}

struct headers_t {
    report_t report;
    base_t base;
    any_t single;
    any_t other;
    any_t[3] many;
}

struct metadata_t {
    bit<8> octets;
}

parser UnionsParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.base);
        transition select(hdr.base.kind) {
            1: octet;
            2: word;
            3: dword;
            4: all;
            default: many;
        }
    }
    state octet {
        packet.extract(hdr.single.octet);
        transition many;
    }
    state word {
        packet.extract(hdr.single.word);
        transition many;
    }
    state dword {
        packet.extract(hdr.single.dword);
        transition many;
    }
    state all { /* the last one stays */
        packet.extract(hdr.single.octet);
        packet.extract(hdr.single.dword);
        packet.extract(hdr.single.word);
        transition many;
    }
    state many {
        transition select(packet.lookahead<bit<8>>()) {
            1: many_octet;
            2: many_word;
            3: many_dword;
            default: accept;
        }
    }
    state many_octet {
        packet.extract(hdr.many.next.octet);
        meta.octets = meta.octets + 1;
        transition many;
    }
    state many_word {
        packet.extract(hdr.many.next.word);
        transition many;
    }
    state many_dword {
        packet.extract(hdr.many.next.dword);
        transition many;
    }
}

control UnionsVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control UnionsIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard_metadata) {
    action to_octet() {
        hdr.single.octet.setValid();
        hdr.single.octet.kind = 0x11;
    }
    action to_word() {
        hdr.single.word.setValid();
        hdr.single.word.value = 0x2222;
    }
    action octet_off() { hdr.single.octet.setInvalid(); }
    action word_off() { hdr.single.word.setInvalid(); }
    action copy_header() {
        hdr.other.word = hdr.single.word;
        hdr.other.octet = hdr.single.octet;
    }
    action copy_union() { hdr.other = hdr.single; }
    action push() { hdr.many.push_front(1); }
    action pop() { hdr.many.pop_front(1); }
    action many_word() { hdr.many[1].word.setValid(); }
    action many_copy() { hdr.many[0] = hdr.many[1]; }
    table operation {
        key = { hdr.base.op: exact; }
        actions = {
            to_octet; to_word; octet_off; word_off; copy_header; copy_union; push; pop; many_word;
            many_copy; NoAction;
        }
        const entries = {
            1: to_octet();
            2: to_word();
            3: octet_off();
            4: word_off();
            5: copy_header();
            6: copy_union();
            7: push();
            8: pop();
            9: many_word();
            10: many_copy();
        }
        const default_action = NoAction();
    }
    apply {
        standard_metadata.egress_spec = 1;
        operation.apply();
    }
}

control UnionsEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    apply {
        bit<8> valid = 0;
        if (hdr.single.isValid()) valid = valid | 1;
        if (hdr.single.octet.isValid()) valid = valid | 2;
        if (hdr.single.word.isValid()) valid = valid | 4;
        if (hdr.single.dword.isValid()) valid = valid | 8;
        if (hdr.many[0].word.isValid()) valid = valid | 16;
        if (hdr.many[2].dword.isValid()) valid = valid | 32;
        hdr.report.setValid();
        hdr.report.valid = valid;
        hdr.report.value = meta.octets;
        hdr.report.packet_length = (bit<16>)standard_metadata.packet_length;
    }
}

control UnionsCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control UnionsDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(UnionsParser(), UnionsVerify(), UnionsIngress(), UnionsEgress(), UnionsCompute(),
         UnionsDeparser()) main;
