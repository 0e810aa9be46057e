/* SPDX-License-Identifier: Apache-2.0 */
#include "outgoing.h"

#include <string.h>

#include "sum.h"

bool outgoing_read(struct outgoing *frame)
{
	uint32_t have = frame->header_bytes, length = frame->header_bytes + frame->payload_bytes;

	if (have < SUPER_HEADER_BYTES) {
		have = length < SUPER_HEADER_BYTES ? length : SUPER_HEADER_BYTES;
		memcpy(frame->headers + frame->header_bytes, frame->payload, have - frame->header_bytes);
	}
	return super_read(&frame->shape, frame->headers, have, length);
}

static uint16_t sum_of(struct payload_sum *sum, const uint8_t *payload, uint32_t bytes)
{
	if (sum->payload != payload || sum->bytes != bytes)
		*sum = (struct payload_sum){ payload, bytes, hg_sum(payload, bytes) };
	return sum->sum;
}

bool outgoing_is_segment(struct outgoing *frame, struct payload_sum *sum)
{
	const struct super_shape *shape = &frame->shape;

	if (shape->length != frame->header_bytes + frame->payload_bytes || shape->payload < frame->header_bytes)
		return false;
	frame->payload += shape->payload - frame->header_bytes;
	frame->payload_bytes = shape->length - shape->payload;
	frame->header_bytes = shape->payload;
	return super_is_segment(shape, frame->headers) &&
	       super_checksums_right(shape, frame->headers, sum_of(sum, frame->payload, frame->payload_bytes));
}
