/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of every match kind against a naive reference: a list, searched from end to end. */
#include <errno.h>
#include <stdint.h>

#include "switch_check.h"
#include "table.h"

#define KEY_BYTES 4
#define MAX_ENTRIES 512

struct data {
	uint32_t value;
};

static const struct hg_param params[] = { { "value", 20, 0, 4 } };
static const struct hg_action_spec actions[] = {
	{ .name = "none" },
	{ "set", 1, params, sizeof(struct data) },
};

/* Keys: 12 bits (2 bytes), then 16 bits, of the kinds given. */
#define TWO_FIELDS(first, second) { { "a", 12, 0, 2, first }, { "b", 16, 2, 2, second } }
#define TABLE(fields)                                                              \
	{ .key_field_count = 2, .key = fields, .key_bytes = KEY_BYTES,             \
	  .action_count = 2, .actions = actions, .size = MAX_ENTRIES, .has_counter = true }

static const struct hg_key_field exact_fields[] = TWO_FIELDS(HG_MATCH_EXACT, HG_MATCH_EXACT);
static const struct hg_key_field lpm_fields[] = TWO_FIELDS(HG_MATCH_EXACT, HG_MATCH_LPM);
static const struct hg_key_field ternary_fields[] = TWO_FIELDS(HG_MATCH_TERNARY, HG_MATCH_TERNARY);
static const struct hg_key_field range_fields[] = TWO_FIELDS(HG_MATCH_RANGE, HG_MATCH_TERNARY);
static const struct hg_key_field optional_fields[] = TWO_FIELDS(HG_MATCH_OPTIONAL, HG_MATCH_LPM);

static const struct kind {
	const char *name;
	struct hg_table_spec spec;
	bool has_priority;
} kinds[] = {
	{ "exact", TABLE(exact_fields), false },
	{ "lpm", TABLE(lpm_fields), false },
	{ "ternary", TABLE(ternary_fields), true },
	{ "range", TABLE(range_fields), true },
	{ "optional", TABLE(optional_fields), true },
};

static struct epoch epoch;

/* ---- the reference ---------------------------------------------------------- */

struct naive_entry {
	uint16_t key[2], mask[2];
	int32_t priority;
	uint32_t value;
};

struct naive {
	const struct hg_key_field *fields;
	uint32_t count;
	struct naive_entry entries[MAX_ENTRIES]; /* in insertion order */
};

static bool naive_matches(const struct naive *naive, const struct naive_entry *entry, const uint16_t *key)
{
	for (int i = 0; i < 2; i++) {
		if (naive->fields[i].match == HG_MATCH_RANGE) {
			if (key[i] < entry->key[i] || key[i] > entry->mask[i])
				return false;
		} else if ((key[i] & entry->mask[i]) != entry->key[i]) {
			return false;
		}
	}
	return true;
}

/* Without priorities the longer prefix wins, and a longer prefix is a larger mask. */
static bool naive_beats(const struct naive_entry *entry, const struct naive_entry *other)
{
	if (entry->priority != other->priority)
		return entry->priority > other->priority;
	return entry->priority == 0 && entry->mask[1] > other->mask[1];
}

static const struct naive_entry *naive_lookup(const struct naive *naive, const uint16_t *key)
{
	const struct naive_entry *best = NULL;

	for (uint32_t i = 0; i < naive->count; i++) {
		const struct naive_entry *entry = &naive->entries[i];

		if (naive_matches(naive, entry, key) && (!best || naive_beats(entry, best)))
			best = entry;
	}
	return best;
}

static struct naive_entry *naive_same(struct naive *naive, const struct naive_entry *wanted)
{
	for (uint32_t i = 0; i < naive->count; i++) {
		if (!memcmp(&naive->entries[i], wanted, offsetof(struct naive_entry, value)))
			return &naive->entries[i];
	}
	return NULL;
}

static int naive_change(struct naive *naive, int change, const struct naive_entry *entry)
{
	struct naive_entry *same = naive_same(naive, entry);

	if (change == 0 && !same) {
		if (naive->count == MAX_ENTRIES)
			return -ENOSPC;
		naive->entries[naive->count++] = *entry;
		return 0;
	}
	if (change == 0)
		return -EEXIST;
	if (!same)
		return -ENOENT;
	if (change == 1)
		same->value = entry->value;
	else
		memmove(same, same + 1, (size_t)(&naive->entries[naive->count--] - (same + 1)) * sizeof(*same));
	return 0;
}

/* ---- the table -------------------------------------------------------------- */

static void put(uint8_t *bytes, const uint16_t *fields)
{
	for (int i = 0; i < 2; i++) {
		bytes[2 * i] = (uint8_t)(fields[i] >> 8);
		bytes[2 * i + 1] = (uint8_t)fields[i];
	}
}

