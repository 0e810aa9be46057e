/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Varbits: extracted by a length that the packet brings, assigned, compared, summed and
 * emitted, at a byte's start and in its middle. varbits.json and varbits.p4info.txtpb
 * are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files varbits.p4info.txtpb -o varbits.json varbits.p4
 */
#include <core.p4>
#include <v1model.p4>

header report_t {
    bit<8> parser_error;
    bit<8> equal;
    bit<16> packet_length;
}

header base_t {
    bit<8> op;
    bit<8> first_bits;  /* of the first options, in bits */
    bit<8> second_bytes; /* of the others, in bytes */
    bit<8> checksum_error;
    bit<16> checksum;
}

header options_t {
    bit<8> kind;
    varbit<64> data;
}

header odd_t {
    bit<4> kind;
    varbit<32> data;
    bit<12> tail;
}

struct headers_t {
    report_t report;
    base_t base;
    options_t first;
    options_t second;
    odd_t odd;
    options_t[2] many;
}

struct metadata_t {}

parser VarbitsParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.base);
        packet.extract(hdr.first, (bit<32>)hdr.base.first_bits);
        packet.extract(hdr.second, ((bit<32>)hdr.base.second_bytes) << 3);
        transition select(hdr.second.kind) {
            0: accept;
            1: odd;
            2: many;
            default: odd_and_many;
        }
    }
    state odd {
        packet.extract(hdr.odd, 16);
        transition accept;
    }
    state many {
        packet.extract(hdr.many.next, (bit<32>)hdr.base.first_bits);
        transition select(hdr.many.last.kind) {
            0: many;
            default: accept;
        }
    }
    state odd_and_many {
        packet.extract(hdr.odd, ((bit<32>)hdr.first.kind[1:0]) << 3);
        transition many;
    }
}

control VarbitsVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.second.isValid(), { hdr.base.op, hdr.first.data, hdr.first.kind },
                        hdr.base.checksum, HashAlgorithm.csum16);
    }
}

control VarbitsIngress(inout headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard_metadata) {
    action assign() { hdr.second.data = hdr.first.data; }
    action copy() { hdr.many[1] = hdr.first; }
    action remove() { hdr.first.setInvalid(); }
    action push() { hdr.many.push_front(1); }
    action change() {
        hdr.odd.tail = 0xabc;
        hdr.odd.kind = 0x5;
    }
    table operation {
        key = { hdr.base.op: exact; }
        actions = { assign; copy; remove; push; change; NoAction; }
        const entries = {
            1: assign();
            2: copy();
            3: remove();
            4: push();
            5: change();
        }
        const default_action = NoAction();
    }
    apply {
        standard_metadata.egress_spec = 1;
        hdr.base.checksum_error = (bit<8>)standard_metadata.checksum_error;
        if (hdr.base.op != 1 || hdr.second.isValid()) operation.apply();
    }
}

control VarbitsEgress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard_metadata) {
    apply {
        hdr.report.setValid();
        if (hdr.first == hdr.second) hdr.report.equal = 1;
        hdr.report.parser_error = 0xff;
        if (standard_metadata.parser_error == error.NoError) hdr.report.parser_error = 0;
        if (standard_metadata.parser_error == error.PacketTooShort) hdr.report.parser_error = 1;
        if (standard_metadata.parser_error == error.HeaderTooShort) hdr.report.parser_error = 2;
        if (standard_metadata.parser_error == error.ParserInvalidArgument) hdr.report.parser_error = 3;
        if (standard_metadata.parser_error == error.StackOutOfBounds) hdr.report.parser_error = 4;
        hdr.report.packet_length = (bit<16>)standard_metadata.packet_length;
    }
}

control VarbitsCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.base.op > 1, { hdr.first.kind, hdr.first.data, hdr.odd.kind,
                        hdr.odd.data, hdr.odd.tail, hdr.second.data, hdr.second.kind },
                        hdr.base.checksum, HashAlgorithm.csum16);
    }
}

control VarbitsDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(VarbitsParser(), VarbitsVerify(), VarbitsIngress(), VarbitsEgress(), VarbitsCompute(),
         VarbitsDeparser()) main;
