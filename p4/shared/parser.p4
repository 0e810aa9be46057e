/* SPDX-License-Identifier: Apache-2.0 */
/* From the Ethernet header on, the same on every target. */
#ifndef HG_PARSER_P4
#define HG_PARSER_P4

#include "headers.p4"

/*
 * The options of a SYN (RFC 9293, 3.1): only their values are taken, the bytes are
 * skipped, since the answer has options of its own. Ends with meta.left at 0, or
 * above it when an option runs out of the header.
 */
parser SynOptionParser(packet_in packet, inout syn_options_t syn) {
    state start {
        transition select(syn.left) {
            0: accept;
            default: option;
        }
    }

    state option {
        transition select(packet.lookahead<bit<8>>()) {
            0: end;
            1: no_operation;
            default: length;
        }
    }

    state end {
        packet.advance((bit<32>) syn.left << 3);
        syn.left = 0;
        transition accept;
    }

    state no_operation {
        packet.advance(8);
        syn.left = syn.left - 1;
        transition start;
    }

    state length {
        transition select(syn.left, packet.lookahead<bit<16>>()) {
            (1, _): accept;
            (_, 0x0000 &&& 0x00FE): accept; // a length below 2 would never end
            (4 .. 40, 0x0204): mss;
            (3 .. 40, 0x0303): window_scale;
            (_, 0x0402): sack_permitted;
            default: other;
        }
    }

    state mss {
        syn.mss = packet.lookahead<bit<32>>()[15:0];
        transition other;
    }

    state window_scale {
        syn.wscale = packet.lookahead<bit<24>>()[3:0];
        transition other;
    }

    state sack_permitted {
        syn.sack = 1;
        transition other;
    }

    state other {
        bit<8> skipped = packet.lookahead<bit<16>>()[7:0];
        packet.advance(16); // apart, so that every way round the loop takes bytes
        packet.advance(((bit<32>) skipped << 3) - 16);
        syn.left = syn.left |-| skipped;
        transition start;
    }
}

/*
 * Only what decides about a packet is extracted; the rest is payload. A host
 * sends its pushes untagged.
 */
parser PacketParser(packet_in packet, inout headers_t hdr, inout metadata_t meta) {
    SynOptionParser() syn_option_parser;

    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_PUSH: parse_push;
            ETHERTYPE_VLAN: parse_vlan;
            ETHERTYPE_ARP: parse_arp;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_ARP: parse_arp;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_push {
        packet.extract(hdr.push);
        transition select(hdr.push.kind) {
            HG_PUSH_KIND_FLOW: parse_flow;
            default: accept;
        }
    }

    state parse_flow {
        packet.extract(hdr.flow);
        transition accept;
    }

    state parse_arp {
        packet.extract(hdr.arp);
        transition accept;
    }

    /* With options or in fragments it is nobody's here: not looked behind. */
    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.ihl, hdr.ipv4.flags[0:0], hdr.ipv4.fragment_offset,
                          hdr.ipv4.protocol) {
            (5, 0, 0, IP_PROTOCOL_ICMP): parse_icmp;
            (5, 0, 0, IP_PROTOCOL_TCP): parse_tcp;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.next_header) {
            IP_PROTOCOL_ICMPV6: parse_icmp;
            IP_PROTOCOL_TCP: parse_tcp;
            default: accept;
        }
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition select(hdr.ipv6.isValid(), hdr.icmp.type, hdr.icmp.code) {
            (true, ICMPV6_NEIGHBOUR_SOLICITATION, _): parse_neighbour;
            (true, ICMPV6_PACKET_TOO_BIG, _): parse_too_big_ipv6;
            (false, ICMPV4_UNREACHABLE, ICMPV4_FRAGMENTATION_NEEDED): parse_too_big_ipv4;
            default: accept;
        }
    }

    /* Behind it stands the beginning of the packet that was too big: one of ours, if TCP. */
    state parse_too_big_ipv4 {
        packet.extract(hdr.too_big);
        packet.extract(hdr.inner_ipv4);
        transition select(hdr.inner_ipv4.ihl, hdr.inner_ipv4.protocol) {
            (5, IP_PROTOCOL_TCP): parse_inner_ports;
            default: accept;
        }
    }

    state parse_too_big_ipv6 {
        packet.extract(hdr.too_big);
        packet.extract(hdr.inner_ipv6);
        transition select(hdr.inner_ipv6.next_header) {
            IP_PROTOCOL_TCP: parse_inner_ports;
            default: accept;
        }
    }

    state parse_inner_ports {
        packet.extract(hdr.inner_ports);
        transition accept;
    }

    state parse_neighbour {
        packet.extract(hdr.neighbour);
        transition accept;
    }

    state parse_tcp {
        packet.extract(hdr.tcp);
        transition select(hdr.tcp.flags, hdr.tcp.data_offset) {
            (TCP_SYN &&& (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN), 5 .. 15): parse_syn;
            default: accept;
        }
    }

    state parse_syn {
        meta.syn.left = ((bit<8>) hdr.tcp.data_offset << 2) - (bit<8>) TCP_HEADER_BYTES;
        meta.syn.mss = 536; // RFC 9293, 3.7.1; IPv6 allows 1220, which is the same class
        meta.syn.wscale = HG_WSCALE_NONE;
        syn_option_parser.apply(packet, meta.syn);
        transition accept;
    }
}

control PacketDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.pull_ethernet);
        packet.emit(hdr.pull);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.push);
        packet.emit(hdr.flow);
        packet.emit(hdr.arp);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.icmp);
        packet.emit(hdr.neighbour);
        packet.emit(hdr.link_layer);
        packet.emit(hdr.too_big);
        packet.emit(hdr.inner_ipv4);
        packet.emit(hdr.inner_ipv6);
        packet.emit(hdr.inner_ports);
        packet.emit(hdr.udp);
        packet.emit(hdr.tcp);
        packet.emit(hdr.mss);
        packet.emit(hdr.sack);
        packet.emit(hdr.wscale);
    }
}

#endif
