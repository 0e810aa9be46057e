/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that never stop reading against a writer that never stops changing: what is
 * read is whole, and what is freed is not read again (ASan and TSan see).
 */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "group.h"
#include "switch_check.h"
#include "table.h"

#define CHANGES 20000
#define KEYS 256u
#define WORKERS 3u

struct data {
	uint32_t a, b; /* b is always ~a */
};

static const struct hg_param params[] = { { "a", 32, 0, 4 }, { "b", 32, 4, 4 } };
static const struct hg_action_spec actions[] = { { .name = "none" }, { "set", 2, params, sizeof(struct data) } };
static const struct hg_key_field fields[] = { { "key", 16, 0, 2, HG_MATCH_TERNARY } };
static const struct hg_table_spec spec = {
	.name = "table", .key_field_count = 1, .key = fields, .key_bytes = 2, .action_count = 2,
	.actions = actions, .size = 4 * KEYS, .has_counter = true, .has_meter = true,
};

static struct epoch epoch;
static struct hg_table *table;
static struct groups *groups;
static _Atomic bool stop;
static const struct hg_context shared = { .shared = true };

/* What one of the workers saw. */
static struct seen {
	uint64_t lookups, hits, copies;
} seen[WORKERS];

static void look_up(struct seen *own, uint32_t i)
{
	const uint8_t key[] = { (uint8_t)(i >> 8), (uint8_t)i };
	const struct hg_entry *entry = table_lookup(table, key);
	struct data data;

	hg_count(&shared, entry->cell, 1);
	meter_mark_shared(entry->meter, 0, i, 1);
	own->lookups++;
	if (!entry->hit)
		return;
	memcpy(&data, entry->data, sizeof(data));
	CHECK(data.b == ~data.a);
	own->hits++;
}

static void replicate(struct seen *own, uint32_t id)
{
	const struct group *group = group_find(groups, id);

	for (uint32_t i = 0; group && i < group->count; i++) {
		CHECK(group->replicas[i].port == group->count);
		own->copies++;
	}
}

static void *work(void *opaque)
{
	uint32_t worker = (uint32_t)(uintptr_t)opaque;
	uint64_t random = 10 + worker;

	epoch_online(&epoch, worker);
	while (!atomic_load(&stop)) {
		for (int i = 0; i < 32; i++) {
			look_up(&seen[worker], check_random(&random) % KEYS);
			replicate(&seen[worker], 1 + check_random(&random) % 16);
		}
		if (check_random(&random) % 64) {
			epoch_quiescent(&epoch, worker);
		} else {
			epoch_offline(&epoch, worker);
			epoch_online(&epoch, worker);
		}
	}
	epoch_offline(&epoch, worker);
	return NULL;
}

static void change_table(uint64_t *random)
{
	static const uint8_t masks[][2] = { { 0xff, 0xff }, { 0xff, 0xf0 }, { 0, 0x0f } };
	static int (*const changes[])(struct hg_table *, const struct hg_flat_entry *) = {
		table_insert, table_modify, table_delete,
	};
	const uint8_t *mask = masks[check_random(random) % 3];
	uint32_t i = check_random(random) % KEYS, a = check_random(random), b = ~a;
	uint8_t key[] = { (uint8_t)(i >> 8) & mask[0], (uint8_t)i & mask[1] };
	uint8_t value[8];
	struct hg_flat_entry entry = {
		.key = key, .mask = mask, .priority = (int32_t)(1 + check_random(random) % 3),
		.action = 1, .params = value, .params_bytes = sizeof(value),
	};

	for (int byte = 0; byte < 4; byte++) {
		value[byte] = (uint8_t)(a >> (24 - 8 * byte));
		value[4 + byte] = (uint8_t)(b >> (24 - 8 * byte));
	}
	changes[check_random(random) % 3](table, &entry);
}

static void change_group(uint64_t *random)
{
	struct hg_replica replicas[64];
	uint32_t id = 1 + check_random(random) % 16, count = 1 + check_random(random) % 64;

	for (uint32_t i = 0; i < count; i++)
		replicas[i] = (struct hg_replica){ .port = count, .instance = i };
	if (check_random(random) % 4 == 0)
		group_delete(groups, id);
	else if (group_find(groups, id))
		CHECK_EQUAL(group_modify(groups, id, replicas, count, 0), 0);
	else
		CHECK_EQUAL(group_insert(groups, id, replicas, count, 0), 0);
}

static void change_meter(uint64_t *random)
{
	struct hg_meter_config config = { check_random(random) % 4 != 0, 1, 1, 2, 2 };

	CHECK_EQUAL(meter_set(&epoch, &atomic_load(&table->miss)->direct->meter, &config), 0);
}

static struct seen all_seen(void)
{
	struct seen all = { 0 };

	for (uint32_t i = 0; i < WORKERS; i++) {
		all.lookups += seen[i].lookups;
		all.hits += seen[i].hits;
		all.copies += seen[i].copies;
	}
	return all;
}

/* Workers count what they saw without a lock: under hold they may not, or ThreadSanitizer says so. */
static void check_hold(void)
{
	const struct timespec pause = { .tv_nsec = 200 * 1000 };
	uint64_t before;

	epoch_hold(&epoch);
	before = all_seen().lookups;
	nanosleep(&pause, NULL);
	CHECK_EQUAL(all_seen().lookups, before);
	epoch_release(&epoch);
}

int main(void)
{
	char error[HG_ERROR_BYTES];
	pthread_t workers[WORKERS];
	uint64_t random = 2;

	epoch_init(&epoch, WORKERS);
	CHECK_EQUAL(table_new(&spec, &epoch, 1, &table, error), 0);
	groups = groups_new(&epoch, 16);
	CHECK(groups);
	for (uint32_t i = 0; i < WORKERS; i++)
		CHECK_EQUAL(pthread_create(&workers[i], NULL, work, (void *)(uintptr_t)i), 0);
	for (int i = 0; i < CHANGES; i++) {
		change_table(&random);
		change_group(&random);
		change_meter(&random);
		epoch_reclaim(&epoch);
		if (i % 1000 == 0) {
			check_hold();
			epoch_wait(&epoch);
			CHECK(!epoch.oldest); /* nothing that was retired before waits any longer */
		}
	}
	atomic_store(&stop, true);
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	epoch_wait(&epoch);
	CHECK(!epoch.oldest);
	for (uint32_t i = 0; i < WORKERS; i++)
		CHECK(seen[i].hits && seen[i].copies);
	table_free(table);
	groups_free(groups);
	epoch_clear(&epoch);
	return 0;
}
