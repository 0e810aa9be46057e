/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hg_ring_init(struct hg_ring *ring, uint32_t segment_bytes)
{
	ring->head = 0;
	ring->tail = 0;
	ring->stride = segment_bytes;
	ring->payload = malloc((size_t)HG_RING_SEGMENTS * segment_bytes);
	return ring->payload ? 0 : -ENOMEM;
}

void hg_ring_free(struct hg_ring *ring)
{
	free(ring->payload);
	ring->payload = NULL;
}

void hg_ring_push(struct hg_ring *ring, uint32_t content, uint64_t offset, uint32_t bytes)
{
	uint32_t slot = ring->head % HG_RING_SEGMENTS;

	hg_push_tail_make(&ring->tails[slot], content, offset, hg_ring_free_at(ring, 0), (uint16_t)bytes);
	ring->bytes[slot] = bytes;
	ring->head++;
}

uint32_t hg_ring_peek(const struct hg_ring *ring, struct hg_segment *segments, uint32_t count)
{
	uint32_t used = hg_ring_used(ring);

	if (count > used)
		count = used;
	for (uint32_t n = 0; n < count; n++) {
		uint32_t slot = (ring->tail + n) % HG_RING_SEGMENTS;

		segments[n].payload = ring->payload + (size_t)slot * ring->stride;
		segments[n].tail = &ring->tails[slot];
		segments[n].bytes = ring->bytes[slot];
	}
	return count;
}

uint64_t hg_ring_advance(struct hg_ring *ring, uint32_t count)
{
	uint64_t bytes = 0;

	while (count--)
		bytes += ring->bytes[ring->tail++ % HG_RING_SEGMENTS];
	return bytes;
}
