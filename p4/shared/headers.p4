/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and metadata, the same on every target. Field names are the RFCs'. */
#ifndef HG_HEADERS_P4
#define HG_HEADERS_P4

#include "../wire.h"
#include "ids.p4"

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<128> ipv6_addr_t;
typedef bit<16> group_id_t;
typedef bit<16> l4_port_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_ARP = 0x0806;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_IPV6 = 0x86DD;
const bit<16> ETHERTYPE_PUSH = HG_ETHERTYPE_PUSH;

const bit<8> IP_PROTOCOL_UDP = 17;
const bit<8> IP_PROTOCOL_ICMPV6 = 58;

const bit<16> IPV4_HEADER_BYTES = 20;
const bit<16> UDP_HEADER_BYTES = 8;

header ethernet_t {
    mac_addr_t dst_addr;
    mac_addr_t src_addr;
    bit<16> ether_type;
}

/* IEEE 802.1Q tag: what follows the 0x8100 that stands in ethernet.ether_type. */
header vlan_t {
    bit<3> pcp;
    bit<1> dei;
    bit<12> vid;
    bit<16> ether_type;
}

/* A push: docs/wire-format.md. All fields in network order. */
header push_t {
    bit<4> version;
    bit<4> kind;
    bit<8> tcp_flags;       // of a TCP segment; 0 for UDP
    group_id_t group;       // kind group: who gets the copies
    bit<16> payload_length; // bytes
    bit<16> payload_sum;    // one's-complement sum of the payload (RFC 1071), not inverted
    bit<32> content;
    bit<32> offset;         // of the payload in the content, bytes, modulo 2^32
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
    ipv4_addr_t src_addr;
    ipv4_addr_t dst_addr;
}

header ipv6_t {
    bit<4> version;
    bit<8> traffic_class;
    bit<20> flow_label;
    bit<16> payload_length;
    bit<8> next_header;
    bit<8> hop_limit;
    ipv6_addr_t src_addr;
    ipv6_addr_t dst_addr;
}

/* The first four bytes of every ICMPv6 message (RFC 4443, 2.1). */
header icmpv6_t {
    bit<8> type;
    bit<8> code;
    bit<16> checksum;
}

header udp_t {
    l4_port_t src_port;
    l4_port_t dst_port;
    bit<16> length;
    bit<16> checksum;
}

/* Before a frame that goes to the controller ... */
@controller_header("packet_in")
header packet_in_header_t {
    @id(1) bit<16> ingress_port;
    @id(2) bit<16> reason; // HG_PUNT_*
}

/* ... and before one that comes from it. */
@controller_header("packet_out")
header packet_out_header_t {
    @id(1) bit<16> egress_port;
}

struct headers_t {
    packet_in_header_t packet_in;
    packet_out_header_t packet_out;
    ethernet_t ethernet;
    vlan_t vlan;
    push_t push;
    ipv4_t ipv4;
    ipv6_t ipv6;
    icmpv6_t icmpv6;
    udp_t udp;
}

/* What ingress decides; the target's entry turns it into intrinsic metadata. */
enum bit<8> verdict_t {
    DROP = 0,
    REPLICATE = 1,
    PUNT = 2,
    SEND = 3
}

struct metadata_t {
    verdict_t verdict;
    bool from_host;             // the ingress port is a host's
    group_id_t multicast_group; // verdict REPLICATE
    bit<16> egress_port;        // verdict SEND
    bit<8> reason;              // HG_DROP_* with verdict DROP, HG_PUNT_* with PUNT
    bit<16> member_sum;         // one's-complement sum of the member's constant words
    bit<16> udp_length;
    bit<16> vlan_tci;           // 0: no tag
}

#endif
