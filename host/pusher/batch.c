/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

static void add(struct hg_batch *batch, const struct hg_push_head *head, const struct hg_segment *segment)
{
	struct iovec *parts = batch->parts[batch->frames];

	/* sendmmsg() only reads; struct iovec has no const. */
	parts[0] = (struct iovec){ (void *)head, sizeof(*head) };
	parts[1] = (struct iovec){ (void *)segment->tail, sizeof(*segment->tail) };
	parts[2] = (struct iovec){ (void *)segment->payload, segment->bytes };
	batch->messages[batch->frames].msg_hdr = (struct msghdr){ .msg_iov = parts, .msg_iovlen = 3 };
	batch->frames++;
}

void hg_batch_fill(struct hg_batch *batch, uint32_t segments, const struct hg_push_head *heads, uint32_t head_count,
		   uint32_t first_head, uint32_t frames)
{
	uint32_t head = first_head;

	batch->frames = 0;
	for (uint32_t segment = 0; segment < segments; segment++) {
		for (; head < head_count && batch->frames < frames; head++)
			add(batch, &heads[head], &batch->segments[segment]);
		head = 0;
	}
}

uint64_t hg_batch_payload_bytes(const struct hg_batch *batch, uint32_t frames)
{
	uint64_t bytes = 0;

	while (frames--)
		bytes += batch->parts[frames][2].iov_len;
	return bytes;
}
