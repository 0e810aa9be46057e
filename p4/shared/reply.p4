/* SPDX-License-Identifier: Apache-2.0 */
/* A client's packet turned round: what the pipeline answers by itself. */
#ifndef HG_REPLY_P4
#define HG_REPLY_P4

#include "headers.p4"

/* Refuses a segment (RFC 9293, 3.10.7.1): what acknowledged says which number the reset has. */
control Reset(inout headers_t hdr, inout metadata_t meta, in bit<32> next_seq_no) {
    @hidden
    action acknowledged() {
        hdr.tcp.seq_no = hdr.tcp.ack_no;
        hdr.tcp.ack_no = 0;
        hdr.tcp.flags = TCP_RST;
    }

    @hidden
    action unacknowledged() {
        hdr.tcp.seq_no = 0;
        hdr.tcp.ack_no = next_seq_no;
        hdr.tcp.flags = TCP_RST | TCP_ACK;
    }

    apply {
        if (hdr.tcp.flags & TCP_ACK != 0) {
            acknowledged();
        } else {
            unacknowledged();
        }
        hdr.tcp.window = 0;
        hdr.tcp.data_offset = 5;
        meta.tcp_length = TCP_HEADER_BYTES;
    }
}

/* Acknowledges a segment with all that it carries. */
control Acknowledge(inout headers_t hdr, inout metadata_t meta, in bit<32> next_seq_no) {
    apply {
        hdr.tcp.seq_no = hdr.tcp.ack_no;
        hdr.tcp.ack_no = next_seq_no;
        hdr.tcp.flags = TCP_ACK;
        hdr.tcp.window = 0xFFFF;
        hdr.tcp.data_offset = 5;
        meta.tcp_length = TCP_HEADER_BYTES;
    }
}

/*
 * Swaps what a TCP segment is from and to, and sends it back where it came from with
 * `meta.tcp_length` bytes of header. What came behind the header stays behind the end
 * that the IP header says, where receivers cut it off as padding.
 */
control TcpReply(inout headers_t hdr, inout metadata_t meta, in bit<16> ingress_port) {
    mac_addr_t mac;

    apply {
        mac = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = hdr.ethernet.dst_addr;
        hdr.ethernet.dst_addr = mac;
        if (hdr.ipv4.isValid()) {
            hdr.ipv4.dst_addr = meta.connection.client_addr[31:0];
            hdr.ipv4.src_addr = meta.connection.service_addr[31:0];
            hdr.ipv4.diffserv = 0;
            hdr.ipv4.identification = 0;
            hdr.ipv4.flags = 2;
            hdr.ipv4.ttl = TCP_HOP_LIMIT;
            hdr.ipv4.total_length = meta.tcp_length + IPV4_HEADER_BYTES;
            meta.sum_ipv4 = true;
        } else {
            hdr.ipv6.dst_addr = meta.connection.client_addr;
            hdr.ipv6.src_addr = meta.connection.service_addr;
            hdr.ipv6.traffic_class = 0;
            hdr.ipv6.flow_label = 0;
            hdr.ipv6.hop_limit = TCP_HOP_LIMIT;
            hdr.ipv6.payload_length = meta.tcp_length;
        }
        hdr.tcp.dst_port = meta.connection.client_port;
        hdr.tcp.src_port = meta.connection.service_port;
        hdr.tcp.reserved = 0;
        hdr.tcp.urgent_pointer = 0;
        meta.sum_tcp = true;
        meta.tcp_payload_sum = 0;
        meta.verdict = verdict_t.SEND;
        meta.egress_port = ingress_port;
    }
}

#endif
