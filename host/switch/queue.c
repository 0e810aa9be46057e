/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

int queue_init(struct queue *queue)
{
	/* Pages of frames that were never used cost nothing. */
	queue->frames = calloc(QUEUE_FRAMES, sizeof(*queue->frames));
	return queue->frames ? 0 : -ENOMEM;
}

void queue_clear(struct queue *queue)
{
	free(queue->frames);
	queue->frames = NULL;
}

struct queue_frame *queue_room(struct queue *queue)
{
	uint32_t put = atomic_load_explicit(&queue->put, memory_order_relaxed);
	uint32_t taken = atomic_load_explicit(&queue->taken, memory_order_acquire);

	return put - taken < QUEUE_FRAMES ? &queue->frames[put % QUEUE_FRAMES] : NULL;
}

void queue_put(struct queue *queue)
{
	uint32_t put = atomic_load_explicit(&queue->put, memory_order_relaxed);

	atomic_store_explicit(&queue->put, put + 1, memory_order_release);
}

struct queue_frame *queue_peek(struct queue *queue)
{
	uint32_t taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);
	uint32_t put = atomic_load_explicit(&queue->put, memory_order_acquire);

	return put != taken ? &queue->frames[taken % QUEUE_FRAMES] : NULL;
}

void queue_take(struct queue *queue)
{
	uint32_t taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);

	atomic_store_explicit(&queue->taken, taken + 1, memory_order_release);
}
