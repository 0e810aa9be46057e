/* SPDX-License-Identifier: Apache-2.0 */
/* From the Ethernet header on, the same on every target. */
#ifndef HG_PARSER_P4
#define HG_PARSER_P4

#include "headers.p4"

/*
 * Only what decides about a packet is extracted; the rest is payload. A host
 * sends its pushes untagged, so a tag is a client's and is not looked behind.
 */
parser PacketParser(packet_in packet, inout headers_t hdr) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_PUSH: parse_push;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_push {
        packet.extract(hdr.push);
        transition accept;
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.next_header) {
            IP_PROTOCOL_ICMPV6: parse_icmpv6;
            default: accept;
        }
    }

    state parse_icmpv6 {
        packet.extract(hdr.icmpv6);
        transition accept;
    }
}

control PacketDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.push);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.icmpv6);
        packet.emit(hdr.udp);
    }
}

#endif
