/* SPDX-License-Identifier: Apache-2.0 */
/* Egress: the replica in slot `instance` of its group becomes that member's packet. */
#ifndef HG_MEMBER_P4
#define HG_MEMBER_P4

#include "headers.p4"
#include "sizes.p4"

/*
 * member_sum is the one's-complement sum, not inverted, of the 16-bit words of
 * the pseudo-header and the UDP or TCP header that are the same in every packet
 * to this member: both addresses, the protocol, both ports; of TCP also the
 * acknowledgement number, the window and the data offset. The controller
 * computes it once, so that the checksum of a replica is a handful of additions
 * whatever the packet's size (checksum.p4 of the target).
 */
control Member(inout headers_t hdr, inout metadata_t meta, in bit<16> instance) {
    @id(DIRECT_COUNTER_MEMBER) @name(".member_counter")
    DIRECT_COUNTER(member_counter)

    action ethernet(mac_addr_t dst_mac, mac_addr_t src_mac, bit<16> vlan_tci, bit<16> ether_type,
                    bit<16> member_sum) {
        hdr.ethernet.dst_addr = dst_mac;
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.ether_type = ether_type;
        meta.vlan_tci = vlan_tci;
        meta.member_sum = member_sum;
    }

    /* `header_bytes` are the UDP or TCP header's. */
    action ipv4(ipv4_addr_t src_addr, ipv4_addr_t dst_addr, bit<8> ttl, bit<8> protocol,
                bit<16> header_bytes) {
        hdr.ipv4.setValid();
        hdr.ipv4.version = 4;
        hdr.ipv4.ihl = 5;
        hdr.ipv4.diffserv = 0;
        hdr.ipv4.total_length = hdr.push.payload_length + (IPV4_HEADER_BYTES + header_bytes);
        /* An atomic datagram: DF set, so the identification means nothing (RFC 6864, 4.1). */
        hdr.ipv4.identification = 0;
        hdr.ipv4.flags = 2;
        hdr.ipv4.fragment_offset = 0;
        hdr.ipv4.ttl = ttl;
        hdr.ipv4.protocol = protocol;
        hdr.ipv4.header_checksum = 0;
        hdr.ipv4.src_addr = src_addr;
        hdr.ipv4.dst_addr = dst_addr;
        meta.sum_ipv4 = true;
    }

    action ipv6(ipv6_addr_t src_addr, ipv6_addr_t dst_addr, bit<8> hop_limit, bit<8> next_header,
                bit<16> header_bytes) {
        hdr.ipv6.setValid();
        hdr.ipv6.version = 6;
        hdr.ipv6.traffic_class = 0;
        hdr.ipv6.flow_label = 0;
        hdr.ipv6.payload_length = hdr.push.payload_length + header_bytes;
        hdr.ipv6.next_header = next_header;
        hdr.ipv6.hop_limit = hop_limit;
        hdr.ipv6.src_addr = src_addr;
        hdr.ipv6.dst_addr = dst_addr;
    }

    action udp(l4_port_t src_port, l4_port_t dst_port) {
        hdr.udp.setValid();
        hdr.udp.src_port = src_port;
        hdr.udp.dst_port = dst_port;
        hdr.udp.length = hdr.push.payload_length + UDP_HEADER_BYTES;
        hdr.udp.checksum = 0;
        meta.udp_length = hdr.push.payload_length + UDP_HEADER_BYTES;
    }

    action tcp(l4_port_t src_port, l4_port_t dst_port, bit<32> sequence_base, bit<32> ack_no,
               bit<16> window) {
        hdr.tcp.setValid();
        hdr.tcp.src_port = src_port;
        hdr.tcp.dst_port = dst_port;
        hdr.tcp.seq_no = sequence_base + hdr.push.offset;
        hdr.tcp.ack_no = ack_no;
        hdr.tcp.data_offset = 5;
        hdr.tcp.reserved = 0;
        hdr.tcp.flags = hdr.push.tcp_flags;
        hdr.tcp.window = window;
        hdr.tcp.checksum = 0;
        hdr.tcp.urgent_pointer = 0;
        meta.tcp_length = hdr.push.payload_length + TCP_HEADER_BYTES;
    }

    @id(ACTION_UDP_IPV4) @name(".udp_ipv4")
    action udp_ipv4(@id(1) mac_addr_t dst_mac, @id(2) mac_addr_t src_mac, @id(3) bit<16> vlan_tci,
                    @id(4) ipv4_addr_t src_addr, @id(5) ipv4_addr_t dst_addr, @id(6) bit<8> ttl,
                    @id(7) l4_port_t src_port, @id(8) l4_port_t dst_port,
                    @id(9) bit<16> member_sum) {
        COUNT_DIRECT(member_counter)
        ethernet(dst_mac, src_mac, vlan_tci, ETHERTYPE_IPV4, member_sum);
        ipv4(src_addr, dst_addr, ttl, IP_PROTOCOL_UDP, UDP_HEADER_BYTES);
        udp(src_port, dst_port);
    }

    @id(ACTION_UDP_IPV6) @name(".udp_ipv6")
    action udp_ipv6(@id(1) mac_addr_t dst_mac, @id(2) mac_addr_t src_mac, @id(3) bit<16> vlan_tci,
                    @id(4) ipv6_addr_t src_addr, @id(5) ipv6_addr_t dst_addr, @id(6) bit<8> hop_limit,
                    @id(7) l4_port_t src_port, @id(8) l4_port_t dst_port,
                    @id(9) bit<16> member_sum) {
        COUNT_DIRECT(member_counter)
        ethernet(dst_mac, src_mac, vlan_tci, ETHERTYPE_IPV6, member_sum);
        ipv6(src_addr, dst_addr, hop_limit, IP_PROTOCOL_UDP, UDP_HEADER_BYTES);
        udp(src_port, dst_port);
    }

    @id(ACTION_TCP_IPV4) @name(".tcp_ipv4")
    action tcp_ipv4(@id(1) mac_addr_t dst_mac, @id(2) mac_addr_t src_mac, @id(3) bit<16> vlan_tci,
                    @id(4) ipv4_addr_t src_addr, @id(5) ipv4_addr_t dst_addr,
                    @id(6) l4_port_t src_port, @id(7) l4_port_t dst_port,
                    @id(8) bit<32> sequence_base, @id(9) bit<32> ack_no, @id(10) bit<16> window,
                    @id(11) bit<16> member_sum) {
        COUNT_DIRECT(member_counter)
        ethernet(dst_mac, src_mac, vlan_tci, ETHERTYPE_IPV4, member_sum);
        ipv4(src_addr, dst_addr, TCP_HOP_LIMIT, IP_PROTOCOL_TCP, TCP_HEADER_BYTES);
        tcp(src_port, dst_port, sequence_base, ack_no, window);
    }

    @id(ACTION_TCP_IPV6) @name(".tcp_ipv6")
    action tcp_ipv6(@id(1) mac_addr_t dst_mac, @id(2) mac_addr_t src_mac, @id(3) bit<16> vlan_tci,
                    @id(4) ipv6_addr_t src_addr, @id(5) ipv6_addr_t dst_addr,
                    @id(6) l4_port_t src_port, @id(7) l4_port_t dst_port,
                    @id(8) bit<32> sequence_base, @id(9) bit<32> ack_no, @id(10) bit<16> window,
                    @id(11) bit<16> member_sum) {
        COUNT_DIRECT(member_counter)
        ethernet(dst_mac, src_mac, vlan_tci, ETHERTYPE_IPV6, member_sum);
        ipv6(src_addr, dst_addr, TCP_HOP_LIMIT, IP_PROTOCOL_TCP, TCP_HEADER_BYTES);
        tcp(src_port, dst_port, sequence_base, ack_no, window);
    }

    @id(ACTION_EMPTY_SLOT) @name(".empty_slot")
    action empty_slot() {
        meta.verdict = verdict_t.DROP;
        meta.reason = HG_DROP_EMPTY_SLOT;
    }

    @id(TABLE_MEMBER) @name(".member")
    table member {
        key = {
            hdr.push.group : exact @name("group") @id(1);
            instance : exact @name("instance") @id(2);
        }
        actions = {
            udp_ipv4;
            udp_ipv6;
            tcp_ipv4;
            tcp_ipv6;
            @defaultonly empty_slot;
        }
        const default_action = empty_slot();
        size = SIZE_MEMBER;
        ATTACH_DIRECT_COUNTER(member_counter)
    }

    apply {
        member.apply();
    }
}

#endif
