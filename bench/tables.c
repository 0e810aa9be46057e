/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lookup costs as tables grow, and what entries and members take of memory. The
 * peer of a lookup is the memory itself: to find an entry is to read two cache lines at least that
 * nobody has read for long, so it is compared with copying one line of 64 bytes from a
 * random place of as much memory as the table has. Rounds of both alternate, and the best
 * of each counts.
 *
 *   tables        prints one JSON row per match kind and number of entries
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "group.h"
#include "table.h"

#define ROUNDS 15u
#define LOOKUPS 200000u
#define LINE 64u
#define KEY_BYTES 8u
#define ENTRY_BYTES 256u /* of memory beside each entry, for the peer: more than it takes */
#define MASKS 8u         /* of a ternary table */
#define REPLICAS 4096u
#define GROUPS 100u

struct kind {
	const char *name;
	enum hg_match match;
	uint32_t sizes[6]; /* 0: no more */
};

static const struct kind kinds[] = {
	{ "exact", HG_MATCH_EXACT, { 10, 1000, 100000, 1000000 } },
	{ "lpm", HG_MATCH_LPM, { 10, 1000, 100000 } },
	{ "ternary", HG_MATCH_TERNARY, { 10, 1000, 10000 } },
};

static struct epoch epoch;
static uint64_t state = 1;

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static size_t used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (uint32_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void fail(const char *what)
{
	fprintf(stderr, "tables: %s\n", what);
	exit(1);
}

/* Prefixes of 17 to 32 bits, or one of eight masks. */
static uint32_t mask_of(enum hg_match match, uint32_t number)
{
	if (match == HG_MATCH_LPM)
		return UINT32_MAX << number % 16;
	return match == HG_MATCH_TERNARY ? UINT32_MAX << number % MASKS : UINT32_MAX;
}

/* Of a key whose first half is its number. */
static uint32_t second_half(uint32_t number)
{
	return number * 2654435761u;
}

static struct hg_table *fill(const struct kind *kind, uint32_t count)
{
	static const struct hg_action_spec action = { .name = "none" };
	static struct hg_key_field field;
	static struct hg_table_spec spec;
	char error[HG_ERROR_BYTES];
	struct hg_table *table;

	field = (struct hg_key_field){ "key", 8 * KEY_BYTES, 0, KEY_BYTES, kind->match };
	spec = (struct hg_table_spec){ .name = "table", .key_field_count = 1, .key = &field, .key_bytes = KEY_BYTES,
				       .action_count = 1, .actions = &action, .size = count };
	if (table_new(&spec, &epoch, draw(), &table, error))
		fail(error);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t key[KEY_BYTES], mask[KEY_BYTES];
		struct hg_flat_entry entry = { .key = key, .mask = mask,
					       .priority = kind->match == HG_MATCH_TERNARY ? (int32_t)i + 1 : 0 };

		put32(key, i);
		put32(mask, UINT32_MAX);
		put32(mask + 4, mask_of(kind->match, i));
		put32(key + 4, second_half(i) & mask_of(kind->match, i));
		if (table_insert(table, &entry))
			fail("an entry was not inserted");
		epoch_reclaim(&epoch);
	}
	return table;
}

/* Nanoseconds for each. */
static double look_up(const struct hg_table *table, uint32_t count)
{
	uint64_t found = 0;
	double began = now();

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		uint32_t number = (uint32_t)(draw() % count);
		uint8_t key[KEY_BYTES];

		put32(key, number);
		put32(key + 4, second_half(number));
		found += table_lookup(table, key)->hit;
	}
	if (found != LOOKUPS)
		fail("a lookup found nothing");
	return (now() - began) * 1e9 / LOOKUPS;
}

static double copy_lines(const uint8_t *memory, size_t lines)
{
	static uint8_t line[LINE];
	double began = now();

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		memcpy(line, memory + draw() % lines * LINE, LINE);
		__asm__ volatile("" : : "r"(line) : "memory");
	}
	return (now() - began) * 1e9 / LOOKUPS;
}

/* The peer is what is told: key and mask, or port and instance. */
static void print_memory(const char *name, uint32_t count, double bytes, size_t told)
{
	printf("{\"name\": \"memory, %s, of %u\", \"value\": %.1f, \"unit\": \"bytes\", \"peer\": \"memcpy\", "
	       "\"peer_value\": %zu, \"ratio\": %.3f}\n",
	       name, count, bytes, told, bytes / (double)told);
}

static void measure(const struct kind *kind, uint32_t count)
{
	double ours = 1e9, peer = 1e9, bytes;
	size_t lines = (size_t)count * ENTRY_BYTES / LINE, before = used();
	uint8_t *memory;
	struct hg_table *table = fill(kind, count);

	bytes = (double)(used() - before) / count;
	memory = malloc(lines * LINE);
	memset(memory, 1, lines * LINE);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		double lookup = look_up(table, count), copy = copy_lines(memory, lines);

		ours = lookup < ours ? lookup : ours;
		peer = copy < peer ? copy : peer;
	}
	printf("{\"name\": \"lookup, %s, %u entries\", \"value\": %.1f, \"unit\": \"ns\", \"peer\": \"memcpy\", "
	       "\"peer_value\": %.1f, \"ratio\": %.3f}\n",
	       kind->name, count, ours, peer, ours / peer);
	print_memory(kind->name, count, bytes, 2 * KEY_BYTES);
	free(memory);
	table_free(table);
}

/* Bytes for each. */
static void measure_groups(void)
{
	static struct hg_replica replicas[REPLICAS];
	struct groups *groups = groups_new(&epoch, GROUPS);
	size_t before = used();

	for (uint32_t i = 0; i < REPLICAS; i++)
		replicas[i] = (struct hg_replica){ 1 + i % 64, i };
	for (uint32_t i = 1; i <= GROUPS; i++)
		if (group_insert(groups, i, replicas, REPLICAS, 0))
			fail("a group was not inserted");
	print_memory("group member", REPLICAS, (double)(used() - before) / GROUPS / REPLICAS, sizeof(*replicas));
	groups_free(groups);
}

int main(void)
{
	epoch_init(&epoch, 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		for (const uint32_t *size = kinds[i].sizes; *size; size++)
			measure(&kinds[i], *size);
	measure_groups();
	return 0;
}
