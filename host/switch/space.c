/* SPDX-License-Identifier: Apache-2.0 */
#include "space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define MIN_TUPLES 4u

struct tuple {
	struct retired retired;
	struct map map;
	uint8_t mask[];
};

/* No record's rank has been higher than `top`: what a search may skip. */
struct tuple_slot {
	_Atomic int32_t top;
	struct tuple *tuple;
};

/* Grows at its end in place; sorted by top, and freed of empty tuples, when it is built anew. */
struct tuple_list {
	struct retired retired;
	uint32_t capacity;
	_Atomic uint32_t count;
	struct tuple_slot at[];
};

int space_init(struct space *space, const struct hg_table_spec *spec, struct epoch *epoch, uint64_t seed)
{
	space->epoch = epoch;
	space->seed = seed;
	space->key_bytes = spec->key_bytes;
	space->exact = true;
	memset(space->hashed, 0xff, sizeof(space->hashed));
	space->ranges = calloc(spec->key_field_count + 1, sizeof(*space->ranges));
	if (!space->ranges)
		return -ENOMEM;
	for (uint32_t i = 0; i < spec->key_field_count; i++) {
		const struct hg_key_field *field = &spec->key[i];

		if (field->match != HG_MATCH_EXACT)
			space->exact = false;
		if (field->match != HG_MATCH_RANGE)
			continue;
		space->ranges[space->range_count++] = field;
		memset(space->hashed + field->offset, 0, field->bytes);
	}
	return 0;
}

static struct tuple_list *tuples_of(const struct space *space)
{
	return atomic_load_explicit(&space->tuples, memory_order_relaxed);
}

static uint32_t count_of(const struct tuple_list *list)
{
	return list ? atomic_load_explicit(&list->count, memory_order_relaxed) : 0;
}

static int32_t top_of(const struct tuple_slot *slot)
{
	return atomic_load_explicit(&slot->top, memory_order_relaxed);
}

void space_clear(struct space *space)
{
	struct tuple_list *list = tuples_of(space);

	for (uint32_t i = 0; i < count_of(list); i++) {
		map_clear(&list->at[i].tuple->map);
		free(list->at[i].tuple);
	}
	free(list);
	free(space->ranges);
}

/* ---- search --------------------------------------------------------------- */

static bool beats(const struct record *record, const struct record *other)
{
	return record->rank > other->rank || (record->rank == other->rank && record->age < other->age);
}

/* Network order compares like memcmp does. */
static bool in_ranges(const struct space *space, const struct record *record, const uint8_t *key)
{
	for (uint32_t i = 0; i < space->range_count; i++) {
		const struct hg_key_field *field = space->ranges[i];
		uint32_t at = field->offset;

		if (memcmp(key + at, record->key + at, field->bytes) < 0 ||
		    memcmp(key + at, record->mask + at, field->bytes) > 0)
			return false;
	}
	return true;
}

static const struct record *find_in_tuple(const struct space *space, const struct tuple *tuple, const uint8_t *key,
					  const struct record *best)
{
	uint8_t masked[SPACE_KEY_BYTES];
	const struct record *record;
	uint64_t hash;

	for (uint32_t i = 0; i < space->key_bytes; i++)
		masked[i] = key[i] & tuple->mask[i];
	hash = hash_bytes(masked, space->key_bytes, space->seed);
	record = map_find(&tuple->map, masked, space->key_bytes, hash);
	for (; record; record = record_next(record)) {
		if (best && !beats(record, best))
			return best;
		if (in_ranges(space, record, key))
			return record;
	}
	return best;
}

const struct record *space_find(const struct space *space, const uint8_t *key)
{
	const struct tuple_list *list = atomic_load_explicit(&space->tuples, memory_order_acquire);
	const struct record *best = NULL;
	uint32_t count = list ? atomic_load_explicit(&list->count, memory_order_acquire) : 0;

	if (space->exact && count)
		return map_find(&list->at[0].tuple->map, key, space->key_bytes,
				hash_bytes(key, space->key_bytes, space->seed));
	for (uint32_t i = 0; i < count; i++) {
		if (!best || top_of(&list->at[i]) >= best->rank)
			best = find_in_tuple(space, list->at[i].tuple, key, best);
	}
	return best;
}

/* ---- changes -------------------------------------------------------------- */

static struct tuple_slot *find_slot(const struct space *space, const struct record *record)
{
	struct tuple_list *list = tuples_of(space);

	for (uint32_t i = 0; i < count_of(list); i++) {
		const uint8_t *mask = list->at[i].tuple->mask;
		uint32_t at = 0;

		while (at < space->key_bytes && mask[at] == (record->mask[at] & space->hashed[at]))
			at++;
		if (at == space->key_bytes)
			return &list->at[i];
	}
	return NULL;
}

static struct record *find_chain(const struct space *space, const struct tuple *tuple, const struct record *record)
{
	return map_find(&tuple->map, record->match, space->key_bytes, record->hash);
}

