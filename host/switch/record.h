/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table entry in memory: what the control plane wrote, and at its end what the
 * pipeline sees. Nothing in it changes once it is published but its links; a
 * MODIFY publishes another record in its place.
 */
#ifndef HG_RECORD_H
#define HG_RECORD_H

#include "epoch.h"
#include "meter.h"
#include "pipeline.h"

/* Direct counter and meter; a MODIFY hands them on. */
struct direct {
	struct hg_cell cell;
	struct hg_counter_value base; /* cell.h */
	struct hg_meter_cell meter;
};

struct record {
	struct retired retired;
	/* Control threads' own. */
	struct record *older, *newer; /* in the table's insertion order */
	const uint8_t *key, *mask;    /* as written, field by field */
	struct direct *direct;        /* NULL: none */
	uint64_t cookie;
	int32_t priority;
	bool is_const;
	/* What a lookup reads. */
	int32_t rank;  /* larger wins: the priority, or in an lpm table the prefix length */
	uint64_t age;  /* among equals the smaller wins */
	uint64_t hash; /* of match */
	const uint8_t *match; /* key under the mask of its tuple (space.h) */
	_Atomic(struct record *) next; /* same match, lower rank or younger */
	struct hg_entry entry;         /* ends in data[]; key, mask and match follow it */
};

static inline struct record *record_next(const struct record *record)
{
	return atomic_load_explicit(&record->next, memory_order_acquire);
}

#endif
