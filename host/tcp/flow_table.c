/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "error.h"

/* Room ahead that one turn of the loop cannot use up. */
#define AHEAD 1024

/* Clients choose their addresses and ports: the seed keeps them from choosing their places. */
static uint32_t hash_of(const struct hg_flow_table *table, const struct hg_flow_key *key)
{
	uint64_t words[5] = { 0 };
	uint64_t hash = table->seed[0];

	memcpy(words, key, sizeof(*key));
	for (int i = 0; i < 5; i++) {
		unsigned __int128 product = (unsigned __int128)(hash ^ words[i]) * (table->seed[1] | 1);

		hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ (hash << 23 | hash >> 41);
	}
	return (uint32_t)(hash ^ hash >> 32);
}

static uint64_t entry_of(uint32_t hash, uint32_t index)
{
	return (uint64_t)hash << 32 | (index + 1);
}

static uint32_t index_of(uint64_t entry)
{
	return (uint32_t)entry - 1;
}

static bool same_key(const struct hg_flow_table *table, uint32_t index, const struct hg_flow_key *key)
{
	return memcmp(&hg_flow_record_at(table, index)->header.key, key, sizeof(*key)) == 0;
}

/* Where the key stands in the index, or the empty place where it would. */
static uint32_t place_of(const struct hg_flow_table *table, const struct hg_flow_key *key, uint32_t hash)
{
	uint32_t place = hash & table->mask;

	while (table->index[place] && ((uint32_t)(table->index[place] >> 32) != hash ||
				       !same_key(table, index_of(table->index[place]), key)))
		place = (place + 1) & table->mask;
	return place;
}

static void put_free(struct hg_flow_table *table, uint32_t index)
{
	table->flows[index].timer.next = table->free;
	table->free = index;
}

static void read_records(struct hg_flow_table *table)
{
	for (uint32_t i = table->file.count; i-- > 0;) {
		const struct hg_flow_record *record = hg_flow_record_at(table, i);
		uint32_t hash = hash_of(table, &record->header.key);
		uint32_t place = place_of(table, &record->header.key, hash);

		if (record->state == HG_FLOW_FREE || table->index[place]) {
			put_free(table, i);
			continue;
		}
		table->index[place] = entry_of(hash, i);
		table->used++;
	}
	table->fresh = table->file.count;
}

static void *reserve(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int hg_flow_table_open(struct hg_flow_table *table, const char *path, uint32_t most, char *error)
{
	int ret;

	memset(table, 0, sizeof(*table));
	ret = hg_flow_file_open(&table->file, path, most, error);
	if (ret)
		return ret;
	/* At most half full. */
	table->mask = 1;
	while (table->mask < 2 * most)
		table->mask <<= 1;
	table->index = reserve(table->mask * sizeof(*table->index));
	table->flows = reserve(most * sizeof(*table->flows));
	table->mask--;
	table->free = HG_FLOW_NONE;
	if (!table->index || !table->flows || getrandom(table->seed, sizeof(table->seed), 0) != sizeof(table->seed)) {
		hg_flow_table_close(table);
		return hg_fail(error, -ENOMEM, "%s: no memory for %u flows", path, most);
	}
	read_records(table);
	hg_flow_table_reserve(table);
	return 0;
}

void hg_flow_table_close(struct hg_flow_table *table)
{
	if (table->index)
		munmap(table->index, (table->mask + (size_t)1) * sizeof(*table->index));
	if (table->flows)
		munmap(table->flows, table->file.most * sizeof(*table->flows));
	hg_flow_file_close(&table->file);
}

uint32_t hg_flow_table_find(const struct hg_flow_table *table, const struct hg_flow_key *key)
{
	uint64_t entry = table->index[place_of(table, key, hash_of(table, key))];

	return entry ? index_of(entry) : HG_FLOW_NONE;
}

static uint32_t take_free(struct hg_flow_table *table)
{
	uint32_t index = table->free;

	if (index != HG_FLOW_NONE)
		table->free = table->flows[index].timer.next;
	else if (table->fresh < table->file.count)
		index = table->fresh++;
	return index;
}

uint32_t hg_flow_table_add(struct hg_flow_table *table, const struct hg_flow_key *key)
{
	uint32_t hash = hash_of(table, key);
	uint32_t index = take_free(table);

	if (index == HG_FLOW_NONE)
		return HG_FLOW_NONE;
	memset(hg_flow_record_at(table, index), 0, sizeof(struct hg_flow_record));
	memset(&table->flows[index], 0, sizeof(struct hg_flow));
	hg_flow_record_at(table, index)->header.key = *key;
	table->index[place_of(table, key, hash)] = entry_of(hash, index);
	table->used++;
	return index;
}

/* Moves back what a longer way past the gap would otherwise no longer find. */
static void close_gap(struct hg_flow_table *table, uint32_t gap)
{
	uint32_t place = gap;

	for (;;) {
		uint32_t home;

		place = (place + 1) & table->mask;
		if (!table->index[place])
			break;
		home = (uint32_t)(table->index[place] >> 32) & table->mask;
		if (((place - home) & table->mask) < ((place - gap) & table->mask))
			continue;
		table->index[gap] = table->index[place];
		gap = place;
	}
	table->index[gap] = 0;
}

void hg_flow_table_remove(struct hg_flow_table *table, uint32_t index)
{
	struct hg_flow_record *record = hg_flow_record_at(table, index);

	close_gap(table, place_of(table, &record->header.key, hash_of(table, &record->header.key)));
	record->state = HG_FLOW_FREE;
	put_free(table, index);
	table->used--;
}

void hg_flow_table_reserve(struct hg_flow_table *table)
{
	if (table->file.count - table->used < AHEAD)
		hg_flow_file_grow(&table->file);
}
