/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the P4Runtime server's tests: every match kind, scope, default and direct
 * resource that a client can meet, in tables that do little. kinds.json and
 * kinds.p4info.txtpb are made from it by
 *   p4c-bm2-ss --arch v1model --p4runtime-files kinds.p4info.txtpb -o kinds.json kinds.p4
 */
#include <core.p4>
#include <v1model.p4>

const bit<9> CPU_PORT = 510;

header ethernet_t {
    bit<48> dst_addr;
    bit<48> src_addr;
    bit<16> ether_type;
}

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<8> diffserv;
    bit<16> total_length;
    bit<16> identification;
    bit<3> flags;
    bit<13> fragment_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> header_checksum;
    bit<32> src_addr;
    bit<32> dst_addr;
}

@controller_header("packet_in")
header packet_in_t {
    @id(1) bit<9> ingress_port;
    @id(2) bit<3> colour;
    @id(3) bit<4> note;
}

@controller_header("packet_out")
header packet_out_t {
    @id(7) bit<9> egress_port;
    @id(8) bit<7> note;
}

struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;
    ethernet_t ethernet;
    ipv4_t ipv4;
}

struct metadata_t {
    bit<3> colour;
    bit<12> tag;
}

parser KindsParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard_metadata) {
    state start {
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default: parse_ethernet;
        }
    }
    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition parse_ethernet;
    }
    state parse_ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            0x0800: parse_ipv4;
            default: accept;
        }
    }
    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control KindsIngress(inout headers_t hdr, inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) exact_counter;
    direct_meter<bit<3>>(MeterType.packets) exact_meter;
    direct_counter(CounterType.packets) ternary_counter;
    counter(4, CounterType.packets_and_bytes) seen;
    meter(4, MeterType.bytes) gauge;

    action forward(@id(1) bit<9> port, @id(2) bit<12> tag) {
        standard_metadata.egress_spec = port;
        meta.tag = tag;
    }
    action metered(@id(1) bit<9> port) {
        exact_meter.read(meta.colour);
        standard_metadata.egress_spec = port;
    }
    action drop() {
        mark_to_drop(standard_metadata);
    }
    action mark(@id(1) bit<12> tag) {
        meta.tag = tag;
    }
    action flood(@id(1) bit<16> group) {
        standard_metadata.mcast_grp = group;
    }

    @id(0x02000001)
    table exact_table {
        key = {
            hdr.ethernet.dst_addr : exact @name("dst_addr") @id(1);
            standard_metadata.ingress_port : exact @name("ingress_port") @id(2);
        }
        actions = { metered; drop; }
        default_action = drop();
        size = 16;
        counters = exact_counter;
        meters = exact_meter;
    }

    @id(0x02000002)
    table lpm_table {
        key = { hdr.ipv4.dst_addr : lpm @name("dst_addr") @id(1); }
        actions = { forward; @defaultonly drop; }
        default_action = drop();
        size = 1024;
    }

    @id(0x02000003)
    table ternary_table {
        key = {
            hdr.ipv4.src_addr : ternary @name("src_addr") @id(1);
            meta.tag : exact @name("tag") @id(2);
        }
        actions = { mark; @tableonly flood; NoAction; }
        const default_action = NoAction();
        size = 4;
        counters = ternary_counter;
    }

    @id(0x02000004)
    table range_table {
        key = {
            hdr.ipv4.total_length : range @name("total_length") @id(1);
            hdr.ipv4.protocol : optional @name("protocol") @id(2);
        }
        actions = { mark; NoAction; }
        size = 64;
    }

    @id(0x02000005)
    table keyless_table {
        actions = { mark; @tableonly flood; NoAction; }
        default_action = mark(5);
    }

    @id(0x02000006)
    table const_table {
        key = { hdr.ethernet.ether_type : ternary @name("ether_type") @id(1); }
        actions = { mark; NoAction; }
        const entries = {
            (0x0800) : mark(1);
            (0x0806 &&& 0xFFFE) : mark(2);
        }
        default_action = NoAction();
    }

    apply {
        seen.count((bit<32>) 1);
        gauge.execute_meter((bit<32>) 1, meta.colour);
        keyless_table.apply();
        const_table.apply();
        if (hdr.packet_out.isValid()) {
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
            if (hdr.packet_out.egress_port == CPU_PORT) {
                /* An echo, so that packet I/O can be tested without interfaces. */
                hdr.packet_in.setValid();
                hdr.packet_in.ingress_port = standard_metadata.ingress_port;
                hdr.packet_in.colour = 5;
                hdr.packet_in.note = hdr.packet_out.note[3:0];
            }
            hdr.packet_out.setInvalid();
        } else if (hdr.ipv4.isValid()) {
            lpm_table.apply();
            range_table.apply();
            ternary_table.apply();
        } else if (!exact_table.apply().hit) {
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = standard_metadata.ingress_port;
            hdr.packet_in.colour = meta.colour;
            hdr.packet_in.note = 9;
            standard_metadata.egress_spec = CPU_PORT;
        }
    }
}

control KindsEgress(inout headers_t hdr, inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {
    apply { }
}

control Update(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control KindsDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(KindsParser(), Verify(), KindsIngress(), KindsEgress(), Update(), KindsDeparser()) main;
