/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from keys to chains of records that readers search while one writer
 * changes it. Open addressing; a slot's tag filters, the record's own key
 * decides, so a reader that meets a slot in the middle of a change is not misled.
 * It grows by building a new array of slots and publishing that.
 */
#ifndef HG_MAP_H
#define HG_MAP_H

#include "epoch.h"
#include "record.h"

struct map_slots;

struct map {
	_Atomic(struct map_slots *) slots; /* NULL while the map never held anything */
	uint32_t chains;                   /* slots in use */
	uint32_t removed;                  /* slots that were, and still lengthen searches */
};

/* The worker's: the first record of the chain whose `match` is key, or NULL. */
struct record *map_find(const struct map *map, const uint8_t *key, uint32_t bytes, uint64_t hash);

/* The writer's. */
int map_reserve(struct map *map, struct epoch *epoch); /* room for one chain more, or -ENOMEM */
void map_add(struct map *map, struct record *record);  /* a new chain; after map_reserve() */
void map_replace(struct map *map, struct record *first, struct record *record); /* NULL: the chain ends */
void map_clear(struct map *map); /* when no worker can reach it; the records are not its own */

#endif
