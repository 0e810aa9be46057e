/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A push frame's headers, in the two parts that a sender keeps ready: what
 * depends on the group alone and what depends on the segment alone. Layout:
 * p4/shared/headers.p4; everything in network order.
 */
#ifndef HG_FRAME_H
#define HG_FRAME_H

#include <assert.h>
#include <stdint.h>

#include "wire.h"

#define HG_MAC_BYTES 6

struct hg_push_head {
	uint8_t destination[HG_MAC_BYTES];
	uint8_t source[HG_MAC_BYTES];
	uint16_t ether_type;
	uint8_t version_kind;
	uint8_t tcp_flags;
	uint16_t group;
};

struct hg_push_tail {
	uint16_t payload_length;
	uint16_t payload_sum;
	uint32_t content;
	uint32_t offset;
};

static_assert(sizeof(struct hg_push_head) + sizeof(struct hg_push_tail) == HG_PUSH_FRAME_BYTES,
	      "the two parts are the headers");

void hg_push_head_make(struct hg_push_head *head, const uint8_t source[HG_MAC_BYTES], uint16_t group);

/* Sums the payload, which lies at `offset` (taken modulo 2^32) of the content. */
void hg_push_tail_make(struct hg_push_tail *tail, uint32_t content, uint64_t offset,
		       const void *payload, uint16_t payload_length);

#endif
