/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that the kernel has no room for yet, of one port and one worker, in order. Each
 * lies here whole, as it is handed to the kernel: what it was made of is given back when
 * the round ends in which it came.
 *
 * The queue is bounded twice. By time: a frame that has waited longer than the limit is
 * dropped, so that a slow port delays nothing by more than that, whatever its rate. And
 * by memory, which is reserved when the port is opened and touched as far as it is used.
 */
#ifndef HG_TX_QUEUE_H
#define HG_TX_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "io.h"

/* 4,096 copies of a frame of 1,500 bytes, a large group's on one port, and more. */
#define TX_QUEUE_BYTES (8u << 20)

struct tx_frame {
	uint64_t since_ns;   /* when it came here; CLOCK_MONOTONIC */
	struct io_size size; /* segments 0: the frame after it lies at the room's beginning */
	uint32_t length;
	uint8_t bytes[];
};

struct tx_queue {
	uint8_t *room;
	uint64_t limit_ns;
	uint64_t retry_ns;   /* how long until the kernel is tried again */
	uint32_t head, tail; /* where the oldest frame is, and where the next one goes */
	uint32_t frames;
	uint32_t bytes; /* of frames, as they are counted at the port */
};

int tx_queue_open(struct tx_queue *queue, uint32_t limit_ms);
void tx_queue_close(struct tx_queue *queue);

/* Behind all others; false: there is no room. */
bool tx_queue_put(struct tx_queue *queue, const struct iovec *parts, size_t count, const struct io_size *size,
		  uint64_t now_ns);

/* The oldest frame, and the one that came after it; NULL: there is none. */
struct tx_frame *tx_queue_oldest(const struct tx_queue *queue);
struct tx_frame *tx_queue_after(const struct tx_queue *queue, const struct tx_frame *frame);
/* The oldest one is done with. */
void tx_queue_take(struct tx_queue *queue);
static inline bool tx_queue_expired(const struct tx_queue *queue, const struct tx_frame *oldest, uint64_t now_ns)
{
	return now_ns - oldest->since_ns > queue->limit_ns;
}

/*
 * How long until the kernel is tried again, which had no room just now: sooner if it took
 * something (`progress`), so that trying costs no more than what a port takes.
 */
uint64_t tx_queue_pause_ns(struct tx_queue *queue, bool progress);

#endif