void space_prepare(const struct space *space, struct record *record, uint8_t *match)
{
	for (uint32_t i = 0; i < space->key_bytes; i++)
		match[i] = record->key[i] & record->mask[i] & space->hashed[i];
	record->match = match;
	record->hash = hash_bytes(match, space->key_bytes, space->seed);
}

struct record *space_same(const struct space *space, const struct record *record)
{
	const struct tuple_slot *slot = find_slot(space, record);
	struct record *other = slot ? find_chain(space, slot->tuple, record) : NULL;

	for (; other; other = record_next(other)) {
		if (other->rank == record->rank && !memcmp(other->key, record->key, space->key_bytes) &&
		    !memcmp(other->mask, record->mask, space->key_bytes))
			return other;
	}
	return NULL;
}

static void list_release(struct retired *retired)
{
	free(retired);
}

static void tuple_release(struct retired *retired)
{
	struct tuple *tuple = (struct tuple *)retired;

	map_clear(&tuple->map);
	free(tuple);
}

static int by_top(const void *a, const void *b)
{
	int32_t top_a = top_of(a), top_b = top_of(b);

	return (top_a < top_b) - (top_a > top_b);
}

/* Room for one tuple more at the list's end. */
static int reserve_slot(struct space *space)
{
	struct tuple_list *old = tuples_of(space), *list;
	uint32_t old_count = count_of(old), used = 0, count = 0;

	if (old && old_count < old->capacity)
		return 0;
	for (uint32_t i = 0; i < old_count; i++)
		used += old->at[i].tuple->map.chains > 0;
	list = calloc(1, sizeof(*list) + (used * 2 + MIN_TUPLES) * sizeof(list->at[0]));
	if (!list)
		return -ENOMEM;
	list->capacity = used * 2 + MIN_TUPLES;
	for (uint32_t i = 0; i < old_count; i++) {
		if (old->at[i].tuple->map.chains)
			list->at[count++] = old->at[i];
	}
	qsort(list->at, count, sizeof(list->at[0]), by_top);
	atomic_init(&list->count, count);
	atomic_store_explicit(&space->tuples, list, memory_order_release);
	for (uint32_t i = 0; i < old_count; i++) {
		if (!old->at[i].tuple->map.chains)
			epoch_retire(space->epoch, &old->at[i].tuple->retired, tuple_release);
	}
	if (old)
		epoch_retire(space->epoch, &old->retired, list_release);
	return 0;
}

static int add_tuple(struct space *space, const struct record *record, struct tuple_slot **added)
{
	struct tuple_list *list;
	struct tuple *tuple;
	uint32_t count;
	int ret = reserve_slot(space);

	if (ret)
		return ret;
	tuple = calloc(1, sizeof(*tuple) + space->key_bytes);
	if (!tuple)
		return -ENOMEM;
	for (uint32_t i = 0; i < space->key_bytes; i++)
		tuple->mask[i] = record->mask[i] & space->hashed[i];
	list = tuples_of(space);
	count = count_of(list);
	list->at[count].tuple = tuple;
	atomic_store_explicit(&list->at[count].top, record->rank, memory_order_relaxed);
	atomic_store_explicit(&list->count, count + 1, memory_order_release);
	*added = &list->at[count];
	return 0;
}

/* `record` takes the place before `after` in the chain that begins with `first`. */
static void link_before(struct tuple *tuple, struct record *first, struct record *after, struct record *record)
{
	struct record *before = first;

	if (first == after) {
		map_replace(&tuple->map, first, record);
		return;
	}
	while (record_next(before) != after)
		before = record_next(before);
	atomic_store_explicit(&before->next, record, memory_order_release);
}

int space_insert(struct space *space, struct record *record)
{
	struct tuple_slot *slot = find_slot(space, record);
	struct record *first, *after;
	int ret = slot ? 0 : add_tuple(space, record, &slot);

	if (ret)
		return ret;
	ret = map_reserve(&slot->tuple->map, space->epoch);
	if (ret)
		return ret;
	if (top_of(slot) < record->rank)
		atomic_store_explicit(&slot->top, record->rank, memory_order_relaxed);
	first = find_chain(space, slot->tuple, record);
	if (!first) {
		map_add(&slot->tuple->map, record);
		return 0;
	}
	for (after = first; after && !beats(record, after);)
		after = record_next(after);
	atomic_store_explicit(&record->next, after, memory_order_relaxed);
	link_before(slot->tuple, first, after, record);
	return 0;
}

void space_replace(struct space *space, struct record *old, struct record *record)
{
	struct tuple *tuple = find_slot(space, old)->tuple;

	atomic_store_explicit(&record->next, record_next(old), memory_order_relaxed);
	link_before(tuple, find_chain(space, tuple, old), old, record);
}

void space_remove(struct space *space, struct record *record)
{
	struct tuple *tuple = find_slot(space, record)->tuple;

	link_before(tuple, find_chain(space, tuple, record), record, record_next(record));
}
