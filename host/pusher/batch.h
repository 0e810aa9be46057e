/* SPDX-License-Identifier: Apache-2.0 */
/* Frames for one sendmmsg(): gathered from ready parts, nothing is copied. */
#ifndef HG_BATCH_H
#define HG_BATCH_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "source.h"

#define HG_BATCH_FRAMES 128

struct hg_batch {
	struct hg_segment segments[HG_BATCH_FRAMES];
	struct mmsghdr messages[HG_BATCH_FRAMES];
	struct iovec parts[HG_BATCH_FRAMES][3]; /* head, tail, payload */
	uint32_t frames;
};

/*
 * Every segment goes to every head (group) in turn, beginning with the first
 * segment's `first_head`-th: batch->frames is at most `frames`.
 */
void hg_batch_fill(struct hg_batch *batch, uint32_t segments, const struct hg_push_head *heads, uint32_t head_count,
		   uint32_t first_head, uint32_t frames);

/* Payload of the batch's first `frames` frames. */
uint64_t hg_batch_payload_bytes(const struct hg_batch *batch, uint32_t frames);

#endif
