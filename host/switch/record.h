/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table entry in memory: what the control plane wrote, and at its end what the
 * pipeline sees. Nothing in it changes once it is published but its links; a
 * MODIFY publishes another record in its place.
 */
#ifndef HG_RECORD_H
#define HG_RECORD_H

#include "epoch.h"
#include "hg_switch.h"
#include "meter.h"
#include "pipeline.h"

/* What an entry has besides what was written to it; a MODIFY hands it on. */
struct direct {
	_Atomic uint64_t hit_ns;
	uint64_t idle_since_ns; /* control threads': nobody is told what happened before */
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
	uint64_t idle_timeout_ns;
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

struct hg_table;

/* With room for the action's data and the table's keys, all zero; NULL: out of memory. */
struct record *record_new(const struct hg_table *table, uint32_t action);
/* With what it has of a direct counter and meter. NULL is fine. */
void record_free(struct record *record);
void record_release(struct retired *retired); /* the same, for epoch_retire() */

/* Writes key and mask in canonical form, and what a lookup needs of them. -EINVAL */
int record_set_key(const struct hg_table *table, struct record *record, const uint8_t *key, const uint8_t *mask,
		   int32_t priority);
/* An entry as the control plane wrote it, without counter and meter. -EINVAL, -ENOMEM */
int record_from_flat(const struct hg_table *table, const struct hg_flat_entry *entry, struct record **record);
/* A new counter and meter, where the table has them. */
int record_add_direct(const struct hg_table *table, struct record *record);
/* `record` takes the place of `old`: its age, and what it counted and metered. */
void record_inherit(const struct hg_table *table, struct record *record, struct record *old);

static inline struct record *record_next(const struct record *record)
{
	return atomic_load_explicit(&record->next, memory_order_acquire);
}

#endif