static int table_change(struct hg_table *table, int change, const struct naive_entry *entry)
{
	static int (*const changes[])(struct hg_table *, const struct hg_flat_entry *) = {
		table_insert, table_modify, table_delete,
	};
	uint8_t key[KEY_BYTES], mask[KEY_BYTES];
	uint8_t value[] = { (uint8_t)(entry->value >> 16), (uint8_t)(entry->value >> 8), (uint8_t)entry->value };
	struct hg_flat_entry flat = {
		.key = key, .mask = mask, .priority = entry->priority,
		.action = 1, .params = value, .params_bytes = sizeof(value),
	};
	int ret;

	put(key, entry->key);
	put(mask, entry->mask);
	ret = changes[change](table, &flat);
	epoch_reclaim(&epoch);
	return ret;
}

static void check_lookup(const struct hg_table *table, const struct naive *naive, const uint16_t *fields)
{
	const struct naive_entry *expected = naive_lookup(naive, fields);
	const struct hg_entry *entry;
	uint8_t key[KEY_BYTES];
	struct data data;

	put(key, fields);
	entry = table_lookup(table, key);
	CHECK_EQUAL(entry->hit, expected != NULL);
	if (!expected)
		return;
	memcpy(&data, entry->data, sizeof(data));
	CHECK_EQUAL(data.value, expected->value);
}

/* Few distinct values, so that entries overlap and meet each other. */
static uint16_t small_random(uint64_t *random, unsigned int bits)
{
	return (uint16_t)(check_random(random) % 8 << (bits - 3) | check_random(random) % 4);
}

static struct naive_entry random_entry(const struct kind *kind, uint64_t *random)
{
	struct naive_entry entry;

	memset(&entry, 0, sizeof(entry));
	for (int i = 0; i < 2; i++) {
		const struct hg_key_field *field = &kind->spec.key[i];
		uint16_t ones = (uint16_t)((1u << field->bits) - 1), other = small_random(random, field->bits);

		entry.key[i] = small_random(random, field->bits);
		switch (field->match) {
		case HG_MATCH_EXACT:
			entry.mask[i] = ones;
			break;
		case HG_MATCH_LPM:
			entry.mask[i] = (uint16_t)((uint32_t)ones << check_random(random) % (field->bits + 1u)) & ones;
			break;
		case HG_MATCH_TERNARY:
			entry.mask[i] = other;
			break;
		case HG_MATCH_OPTIONAL:
			entry.mask[i] = check_random(random) % 2 ? ones : 0;
			break;
		default:
			entry.mask[i] = entry.key[i] > other ? entry.key[i] : other;
			entry.key[i] = entry.key[i] > other ? other : entry.key[i];
			continue;
		}
		entry.key[i] &= entry.mask[i];
	}
	entry.priority = kind->has_priority ? (int32_t)(1 + check_random(random) % 5) : 0;
	entry.value = check_random(random) & 0xfffff;
	return entry;
}

static struct hg_table *make(const struct hg_table_spec *spec)
{
	char error[HG_ERROR_BYTES];
	struct hg_table *table;

	CHECK_EQUAL(table_new(spec, &epoch, 42, &table, error), 0);
	return table;
}

static void free_all(struct hg_table *table)
{
	epoch_reclaim(&epoch);
	table_free(table);
}

static void test_against_reference(const struct kind *kind)
{
	enum { STEPS = 30000, LOOKUPS = 4 };
	static struct naive naive;
	struct hg_table *table = make(&kind->spec);
	uint64_t random = 1;

	naive = (struct naive){ .fields = kind->spec.key };
	for (int step = 0; step < STEPS; step++) {
		struct naive_entry entry = random_entry(kind, &random);
		int change = (int)(check_random(&random) % 8);

		change = change < 5 ? 0 : change < 6 ? 1 : 2;
		if (change && naive.count) { /* of one that is there, most of the time */
			uint32_t value = entry.value;

			entry = naive.entries[check_random(&random) % naive.count];
			entry.value = value;
		}
		CHECK_EQUAL(table_change(table, change, &entry), naive_change(&naive, change, &entry));
		CHECK_EQUAL(table->count, naive.count);
		for (int i = 0; i < LOOKUPS; i++) {
			uint16_t key[] = { small_random(&random, 12), small_random(&random, 16) };

			check_lookup(table, &naive, key);
		}
	}
	CHECK_EQUAL(naive.count > MAX_ENTRIES / 4, 1);
	free_all(table);
}

/* ---- what is refused ---------------------------------------------------------- */

static int insert_one(const struct hg_table_spec *spec, struct naive_entry entry)
{
	struct hg_table *table = make(spec);
	int ret = table_change(table, 0, &entry);

	free_all(table);
	return ret;
}

