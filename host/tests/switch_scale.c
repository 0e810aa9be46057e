/* SPDX-License-Identifier: Apache-2.0 */
/* Tables with many entries: the cost of one does not grow with their number. */
#include <stdint.h>
#include <time.h>

#include "switch_check.h"
#include "table.h"

static struct epoch epoch;

static uint64_t thread_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static const struct hg_action_spec actions[] = { { .name = "none" } };
static const struct hg_key_field exact[] = { { "a", 32, 0, 4, HG_MATCH_EXACT } };
static const struct hg_key_field ternary[] = { { "a", 32, 0, 4, HG_MATCH_TERNARY } };

static uint64_t fill(const struct hg_key_field *field, uint32_t count, bool many_masks)
{
	struct hg_table_spec spec = {
		.name = "table", .key_field_count = 1, .key = field, .key_bytes = 4,
		.action_count = 1, .actions = actions, .size = count,
	};
	char error[HG_ERROR_BYTES];
	struct hg_table *table;
	uint64_t began = thread_ns();

	CHECK_EQUAL(table_new(&spec, &epoch, 42, &table, error), 0);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t key[] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		uint8_t ones[] = { 0xff, 0xff, 0xff, 0xff };
		struct hg_flat_entry entry = {
			.key = key,
			.mask = many_masks ? key : ones,
			.priority = field == ternary ? (int32_t)i + 1 : 0,
		};

		CHECK_EQUAL(table_insert(table, &entry), 0);
		epoch_reclaim(&epoch);
	}
	began = thread_ns() - began;
	for (uint32_t i = 0; i < count; i += 97) {
		uint8_t key[] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

		CHECK(table_lookup(table, key)->hit);
	}
	epoch_reclaim(&epoch);
	table_free(table);
	return began;
}

int main(void)
{
	uint64_t small, large;

	epoch_init(&epoch, 1);
	small = fill(exact, 10000, false);
	large = fill(exact, 1000000, false);
	printf("insert: %llu ns each at 10,000, %llu ns at 1,000,000\n", (unsigned long long)small / 10000,
	       (unsigned long long)large / 1000000);
	/* A hundred times the entries: some hundred times the time, not ten thousand times. */
	CHECK(large < 1000 * small);
	fill(ternary, 10000, false);
	fill(ternary, 3000, true); /* a mask each: the worst that a tuple space can meet */
	return 0;
}
