/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the controller of flows whose handshake is complete, by digest. */
#ifndef HG_FLOW_LEARNING_P4
#define HG_FLOW_LEARNING_P4

#include "../shared/headers.p4"

/*
 * All that a host needs to go on with a flow that it has never seen
 * (host/pusher/pusher.proto, AdoptFlows).
 */
struct learnt_flow_t {
    ipv6_addr_t client_addr; // IPv4 as ::ffff:a.b.c.d
    ipv6_addr_t service_addr;
    l4_port_t client_port;
    l4_port_t service_port;
    bit<32> content;
    bit<16> ingress_port;
    mac_addr_t client_mac;
    mac_addr_t service_mac;
    bit<16> vlan_tci;        // 0: no tag
    bit<8> secret;           // the number of the one that the SYN was answered under
    bit<8> constants;        // of our sequence numbers
    bit<32> seq_no;          // the client's next byte
}

/* `number`: the first data byte's sequence number, which the client acknowledges. */
control FlowLearning(in headers_t hdr, in metadata_t meta, in bit<16> ingress_port,
                     in bit<8> secret, in bit<32> number) {
    bit<16> vlan_tci;
    bit<8> constants;

    apply {
        vlan_tci = 0;
        if (hdr.vlan.isValid()) {
            vlan_tci = hdr.vlan.pcp ++ hdr.vlan.dei ++ hdr.vlan.vid;
        }
        constants = number[7:0] & 0x7F;
        digest<learnt_flow_t>(1, {
            meta.connection.client_addr,
            meta.connection.service_addr,
            meta.connection.client_port,
            meta.connection.service_port,
            meta.content,
            ingress_port,
            hdr.ethernet.src_addr,
            hdr.ethernet.dst_addr,
            vlan_tci,
            secret,
            constants,
            hdr.tcp.seq_no
        });
    }
}

#endif
