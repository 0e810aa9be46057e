/* SPDX-License-Identifier: Apache-2.0 */
/* A host's push to one client becomes that client's next segment. */
#ifndef HG_FLOW_PUSH_P4
#define HG_FLOW_PUSH_P4

#include "headers.p4"

control FlowTuple(in headers_t hdr, inout metadata_t meta) {
    apply {
        meta.connection.client_addr = hdr.flow.client_addr;
        meta.connection.service_addr = hdr.flow.service_addr;
        meta.connection.client_port = hdr.flow.client_port;
        meta.connection.service_port = hdr.flow.service_port;
    }
}

/* `flow_hash` is the tuple's cookie under the secret that flow.secret names. */
control FlowPush(inout headers_t hdr, inout metadata_t meta, in bit<64> flow_hash) {
    apply {
        meta.tcp_length = hdr.push.payload_length + TCP_HEADER_BYTES;
        meta.tcp_payload_sum = hdr.push.payload_sum;
        meta.sum_tcp = true;

        hdr.ethernet.dst_addr = hdr.flow.client_mac;
        hdr.ethernet.src_addr = hdr.flow.service_mac;
        if (hdr.flow.client_addr[127:32] == IPV4_MAPPED) {
            hdr.ethernet.ether_type = ETHERTYPE_IPV4;
            hdr.ipv4.setValid();
            hdr.ipv4.version = 4;
            hdr.ipv4.ihl = 5;
            hdr.ipv4.diffserv = 0;
            hdr.ipv4.total_length = meta.tcp_length + IPV4_HEADER_BYTES;
            hdr.ipv4.identification = 0;
            hdr.ipv4.flags = 2;
            hdr.ipv4.fragment_offset = 0;
            hdr.ipv4.ttl = TCP_HOP_LIMIT;
            hdr.ipv4.protocol = IP_PROTOCOL_TCP;
            hdr.ipv4.header_checksum = 0;
            hdr.ipv4.src_addr = hdr.flow.service_addr[31:0];
            hdr.ipv4.dst_addr = hdr.flow.client_addr[31:0];
            meta.sum_ipv4 = true;
        } else {
            hdr.ethernet.ether_type = ETHERTYPE_IPV6;
            hdr.ipv6.setValid();
            hdr.ipv6.version = 6;
            hdr.ipv6.traffic_class = 0;
            hdr.ipv6.flow_label = 0;
            hdr.ipv6.payload_length = meta.tcp_length;
            hdr.ipv6.next_header = IP_PROTOCOL_TCP;
            hdr.ipv6.hop_limit = TCP_HOP_LIMIT;
            hdr.ipv6.src_addr = hdr.flow.service_addr;
            hdr.ipv6.dst_addr = hdr.flow.client_addr;
        }
        hdr.tcp.setValid();
        hdr.tcp.src_port = hdr.flow.service_port;
        hdr.tcp.dst_port = hdr.flow.client_port;
        hdr.tcp.seq_no = (flow_hash[31:7] ++ hdr.flow.constants) + hdr.push.offset;
        hdr.tcp.ack_no = hdr.flow.ack_no;
        hdr.tcp.data_offset = 5;
        hdr.tcp.reserved = 0;
        hdr.tcp.flags = hdr.push.tcp_flags;
        hdr.tcp.window = hdr.flow.window;
        hdr.tcp.checksum = 0;
        hdr.tcp.urgent_pointer = 0;

        meta.vlan_tci = hdr.flow.vlan_tci;
        meta.egress_port = hdr.flow.egress_port;
        meta.verdict = verdict_t.SEND;
        hdr.push.setInvalid();
        hdr.flow.setInvalid();
    }
}

#endif
