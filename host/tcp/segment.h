/* SPDX-License-Identifier: Apache-2.0 */
/* Any cut of a response: where its bytes are and what they sum to. */
#ifndef HG_TCP_SEGMENT_H
#define HG_TCP_SEGMENT_H

#include <stdbool.h>
#include <sys/uio.h>

#include "response.h"

#define HG_SEGMENT_PARTS 2 /* of the header section, of the mapping */

/* Is it of the response at all? What is not is never sent, whatever led to it. */
static inline bool hg_segment_fits(const struct hg_response *response, uint32_t position, uint32_t bytes)
{
	return position <= response->length && bytes <= response->length - position;
}

/* How many parts it has; `position` and `bytes` are multiples of 128, and it fits. */
uint32_t hg_segment_parts(const struct hg_response *response, uint32_t position, uint32_t bytes,
			  struct iovec parts[HG_SEGMENT_PARTS]);

uint16_t hg_segment_sum(const struct hg_response *response, uint32_t position, uint32_t bytes);

/* What a push is of. */
struct hg_segment {
	uint8_t kind;      /* HG_PUSH_KIND_FLOW or HG_PUSH_KIND_GROUP */
	uint16_t group;    /* of a group push */
	uint8_t tcp_flags;
	uint32_t position; /* in the response */
	uint32_t bytes;    /* 0: an empty segment */
	uint32_t cut;      /* bytes of each segment, if it is a run of several */
};

/* Ethernet and push header (docs/wire-format.md). */
void hg_segment_headers(uint8_t frame[HG_PUSH_FRAME_BYTES], const uint8_t source[6], uint32_t content,
			const struct hg_segment *segment, uint16_t sum);

/* The largest payload, in 128 bytes, of a connection of this class whose pushes leave by a link of this MTU. */
uint8_t hg_segment_granules(uint8_t constants, uint32_t mtu);

#endif
