/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tuple space search (Srinivasan, Suri, Varghese, SIGCOMM 1999): the records of
 * a table, sorted by mask into tuples, a hash map each. An exact table is one
 * tuple, an lpm table one per prefix length in use, a ternary table one per
 * mask. Bounds of a range field cannot be hashed: they are compared along the
 * chain of the records that are equal otherwise.
 */
#ifndef HG_SPACE_H
#define HG_SPACE_H

#include "map.h"

#define SPACE_KEY_BYTES 256u /* the longest key of a table */

struct tuple_list;

struct space {
	struct epoch *epoch;
	uint64_t seed;
	uint32_t key_bytes;
	bool exact; /* one tuple, and its mask is all ones */
	uint32_t range_count;
	const struct hg_key_field **ranges;
	uint8_t hashed[SPACE_KEY_BYTES]; /* ones but for the bytes of range fields */
	_Atomic(struct tuple_list *) tuples;
};

int space_init(struct space *space, const struct hg_table_spec *spec, struct epoch *epoch, uint64_t seed);
/* When no worker can reach it; the records are the caller's. */
void space_clear(struct space *space);

/* The worker's: the winning record for a packet's key, or NULL. */
const struct record *space_find(const struct space *space, const uint8_t *key);

/* The writer's. Sets match and hash from key and mask; `match` has key_bytes of room. */
void space_prepare(const struct space *space, struct record *record, uint8_t *match);
/* The record in the space with the same key, mask and rank, or NULL. */
struct record *space_same(const struct space *space, const struct record *record);
int space_insert(struct space *space, struct record *record); /* or -ENOMEM */
void space_replace(struct space *space, struct record *old, struct record *record);
void space_remove(struct space *space, struct record *record);

#endif
