/* SPDX-License-Identifier: Apache-2.0 */
#include "again.h"

#include <errno.h>
#include <stdlib.h>

#define ALIGNED(bytes) (((bytes) + HG_PHV_ALIGN - 1) / HG_PHV_ALIGN * HG_PHV_ALIGN)

int again_init(struct again_queue *queue, const struct hg_pipeline *pipeline)
{
	queue->phv_bytes = (uint32_t)ALIGNED(pipeline->phv_bytes);
	if (!pipeline->goes_again)
		return 0;
	queue->room = aligned_alloc(HG_PHV_ALIGN, AGAIN_BYTES);
	return queue->room ? 0 : -ENOMEM;
}

void again_clear(struct again_queue *queue)
{
	free(queue->room);
}

struct again *again_new(struct again_queue *queue, uint32_t frame_bytes)
{
	uint32_t head = (uint32_t)ALIGNED(sizeof(struct again)) + queue->phv_bytes;
	uint32_t bytes = (uint32_t)ALIGNED(head + frame_bytes);
	struct again *again;

	if (!queue->room || bytes > AGAIN_BYTES - queue->used)
		return NULL;
	again = (struct again *)(queue->room + queue->used);
	queue->used += bytes;
	memset(again, 0, head);
	again->phv = (struct hg_standard_metadata *)((uint8_t *)again + ALIGNED(sizeof(*again)));
	return again;
}

uint8_t *again_frame(const struct again_queue *queue, struct again *again)
{
	return (uint8_t *)again->phv + queue->phv_bytes;
}

void again_put(struct again_queue *queue, struct again *again)
{
	if (queue->newest)
		queue->newest->next = again;
	else
		queue->oldest = again;
	queue->newest = again;
}

struct again *again_take(struct again_queue *queue)
{
	struct again *again = queue->oldest;

	if (again) {
		queue->oldest = again->next;
		if (!queue->oldest)
			queue->newest = NULL;
	}
	return again;
}
