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
#define HG_PUSH_KIND_FLOW 2  /* host to switch: one client; a flow header follows */
#define HG_PUSH_KIND_PULL 3  /* switch to host: a client's packet follows a pull header */
/* 4 is a bundle's (bundle.h), which no pipeline sees. */
#define HG_PUSH_KIND_MARK 5  /* host to switch: how far is the pipeline? */
#define HG_PUSH_KIND_ECHO 6  /* switch to host: so far; the mark as it came */

/*
 * Groups from here on are cohorts' (docs/cohorts.md): each number is used for one
 * cohort, and not again before everything that was pushed to it is long gone.
 */
#define HG_COHORT_GROUP_FIRST 8192

#define HG_ETHERNET_BYTES 14
#define HG_PUSH_BYTES 16
/* Ethernet + push header: what stands before the payload in a push frame. */
#define HG_PUSH_FRAME_BYTES 30

#define HG_FLOW_BYTES 64
/* Ethernet + push header + flow header: what stands before a flow push's payload. */
#define HG_FLOW_FRAME_BYTES 94
#define HG_PULL_BYTES 24

/*
 * Stateless TCP (docs/stateless-tcp.md). The low 7 bits of the first data byte's
 * sequence number: window scale (4 bits, 15: none), MSS class (2), SACK permitted (1).
 */
#define HG_SEQ_CONSTANT_BITS 7
#define HG_SEQ_GRANULE 128 /* bytes: segments are cut at multiples of it */
#define HG_WSCALE_NONE 15
#define HG_MSS_CLASS_0 512
#define HG_MSS_CLASS_1 1152
#define HG_MSS_CLASS_2 1408
#define HG_MSS_CLASS_3 8832

/* pull.flags */
#define HG_PULL_CURRENT 1          /* verified under the current secret */
#define HG_PULL_PREVIOUS 2         /* verified under the previous one */
#define HG_PULL_MAYBE_CURRENT 4    /* position plausible, but not (or not only) this secret's in the filter */
#define HG_PULL_MAYBE_PREVIOUS 8
#define HG_PULL_ICMP 16            /* an ICMP error about one of the content's packets */

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
#define HG_DROP_MALFORMED 1          /* shorter than its own headers */
#define HG_DROP_PUSH_FROM_CLIENT 2   /* push frame on a port that is not a host's */
#define HG_DROP_PUSH_VERSION 3       /* push header of another version */
#define HG_DROP_PUSH_KIND 4          /* none that a host sends and this pipeline knows */
#define HG_DROP_PUSH_LENGTH 5        /* frame longer or shorter than its header says */
#define HG_DROP_PUSH_EMPTY 6         /* a push without payload */
#define HG_DROP_UNKNOWN_GROUP 7      /* group push to a group that is not set up */
#define HG_DROP_PUNT_METER 8         /* the meter of the packet's punt class was red */
#define HG_DROP_PACKET_OUT_PORT 9    /* packet-out without an egress port */
#define HG_DROP_EMPTY_SLOT 10        /* replica for a slot that has no member (egress) */
#define HG_DROP_NO_HOST 11           /* a client's packet for a content that no host serves */
#define HG_DROP_UNVERIFIED_METER 12  /* plausible, not in the filter, and over the meter */
#define HG_DROP_RESET_METER 13       /* would have been answered by a RST, over the meter */
#define HG_DROP_TCP_INVALID 14       /* RST from a stranger, or flags that no state answers */
#define HG_DROP_TCP_OPTIONS 15       /* SYN whose options run out of its header */
#define HG_DROP_FLOW_PORT 16         /* flow push that names no port */
#define HG_DROP_FLOW_SECRET 17       /* flow push for a SYN answered under a secret that is gone */
#define HG_DROP_CHECKSUM 18          /* IPv4 header whose checksum is wrong */
#define HG_DROP_MARTIAN 19           /* TCP from no single host's address, or to everyone's Ethernet address */
#define HG_DROP_ICMP 20              /* ICMP error about a segment that was never sent */
#define HG_DROP_REASONS 32           /* size of both counters */

/* Why a packet went to the controller: packet_in.reason and the punt meter's index. */
#define HG_PUNT_ARP 1
#define HG_PUNT_NEIGHBOUR_DISCOVERY 2
#define HG_PUNT_UNKNOWN 3
#define HG_PUNT_REASONS 8

/* Index of tcp_meter. */
#define HG_TCP_METER_UNVERIFIED 1
#define HG_TCP_METER_RESET 2
#define HG_TCP_METER_LEARN 3 /* handshakes told to the controller: over it, only a sample */
#define HG_TCP_METERS 4

#endif
