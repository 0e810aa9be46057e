/* SPDX-License-Identifier: Apache-2.0 */
/* Segments between a live source and the pushing loop: read here, sent from here. */
#ifndef HG_RING_H
#define HG_RING_H

#include <stddef.h>
#include <stdint.h>

#include "source.h"

#define HG_RING_SEGMENTS 128 /* a power of two */

struct hg_ring {
	uint8_t *payload; /* HG_RING_SEGMENTS times stride */
	uint32_t stride;
	uint32_t head, tail; /* next to be written, next to be sent; free-running */
	uint32_t bytes[HG_RING_SEGMENTS];
	struct hg_push_tail tails[HG_RING_SEGMENTS];
};

int hg_ring_init(struct hg_ring *ring, uint32_t segment_bytes);
void hg_ring_free(struct hg_ring *ring);

static inline uint32_t hg_ring_used(const struct hg_ring *ring)
{
	return ring->head - ring->tail;
}

static inline uint32_t hg_ring_room(const struct hg_ring *ring)
{
	return HG_RING_SEGMENTS - hg_ring_used(ring);
}

/* The buffer of the n-th free segment. */
static inline uint8_t *hg_ring_free_at(const struct hg_ring *ring, uint32_t n)
{
	return ring->payload + (size_t)((ring->head + n) % HG_RING_SEGMENTS) * ring->stride;
}

/* The first free buffer holds a segment, which lies at `offset`: make its header part. */
void hg_ring_push(struct hg_ring *ring, uint32_t content, uint64_t offset, uint32_t bytes);

uint32_t hg_ring_peek(const struct hg_ring *ring, struct hg_segment *segments, uint32_t count);

/* Passes over the next `count` segments; returns their bytes. */
uint64_t hg_ring_advance(struct hg_ring *ring, uint32_t count);

#endif
