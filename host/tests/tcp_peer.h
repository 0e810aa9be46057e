/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of tcp_world.h's engine, as a switch knows them: what they send reaches it as pulls. */
#ifndef TCP_PEER_H
#define TCP_PEER_H

#include "tcp_frames.h"
#include "tcp_world.h"

/* Of each cohort. */
#define PEER_GROUPS 2

/* A client, as the switch knows it. */
struct peer {
	struct hg_flow_key key;
	uint32_t content;
	uint32_t base;     /* sequence number of the response's first byte */
	uint8_t secret;    /* that its SYN was answered under */
	uint32_t seq;      /* its next own */
	uint16_t window;   /* as it stands in the header */
	uint16_t port, vlan_tci;
};

extern uint8_t peer_secret; /* the switch's current one */

uint32_t peer_index(const struct peer *peer);
/* Where its flow stands; all zero: there is none. */
struct hg_flow_record peer_record(const struct peer *peer);

/* A pull of it; `ack` as an exact position. */
struct pull_of {
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint32_t sack_count;
	uint32_t sacks[2 * HG_PULL_SACKS_MAX]; /* positions */
	const void *data;
	uint32_t data_bytes;
	bool unverified;
};

/* As the switch does: the position is the difference to a hash, whose low bits are the constants. */
void peer_send(struct peer *peer, const struct pull_of *pull);
/* A pull as it is; what it draws, and what it makes of a window, is bounded. */
void peer_receive(const struct pull_frame *frame);

#endif
