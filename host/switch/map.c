/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"

#define MIN_SLOTS 4u

/* Tags below FIRST_TAG are not a hash's. */
enum { EMPTY = 0, REMOVED = 1, FIRST_TAG = 2 };

struct slot {
	_Atomic uint32_t tag;
	_Atomic(struct record *) first;
};

struct map_slots {
	struct retired retired;
	uint32_t mask; /* number of slots less one; at least a quarter of them is empty */
	struct slot at[];
};

static uint32_t tag_of(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	return tag < FIRST_TAG ? tag + FIRST_TAG : tag;
}

struct record *map_find(const struct map *map, const uint8_t *key, uint32_t bytes, uint64_t hash)
{
	const struct map_slots *slots = atomic_load_explicit(&map->slots, memory_order_acquire);
	uint32_t wanted = tag_of(hash);

	if (!slots)
		return NULL;
	for (uint32_t i = (uint32_t)hash & slots->mask;; i = (i + 1) & slots->mask) {
		const struct slot *slot = &slots->at[i];
		uint32_t tag = atomic_load_explicit(&slot->tag, memory_order_acquire);
		struct record *first;

		if (tag == EMPTY)
			return NULL;
		if (tag != wanted)
			continue;
		first = atomic_load_explicit(&slot->first, memory_order_acquire);
		if (first && same_bytes(first->match, key, bytes))
			return first;
	}
}

/* The first slot from the hash's place on that holds no chain. */
static struct slot *free_slot(struct map_slots *slots, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & slots->mask;

	while (atomic_load_explicit(&slots->at[i].tag, memory_order_relaxed) >= FIRST_TAG)
		i = (i + 1) & slots->mask;
	return &slots->at[i];
}

static void fill_slot(struct slot *slot, struct record *first)
{
	atomic_store_explicit(&slot->first, first, memory_order_release);
	atomic_store_explicit(&slot->tag, tag_of(first->hash), memory_order_release);
}

static void slots_release(struct retired *retired)
{
	free(retired);
}

static struct map_slots *slots_new(uint32_t count)
{
	struct map_slots *slots = calloc(1, sizeof(*slots) + count * sizeof(slots->at[0]));

	if (slots)
		slots->mask = count - 1;
	return slots;
}

static void copy_chains(struct map_slots *to, const struct map_slots *from)
{
	for (uint32_t i = 0; i <= from->mask; i++) {
		struct record *first = atomic_load_explicit(&from->at[i].first, memory_order_relaxed);

		if (first)
			fill_slot(free_slot(to, first->hash), first);
	}
}

int map_reserve(struct map *map, struct epoch *epoch)
{
	struct map_slots *old = atomic_load_explicit(&map->slots, memory_order_relaxed);
	struct map_slots *slots;
	uint32_t count = MIN_SLOTS;

	if (old && map->chains + map->removed < (old->mask + 1) / 4 * 3)
		return 0;
	while (count / 2 < map->chains + 1)
		count *= 2;
	slots = slots_new(count);
	if (!slots)
		return -ENOMEM;
	if (old)
		copy_chains(slots, old);
	map->removed = 0;
	atomic_store_explicit(&map->slots, slots, memory_order_release);
	if (old)
		epoch_retire(epoch, &old->retired, slots_release);
	return 0;
}

void map_add(struct map *map, struct record *record)
{
	struct map_slots *slots = atomic_load_explicit(&map->slots, memory_order_relaxed);
	struct slot *slot = free_slot(slots, record->hash);

	if (atomic_load_explicit(&slot->tag, memory_order_relaxed) == REMOVED)
		map->removed--;
	fill_slot(slot, record);
	map->chains++;
}

void map_replace(struct map *map, struct record *first, struct record *record)
{
	struct map_slots *slots = atomic_load_explicit(&map->slots, memory_order_relaxed);
	uint32_t i = (uint32_t)first->hash & slots->mask;

	while (atomic_load_explicit(&slots->at[i].first, memory_order_relaxed) != first)
		i = (i + 1) & slots->mask;
	atomic_store_explicit(&slots->at[i].first, record, memory_order_release);
	if (record)
		return;
	atomic_store_explicit(&slots->at[i].tag, REMOVED, memory_order_release);
	map->chains--;
	map->removed++;
}

void map_clear(struct map *map)
{
	free(atomic_load_explicit(&map->slots, memory_order_relaxed));
	atomic_store_explicit(&map->slots, NULL, memory_order_relaxed);
}
