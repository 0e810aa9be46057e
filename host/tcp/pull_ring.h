/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls as they come in: a packet socket with a receive ring that takes nothing else. */
#ifndef HG_PULL_RING_H
#define HG_PULL_RING_H

#include <stddef.h>
#include <stdint.h>

struct hg_pull_ring {
	int fd;
	uint8_t *map;
	uint32_t next; /* slot */
};

int hg_pull_ring_open(struct hg_pull_ring *ring, const char *interface, char *error);
void hg_pull_ring_close(struct hg_pull_ring *ring);

/* The next frame, which stays until hg_pull_ring_release(); NULL: none. */
const uint8_t *hg_pull_ring_peek(struct hg_pull_ring *ring, size_t *bytes, size_t *wire_bytes);
void hg_pull_ring_release(struct hg_pull_ring *ring);

/* How many the ring had no room for since this was last asked. */
uint32_t hg_pull_ring_lost(struct hg_pull_ring *ring);

#endif
