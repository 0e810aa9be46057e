/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of frames between two threads, without locks: one puts, one takes. */
#ifndef HG_QUEUE_H
#define HG_QUEUE_H

#include <stdatomic.h>
#include <stdint.h>

#include "hg_switch.h"
#include "loaded.h"

#define QUEUE_FRAMES 256u
/* A frame, and before it what a deparser adds. */
#define QUEUE_FRAME_BYTES (LOADED_HEADER_BYTES + HG_MAX_FRAME_BYTES)

struct queue_frame {
	uint32_t length;
	uint8_t bytes[QUEUE_FRAME_BYTES];
};

struct queue {
	_Atomic uint32_t put, taken; /* how many ever; modulo 2^32 */
	struct queue_frame *frames;
};

int queue_init(struct queue *queue);
void queue_clear(struct queue *queue);

/* Where the next frame goes, or NULL when the queue is full; queue_put() completes it. */
struct queue_frame *queue_room(struct queue *queue);
void queue_put(struct queue *queue);

/* The oldest frame, or NULL when the queue is empty; queue_take() gives its room back. */
struct queue_frame *queue_peek(struct queue *queue);
void queue_take(struct queue *queue);

/* How many are put and not taken; anyone's. */
static inline uint32_t queue_waiting(const struct queue *queue)
{
	uint32_t taken = atomic_load_explicit(&queue->taken, memory_order_acquire);

	return atomic_load_explicit(&queue->put, memory_order_acquire) - taken;
}

#endif
