/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that go through the pipeline once more, as they were received
 * (resubmitted) or as they would have left (recirculated), in the order in which
 * they asked for it. What they consist of lies here until the batch has left:
 * copies point into it.
 */
#ifndef HG_AGAIN_H
#define HG_AGAIN_H

#include "hg_switch.h"
#include "pipeline.h"

#define AGAIN_BYTES (4u << 20) /* for all of a batch; touched only as far as it is used */

/* What came of one received packet may go through the pipeline so often. */
#define AGAIN_PASSES 256u

struct again {
	struct again *next;
	const uint8_t *frame;
	uint32_t length;
	struct hg_standard_metadata *phv; /* as the pass begins */
};

struct again_queue {
	uint8_t *room; /* NULL: the pipeline sends nothing again */
	uint32_t used;
	uint32_t phv_bytes;
	struct again *oldest, *newest;
};

int again_init(struct again_queue *queue, const struct hg_pipeline *pipeline);
void again_clear(struct again_queue *queue);

/* With room for a frame of so many bytes behind it and a PHV of zeros; NULL: there is none. Not queued yet. */
struct again *again_new(struct again_queue *queue, uint32_t frame_bytes);
uint8_t *again_frame(const struct again_queue *queue, struct again *again);
void again_put(struct again_queue *queue, struct again *again);
struct again *again_take(struct again_queue *queue); /* NULL: none waits */

/* All of the batch has left. */
static inline void again_reset(struct again_queue *queue)
{
	queue->used = 0;
}

#endif
