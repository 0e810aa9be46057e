/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts that P4, C and Python share: nothing but #defines of integer
 * constants, so that p4c's preprocessor, the C compiler and cffi all read this
 * same file. docs/wire-format.md draws what the numbers mean.
 */
#ifndef HG_WIRE_H
#define HG_WIRE_H

/* IEEE 802 "local experimental EtherType 1" (RFC 9542, appendix B.1). */
#define HG_ETHERTYPE_PUSH 0x88B5

#define HG_PUSH_VERSION 1
#define HG_PUSH_KIND_GROUP 1 /* the switch replicates the frame to a group */
#define HG_PUSH_KIND_FLOW 2  /* one client; reserved for stateless TCP */

#define HG_ETHERNET_BYTES 14
#define HG_PUSH_BYTES 16
/* Ethernet + push header: what stands before the payload in a push frame. */
#define HG_PUSH_FRAME_BYTES 30

/* Shortest Ethernet frame without its FCS: up to here trailing bytes are padding. */
#define HG_ETHERNET_MIN_BYTES 60

/*
 * What a replica's headers cost at most on the member's link, beyond Ethernet
 * and its tag: IPv6 (40) + UDP (8). MTU less this is the largest payload.
 */
#define HG_IPV4_UDP_BYTES 28
#define HG_IPV6_UDP_BYTES 48

/* Ports: the P4Runtime CPU port, and v1model's drop port. */
#define HG_CPU_PORT 510
#define HG_DROP_PORT 511

/*
 * Why a packet was dropped: the index of its cell in the counters
 * ingress_drops and egress_drops. Never reused, never renumbered.
 */
#define HG_DROP_MALFORMED 1          /* the parser ran out of packet */
#define HG_DROP_PUSH_FROM_CLIENT 2   /* push frame on a port that is not a host's */
#define HG_DROP_PUSH_VERSION 3       /* push header of another version */
#define HG_DROP_PUSH_KIND 4          /* neither group nor a kind we know */
#define HG_DROP_PUSH_LENGTH 5        /* frame longer or shorter than its header says */
#define HG_DROP_PUSH_EMPTY 6         /* a push without payload */
#define HG_DROP_UNKNOWN_GROUP 7      /* group push to a group that is not set up */
#define HG_DROP_PUNT_METER 8         /* the meter of the packet's punt class was red */
#define HG_DROP_PACKET_OUT_PORT 9    /* packet-out without an egress port */
#define HG_DROP_EMPTY_SLOT 10        /* replica for a slot that has no member (egress) */
#define HG_DROP_REASONS 32           /* size of both counters */

/* Why a packet went to the controller: packet_in.reason and the punt meter's index. */
#define HG_PUNT_ARP 1
#define HG_PUNT_NEIGHBOUR_DISCOVERY 2
#define HG_PUNT_UNKNOWN 3
#define HG_PUNT_REASONS 8

#endif