static void test_shapes(void)
{
	const struct hg_table_spec *exact = &kinds[0].spec, *lpm = &kinds[1].spec, *ternary = &kinds[2].spec;
	const struct hg_table_spec *range = &kinds[3].spec, *optional = &kinds[4].spec;

	CHECK_EQUAL(insert_one(exact, (struct naive_entry){ { 0xfff, 1 }, { 0xfff, 0xffff }, 0, 1 }), 0);
	CHECK_EQUAL(insert_one(exact, (struct naive_entry){ { 0x1fff, 1 }, { 0xfff, 0xffff }, 0, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(exact, (struct naive_entry){ { 1, 1 }, { 0xfff, 0xffff }, 1, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(exact, (struct naive_entry){ { 1, 1 }, { 0xfff, 0xffff }, 0, 0x100000 }), -EINVAL);
	CHECK_EQUAL(insert_one(lpm, (struct naive_entry){ { 1, 0xff00 }, { 0xfff, 0xff00 }, 0, 1 }), 0);
	CHECK_EQUAL(insert_one(lpm, (struct naive_entry){ { 1, 0 }, { 0xfff, 0 }, 0, 1 }), 0);
	CHECK_EQUAL(insert_one(lpm, (struct naive_entry){ { 1, 0 }, { 0xfff, 0xff0f }, 0, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(ternary, (struct naive_entry){ { 1, 0 }, { 1, 0 }, 1, 1 }), 0);
	CHECK_EQUAL(insert_one(ternary, (struct naive_entry){ { 3, 0 }, { 1, 0 }, 1, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(ternary, (struct naive_entry){ { 1, 0 }, { 1, 0 }, 0, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(ternary, (struct naive_entry){ { 1, 0 }, { 1, 0 }, -1, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(range, (struct naive_entry){ { 5, 0 }, { 5, 0 }, 1, 1 }), 0);
	CHECK_EQUAL(insert_one(range, (struct naive_entry){ { 6, 0 }, { 5, 0 }, 1, 1 }), -EINVAL);
	CHECK_EQUAL(insert_one(optional, (struct naive_entry){ { 5, 0 }, { 0xfff, 0 }, 1, 1 }), 0);
	CHECK_EQUAL(insert_one(optional, (struct naive_entry){ { 4, 0 }, { 0xff4, 0 }, 1, 1 }), -EINVAL);
}

/* ---- defaults and counters -------------------------------------------------------- */

static void test_modify_keeps_counter(void)
{
	struct hg_table *table = make(&kinds[0].spec);
	struct naive_entry entry = { { 1, 2 }, { 0xfff, 0xffff }, 0, 7 };
	const uint8_t key[KEY_BYTES] = { 0, 1, 0, 2 };

	CHECK_EQUAL(table_change(table, 0, &entry), 0);
	hg_count(&(struct hg_context){ .shared = false }, table_lookup(table, key)->cell, 100);
	entry.value = 8;
	CHECK_EQUAL(table_change(table, 1, &entry), 0);
	CHECK_EQUAL(atomic_load(&table_lookup(table, key)->cell->packets), 1);
	CHECK_EQUAL(atomic_load(&table_lookup(table, key)->cell->bytes), 100);
	CHECK_EQUAL(table_change(table, 2, &entry), 0);
	CHECK_EQUAL(table_change(table, 0, &entry), 0);
	CHECK_EQUAL(atomic_load(&table_lookup(table, key)->cell->packets), 0);
	free_all(table);
}

static void test_default(void)
{
	struct hg_table_spec spec = kinds[0].spec;
	struct hg_table *table = make(&spec);
	const uint8_t key[KEY_BYTES] = { 0 }, value[] = { 0, 1, 2 };

	CHECK_EQUAL(table_lookup(table, key)->action, 0);
	CHECK_EQUAL(table_default_set(table, 1, value, sizeof(value)), 0);
	CHECK_EQUAL(table_lookup(table, key)->action, 1);
	CHECK_EQUAL(table_lookup(table, key)->hit, false);
	CHECK_EQUAL(table_default_set(table, 1, value, 2), -EINVAL);
	CHECK_EQUAL(table_default_set(table, 2, value, 2), -EINVAL);
	CHECK_EQUAL(table_default_set(table, UINT32_MAX, NULL, 0), 0);
	CHECK_EQUAL(table_lookup(table, key)->action, 0);
	spec.const_default = true;
	CHECK_EQUAL(table_default_set(table, 1, value, sizeof(value)), -EPERM);
	spec.is_const = true;
	CHECK_EQUAL(table_change(table, 0, &(struct naive_entry){ 0 }), -EPERM);
	free_all(table);
}

int main(void)
{
	epoch_init(&epoch, 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		printf("%s\n", kinds[i].name);
		test_against_reference(&kinds[i]);
	}
	test_shapes();
	test_modify_keeps_counter();
	test_default();
	return 0;
}
