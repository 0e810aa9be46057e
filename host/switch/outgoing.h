/* SPDX-License-Identifier: Apache-2.0 */
/* A frame as the pipeline made it: its headers in one piece, the payload where it was received. */
#ifndef HG_OUTGOING_H
#define HG_OUTGOING_H

#include "super.h"

struct outgoing {
	struct super_shape shape;
	uint8_t *headers; /* room for LOADED_HEADER_BYTES */
	uint32_t header_bytes;
	const uint8_t *payload;
	uint32_t payload_bytes;
};

/* The last payload that was summed: all copies of a push have the same, by whatever port they leave. */
struct payload_sum {
	const uint8_t *payload;
	uint32_t bytes;
	uint16_t sum;
};

/*
 * Finds TCP's or UDP's payload, also where a program that parsed only Ethernet left
 * IP's headers to the payload. false: it is neither, or is parsed further than that.
 */
bool outgoing_read(struct outgoing *frame);

/*
 * Whole, without padding, and right in every sum: so it is equal to what cutting makes
 * again. From then on `headers` end and `payload` begins where TCP's or UDP's payload does.
 */
bool outgoing_is_segment(struct outgoing *frame, struct payload_sum *sum);

/* Do segments with these headers and that much payload fit a link of this MTU? */
static inline bool outgoing_fits(const struct outgoing *frame, uint32_t payload_bytes, uint32_t mtu)
{
	return frame->shape.payload - frame->shape.ip + payload_bytes <= mtu;
}

#endif
