/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums from sums, without the payload; v1model's arithmetic for them. */
#ifndef HG_CHECKSUM_P4
#define HG_CHECKSUM_P4

#include "../shared/headers.p4"

/*
 * RFC 1071 addition of the member's constant words, the payload's sum and the
 * UDP length, which counts twice: once in the pseudo-header, once in the
 * header. Each of the four words is at most 0xFFFF, so two folds end the
 * carries. Both zeros of a payload's sum (0x0000, 0xFFFF) give the same result,
 * because the other words are never all zero. A checksum that comes out as 0 is
 * sent as 0xFFFF (RFC 768; RFC 8200, 8.1).
 */
control UdpChecksum(inout headers_t hdr, in metadata_t meta) {
    bit<32> sum;

    apply {
        sum = (bit<32>) meta.member_sum + (bit<32>) hdr.push.payload_sum
            + (bit<32>) meta.udp_length + (bit<32>) meta.udp_length;
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        hdr.udp.checksum = ~sum[15:0];
        if (hdr.udp.checksum == 0) {
            hdr.udp.checksum = 0xFFFF;
        }
    }
}

/*
 * The same for a member's TCP segment: what the push says (sequence number, flags,
 * payload) and its length, which counts once, in the pseudo-header. Six words, the
 * flags below 0x100: two folds again. A TCP checksum of 0 is sent as it is.
 */
control TcpChecksum(inout headers_t hdr, in metadata_t meta) {
    bit<32> sum;

    apply {
        sum = (bit<32>) meta.member_sum + (bit<32>) hdr.push.payload_sum
            + (bit<32>) hdr.tcp.seq_no[31:16] + (bit<32>) hdr.tcp.seq_no[15:0]
            + (bit<32>) hdr.tcp.flags + (bit<32>) meta.tcp_length;
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        hdr.tcp.checksum = ~sum[15:0];
    }
}

/* A header with options is looked at by nobody here. */
control VerifyIpv4(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.ipv4.isValid() && hdr.ipv4.ihl == 5, {
            hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.diffserv, hdr.ipv4.total_length,
            hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment_offset,
            hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src_addr, hdr.ipv4.dst_addr
        }, hdr.ipv4.header_checksum, HashAlgorithm.csum16);
    }
}

/*
 * What v1model computes after egress, for headers that are ours: IPv4's, TCP's from the
 * payload's sum and a neighbour advertisement's. Addresses are taken as the tuple has them: the 0xFFFF in
 * front of an IPv4 address adds nothing in one's complement.
 */
control Checksums(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid() && meta.sum_ipv4, {
            hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.diffserv, hdr.ipv4.total_length,
            hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment_offset,
            hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src_addr, hdr.ipv4.dst_addr
        }, hdr.ipv4.header_checksum, HashAlgorithm.csum16);
        update_checksum(meta.sum_tcp, {
            meta.connection.client_addr, meta.connection.service_addr,
            8w0, IP_PROTOCOL_TCP, meta.tcp_length,
            hdr.tcp.src_port, hdr.tcp.dst_port, hdr.tcp.seq_no, hdr.tcp.ack_no,
            hdr.tcp.data_offset, hdr.tcp.reserved, hdr.tcp.flags, hdr.tcp.window,
            hdr.tcp.urgent_pointer, meta.tcp_option_sum, meta.tcp_payload_sum
        }, hdr.tcp.checksum, HashAlgorithm.csum16);
        update_checksum(meta.sum_icmpv6, {
            hdr.ipv6.src_addr, hdr.ipv6.dst_addr, hdr.ipv6.payload_length,
            8w0, hdr.ipv6.next_header, hdr.icmp.type, hdr.icmp.code,
            hdr.neighbour.flags, hdr.neighbour.target_addr,
            hdr.link_layer.type, hdr.link_layer.length, hdr.link_layer.addr
        }, hdr.icmp.checksum, HashAlgorithm.csum16);
    }
}

#endif
