/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header stacks, in every way that a program can use them. A frame says what is to
 * be done: base.op, to what index, with what value. What comes out of port 1 begins
 * with what the parser saw. stacks.json and stacks.p4info.txtpb are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files stacks.p4info.txtpb -o stacks.json stacks.p4
 */
#include <core.p4>
#include <v1model.p4>

const bit<8> LAST = 0x80; /* in an item's kind: no other follows */

header report_t {
    bit<8> parser_error;
    bit<8> last_index;
    bit<8> last_kind;
    bit<8> packet_length;
}

header base_t {
    bit<8> op;
    bit<8> index;
    bit<16> value;
}

header item_t {
    bit<8> kind;
    int<8> number;
    bit<16> value;
}

header tail_t {
    bit<16> length;
}

struct headers_t {
    report_t report;
    base_t base;
    item_t[4] items;
    item_t[4] kept;
    item_t single;
    tail_t[2] tails;
}

struct metadata_t {
    bit<8> last_index;
    bit<8> last_kind;
}

parser StacksParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.base);
        meta.last_index = 0xff;
        transition items;
    }
    state items {
        packet.extract(hdr.items.next);
        meta.last_index = (bit<8>)hdr.items.lastIndex;
        meta.last_kind = hdr.items.last.kind;
        transition select(hdr.items.last.kind & LAST, hdr.items.last.value) {
            (0, _): items;
            (LAST, 0xffff): accept;
            (LAST, _): tails;
        }
    }
    state tails {
        packet.extract(hdr.tails.next);
        transition select(hdr.tails.last.length) {
            1: tails;
            default: accept;
        }
    }
}

control StacksVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control StacksIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard_metadata) {
    action push_one() { hdr.items.push_front(1); }
    action push_two() { hdr.items.push_front(2); }
    action push_all() { hdr.items.push_front(9); }
    action pop_one() { hdr.items.pop_front(1); }
    action pop_three() { hdr.items.pop_front(3); }
    action pop_all() { hdr.items.pop_front(4); }
    action fill() {
        hdr.items.push_front(1);
        hdr.items[0].setValid();
        hdr.items[0].kind = 1;
        hdr.items[0].value = hdr.base.value;
    }
    action set_indexed() { hdr.items[hdr.base.index].value = hdr.base.value; }
    action add_indexed() {
        hdr.items[hdr.base.index & 3].value = hdr.items[(hdr.base.index + 1) & 3].value + 1;
    }
    action read_indexed() { hdr.base.value = hdr.items[hdr.base.index].value; }
    action copy_single() {
        hdr.single = hdr.items[1];
        hdr.items[2] = hdr.items[0];
    }
    action copy_all() { hdr.kept = hdr.items; }
    action swap() {
        item_t first = hdr.items[0];
        hdr.items[0] = hdr.items[3];
        hdr.items[3] = first;
    }
    action invalidate() { hdr.items[2].setInvalid(); }
    action validate() { hdr.items[3].setValid(); }
    table operation {
        key = { hdr.base.op: exact; }
        actions = {
            push_one; push_two; push_all; pop_one; pop_three; pop_all; fill; set_indexed;
            add_indexed; read_indexed; copy_single; copy_all; swap; invalidate; validate; NoAction;
        }
        const entries = {
            1: push_one();
            2: push_two();
            3: push_all();
            4: pop_one();
            5: pop_three();
            6: pop_all();
            7: fill();
            8: set_indexed();
            9: add_indexed();
            10: read_indexed();
            11: copy_single();
            12: copy_all();
            13: swap();
            14: invalidate();
            15: validate();
        }
        const default_action = NoAction();
    }
    action count_equal() { hdr.base.value = hdr.base.value + 1; }
    action matched(bit<16> value) { hdr.items[0].value = value; }
    table second {
        key = {
            hdr.items[1].kind: ternary @name("kind");
            hdr.items[1].isValid(): exact @name("valid");
        }
        actions = { matched; NoAction; }
        const entries = {
            (0x11, true): matched(0x1111);
            (0x12 &&& 0x7f, true): matched(0x1212);
            (_, false): matched(0xeeee);
        }
        const default_action = NoAction();
    }
    apply {
        standard_metadata.egress_spec = 1;
        operation.apply();
        if (hdr.base.op == 16) second.apply();
        if (hdr.items[0] == hdr.items[1]) count_equal();
    }
}

control StacksEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    apply {
        if (standard_metadata.egress_rid == 2) {
            hdr.items.pop_front(1);
        }
        if (hdr.base.op == 17) {
            hdr.items[hdr.base.index].number = hdr.items[0].number - 1;
        }
        hdr.report.setValid();
        hdr.report.parser_error = (bit<8>)(bit<1>)(standard_metadata.parser_error != error.NoError);
        if (standard_metadata.parser_error == error.StackOutOfBounds) hdr.report.parser_error = 3;
        if (standard_metadata.parser_error == error.NoMatch) hdr.report.parser_error = 2;
        hdr.report.last_index = meta.last_index;
        hdr.report.last_kind = meta.last_kind;
        hdr.report.packet_length = (bit<8>)standard_metadata.packet_length;
    }
}

control StacksCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control StacksDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(StacksParser(), StacksVerify(), StacksIngress(), StacksEgress(), StacksCompute(),
         StacksDeparser()) main;
