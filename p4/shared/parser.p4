/* SPDX-License-Identifier: Apache-2.0 */
/* From the Ethernet header on, the same on every target. */
#ifndef HG_PARSER_P4
#define HG_PARSER_P4

#include "headers.p4"

/*
 * Only what decides about a packet is extracted; the rest is payload. A host
 * sends its pushes untagged. SynOptionParser is the target's.
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
            (5, 0, 0, IP_PROTOCOL_ICMP): parse_icmpv4;
            (5, 0, 0, IP_PROTOCOL_TCP): parse_tcp;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.next_header) {
            IP_PROTOCOL_ICMPV6: parse_icmpv6;
            IP_PROTOCOL_TCP: parse_tcp;
            default: accept;
        }
    }

    state parse_icmpv4 {
        packet.extract(hdr.icmp);
        transition select(hdr.icmp.type, hdr.icmp.code) {
            (ICMPV4_UNREACHABLE, ICMPV4_FRAGMENTATION_NEEDED): parse_too_big_ipv4;
            default: accept;
        }
    }

    state parse_icmpv6 {
        packet.extract(hdr.icmp);
        transition select(hdr.icmp.type, hdr.icmp.code) {
            (ICMPV6_NEIGHBOUR_SOLICITATION, 0): parse_neighbour;
            (ICMPV6_PACKET_TOO_BIG, _): parse_too_big_ipv6;
            default: accept;
        }
    }

    /* Behind it stands the beginning of the packet that was too big: one of ours, if TCP. */
    state parse_too_big_ipv4 {
        packet.extract(hdr.too_big);
        packet.extract(hdr.inner_ipv4);
        transition select(hdr.inner_ipv4.ihl, hdr.inner_ipv4.protocol) {
            (5, IP_PROTOCOL_TCP): parse_inner_tcp;
            default: accept;
        }
    }

    state parse_too_big_ipv6 {
        packet.extract(hdr.too_big);
        packet.extract(hdr.inner_ipv6);
        transition select(hdr.inner_ipv6.next_header) {
            IP_PROTOCOL_TCP: parse_inner_tcp;
            default: accept;
        }
    }

    state parse_inner_tcp {
        packet.extract(hdr.inner_tcp);
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
        meta.syn.left = ((bit<16>) hdr.tcp.data_offset << 2) - TCP_HEADER_BYTES;
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
        packet.emit(hdr.inner_tcp);
        packet.emit(hdr.udp);
        packet.emit(hdr.tcp);
        packet.emit(hdr.mss);
        packet.emit(hdr.sack);
        packet.emit(hdr.wscale);
    }
}

#endif
