/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of contents are nobody's but the switch's: it answers for them. */
#ifndef HG_CONTENT_ADDRESS_P4
#define HG_CONTENT_ADDRESS_P4

#include "headers.p4"
#include "sizes.p4"

/* Answers ARP, neighbour solicitation and ping; `ours` says whether the address is a content's. */
control ContentAddress(inout headers_t hdr, inout metadata_t meta, in bit<16> ingress_port,
                       out bool ours) {
    ipv6_addr_t asked = 0;
    mac_addr_t address_mac = 0;
    bit<32> sum = 0;

    @id(ACTION_OWN_ADDRESS) @name(".own_address")
    action own_address(@id(1) mac_addr_t mac, @id(2) bit<16> host_set) {
        ours = true;
        address_mac = mac;
        meta.host_set = host_set;
    }

    @id(ACTION_OTHER_ADDRESS) @name(".other_address")
    action other_address() {
        ours = false;
    }

    @id(TABLE_CONTENT_ADDRESS) @name(".content_address")
    table content_address {
        key = {
            asked : exact @name("address") @id(1);
        }
        actions = {
            own_address;
            @defaultonly other_address;
        }
        const default_action = other_address();
        size = SIZE_CONTENT_ADDRESS;
    }

    @hidden
    action turn_ethernet() {
        hdr.ethernet.dst_addr = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = address_mac;
        meta.verdict = verdict_t.SEND;
        meta.egress_port = ingress_port;
    }

    @hidden
    action answer_arp() {
        hdr.arp.operation = 2;
        hdr.arp.target_mac = hdr.arp.sender_mac;
        hdr.arp.target_addr = hdr.arp.sender_addr;
        hdr.arp.sender_mac = address_mac;
        hdr.arp.sender_addr = asked[31:0];
    }

    @hidden
    action answer_neighbour() {
        hdr.ipv6.dst_addr = hdr.ipv6.src_addr;
        hdr.ipv6.src_addr = asked;
        hdr.ipv6.payload_length = 32;
        hdr.ipv6.hop_limit = 255;
        hdr.icmp.type = ICMPV6_NEIGHBOUR_ADVERTISEMENT;
        hdr.neighbour.flags = 0x60000000; // solicited, override
        hdr.link_layer.setValid();
        hdr.link_layer.type = 2;
        hdr.link_layer.length = 1;
        hdr.link_layer.addr = address_mac;
        meta.sum_icmpv6 = true;
    }

    /* RFC 1624: the type's change is added to the inverted checksum; here to the checksum itself. */
    @hidden
    action answer_ping(bit<8> type, bit<32> change) {
        hdr.icmp.type = type;
        sum = (bit<32>) hdr.icmp.checksum + change;
        hdr.icmp.checksum = sum[15:0] + sum[31:16];
    }

    apply {
        if (hdr.arp.isValid()) {
            asked = IPV4_MAPPED ++ hdr.arp.target_addr;
        } else if (hdr.neighbour.isValid()) {
            asked = hdr.neighbour.target_addr;
        } else if (hdr.ipv4.isValid()) {
            asked = IPV4_MAPPED ++ hdr.ipv4.dst_addr;
        } else if (hdr.ipv6.isValid()) {
            asked = hdr.ipv6.dst_addr;
        }
        content_address.apply();
        if (ours) {
            if (hdr.arp.isValid()) {
                if (hdr.arp.operation == 1 && hdr.arp.hardware_type == 1
                    && hdr.arp.protocol_type == ETHERTYPE_IPV4) {
                    turn_ethernet();
                    answer_arp();
                }
            } else if (hdr.neighbour.isValid()) {
                /*
                 * A source of :: is somebody who tries whether our address is free: not answered.
                 * A hop limit that a router took from: not from this link (RFC 4861, 7.1.1).
                 */
                if (hdr.ipv6.src_addr != 0 && hdr.ipv6.hop_limit == 255) {
                    turn_ethernet();
                    answer_neighbour();
                }
            } else if (hdr.ipv4.isValid() && hdr.icmp.isValid()) {
                if (hdr.icmp.type == ICMPV4_ECHO_REQUEST) {
                    turn_ethernet();
                    hdr.ipv4.src_addr = asked[31:0];
                    hdr.ipv4.dst_addr = meta.connection.client_addr[31:0];
                    hdr.ipv4.ttl = 64;
                    meta.sum_ipv4 = true;
                    answer_ping(0, 0x0800);
                }
            } else if (hdr.ipv6.isValid() && hdr.icmp.isValid()) {
                if (hdr.icmp.type == ICMPV6_ECHO_REQUEST) {
                    turn_ethernet();
                    hdr.ipv6.src_addr = asked;
                    hdr.ipv6.dst_addr = meta.connection.client_addr;
                    hdr.ipv6.hop_limit = 64;
                    answer_ping(129, 0xFEFF);
                }
            }
        }
    }
}

#endif
