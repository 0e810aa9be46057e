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

const bit<8> IP_PROTOCOL_ICMP = 1;
const bit<8> IP_PROTOCOL_TCP = 6;
const bit<8> IP_PROTOCOL_UDP = 17;
const bit<8> IP_PROTOCOL_ICMPV6 = 58;

const bit<16> IPV4_HEADER_BYTES = 20;
const bit<16> UDP_HEADER_BYTES = 8;
const bit<16> TCP_HEADER_BYTES = 20;
const bit<8> TCP_HOP_LIMIT = 64; // of every TCP segment that the switch writes

const bit<8> ICMPV4_ECHO_REQUEST = 8;
const bit<8> ICMPV4_UNREACHABLE = 3;
const bit<8> ICMPV4_FRAGMENTATION_NEEDED = 4; // its code
const bit<8> ICMPV6_PACKET_TOO_BIG = 2;
const bit<8> ICMPV6_ECHO_REQUEST = 128;
const bit<8> ICMPV6_NEIGHBOUR_SOLICITATION = 135;
const bit<8> ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136;

const bit<8> TCP_FIN = 0x01;
const bit<8> TCP_SYN = 0x02;
const bit<8> TCP_RST = 0x04;
const bit<8> TCP_ACK = 0x10;

/* ::ffff:0:0/96, where IPv4 addresses stand among the IPv6 ones (RFC 4291, 2.5.5.2). */
const bit<96> IPV4_MAPPED = 0xFFFF;

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
    bit<32> content;        // kinds mark and echo: whose mark it is, ...
    bit<32> offset;         // of the payload in the content, bytes, modulo 2^32; ... and which of them
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

/* The first four bytes of every ICMP message (RFC 792; RFC 4443, 2.1). */
header icmp_t {
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

header tcp_t {
    l4_port_t src_port;
    l4_port_t dst_port;
    bit<32> seq_no;
    bit<32> ack_no;
    bit<4> data_offset;
    bit<4> reserved;
    bit<8> flags;
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent_pointer;
}

/* The options of a SYN-ACK, each padded in front to four bytes with NOPs (kind 1). */
header tcp_option_mss_t {
    bit<8> kind; // 2
    bit<8> length; // 4
    bit<16> mss;
}

header tcp_option_sack_t {
    bit<16> nops; // 0x0101
    bit<8> kind; // 4
    bit<8> length; // 2
}

header tcp_option_wscale_t {
    bit<8> nop; // 1
    bit<8> kind; // 3
    bit<8> length; // 3
    bit<8> shift;
}

/* After the push header of a flow push: the one client, and what its segment says. */
header flow_t {
    mac_addr_t client_mac;
    mac_addr_t service_mac;
    bit<16> vlan_tci; // 0: no tag
    bit<8> secret; // the number of the one that the client's SYN was answered under
    bit<1> reserved;
    bit<7> constants; // low bits of the sequence numbers
    ipv6_addr_t client_addr; // IPv4 as ::ffff:a.b.c.d
    ipv6_addr_t service_addr;
    l4_port_t client_port;
    l4_port_t service_port;
    bit<32> ack_no;
    bit<16> window;
    bit<16> egress_port;
    bit<32> reserved_2;
}

/* After Ethernet: what the pipeline learned of a client's frame, which follows as it came. */
header pull_t {
    bit<4> version;
    bit<4> kind; // HG_PUSH_KIND_PULL
    bit<8> flags; // HG_PULL_*
    bit<16> ingress_port;
    bit<32> content;
    bit<32> length; // of the whole response, bytes
    bit<32> current_position; // acknowledged, under the current secret
    bit<32> previous_position; // under the previous one
    bit<8> constants; // low bits of the sequence numbers
    bit<8> secret; // the current one's number; the previous one's is one less
    bit<16> reserved;
}

/* RFC 826, for IPv4 over Ethernet. */
header arp_t {
    bit<16> hardware_type;
    bit<16> protocol_type;
    bit<8> hardware_length;
    bit<8> protocol_length;
    bit<16> operation;
    mac_addr_t sender_mac;
    ipv4_addr_t sender_addr;
    mac_addr_t target_mac;
    ipv4_addr_t target_addr;
}

/* What follows icmp_t in a neighbour solicitation or advertisement (RFC 4861, 4.3, 4.4). */
header neighbour_t {
    bit<32> flags; // advertisement: router, solicited, override
    ipv6_addr_t target_addr;
}

/* What follows icmp_t in packet too big (RFC 4443, 3.2) and fragmentation needed (RFC 1191, 4). */
header too_big_t {
    bit<32> mtu;
}

/* Of the TCP segment that an ICMP error is about: it quotes eight bytes at least (RFC 792). */
header quoted_tcp_t {
    l4_port_t src_port;
    l4_port_t dst_port;
    bit<32> seq_no;
}

/* A neighbour advertisement's option: target link-layer address. */
header link_layer_option_t {
    bit<8> type; // 2
    bit<8> length; // 1, in eight bytes
    mac_addr_t addr;
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
    ethernet_t pull_ethernet;
    pull_t pull;
    ethernet_t ethernet;
    vlan_t vlan;
    push_t push;
    flow_t flow;
    arp_t arp;
    ipv4_t ipv4;
    ipv6_t ipv6;
    icmp_t icmp;
    neighbour_t neighbour;
    link_layer_option_t link_layer;
    too_big_t too_big;
    ipv4_t inner_ipv4;
    ipv6_t inner_ipv6;
    quoted_tcp_t inner_tcp;
    udp_t udp;
    tcp_t tcp;
    tcp_option_mss_t mss;
    tcp_option_sack_t sack;
    tcp_option_wscale_t wscale;
}

/* What ingress decides; the target's entry turns it into intrinsic metadata. */
enum bit<8> verdict_t {
    UNDECIDED = 0, // nothing sent it anywhere: dropped
    DROP = 4,
    REPLICATE = 1,
    PUNT = 2,
    SEND = 3
}

/* One TCP connection, as the pipeline names it: IPv4 addresses as ::ffff:a.b.c.d. */
struct connection_t {
    ipv6_addr_t client_addr;
    ipv6_addr_t service_addr;
    l4_port_t client_port;
    l4_port_t service_port;
}

/* The options of a client's SYN. */
struct syn_options_t {
    bit<16> left; // bytes not yet looked at; not 0 in the end: an option runs out of them
    bit<16> mss;
    bit<4> wscale;
    bit<1> sack;
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
    bool to_service;            // TCP to a content's address and port
    bit<32> content;
    bit<32> length;             // of the content's whole response, bytes
    bit<16> host_set;
    connection_t connection;
    syn_options_t syn;
    bool sum_tcp;               // the TCP checksum is to be written
    bit<16> tcp_length;         // header and payload, bytes
    bit<16> tcp_payload_sum;
    bit<16> tcp_option_sum;     // of the options' words, not inverted
    bool sum_ipv4;              // the IPv4 header is ours: its checksum is to be written
    bool sum_icmpv6;            // the checksum of a neighbour advertisement
}

#endif
