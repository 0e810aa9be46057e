/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flat.h"
#include "record.h"

/* ---- the list in insertion order -------------------------------------------- */

static void list_append(struct hg_table *table, struct record *record)
{
	record->older = table->newest;
	if (table->newest)
		table->newest->newer = record;
	else
		table->oldest = record;
	table->newest = record;
}

/* `record` takes the place of `old`; NULL only takes `old` out. */
static void list_replace(struct hg_table *table, const struct record *old, struct record *record)
{
	struct record *before = record ? record : old->newer;
	struct record *after = record ? record : old->older;

	if (record) {
		record->older = old->older;
		record->newer = old->newer;
	}
	if (old->older)
		old->older->newer = before;
	else
		table->oldest = before;
	if (old->newer)
		old->newer->older = after;
	else
		table->newest = after;
}

/* ---- entries -------------------------------------------------------------- */

const struct hg_entry *table_lookup(const struct hg_table *table, const uint8_t *key)
{
	const struct record *record = key ? space_find(&table->space, key) : NULL;

	if (!record)
		record = atomic_load_explicit(&table->miss, memory_order_acquire);
	return &record->entry;
}

/* P4Runtime: a priority where a match is not decided by the key alone, and only there. */
static int check_priority(const struct hg_table *table, int32_t priority)
{
	bool wanted = flat_table_kind(table->spec) == TABLE_PRIORITY;

	return wanted == (priority > 0) && (wanted || priority == 0) ? 0 : -EINVAL;
}

static int add_record(struct hg_table *table, struct record *record)
{
	int ret;

	if (space_same(&table->space, record))
		return -EEXIST;
	if (table->count == table->spec->size)
		return -ENOSPC;
	ret = record_add_direct(table, record);
	if (ret)
		return ret;
	record->age = table->next_age++;
	ret = space_insert(&table->space, record);
	if (ret)
		return ret;
	list_append(table, record);
	table->count++;
	return 0;
}

int table_insert(struct hg_table *table, const struct hg_flat_entry *entry)
{
	struct record *record;
	int ret;

	if (table->spec->is_const)
		return -EPERM;
	if (table->spec->key_field_count == 0)
		return -EINVAL;
	ret = check_priority(table, entry->priority);
	if (!ret)
		ret = record_from_flat(table, entry, &record);
	if (ret)
		return ret;
	ret = add_record(table, record);
	if (ret)
		record_free(record);
	return ret;
}

int table_modify(struct hg_table *table, const struct hg_flat_entry *entry)
{
	struct record *record, *old;
	int ret;

	if (table->spec->is_const)
		return -EPERM;
	ret = record_from_flat(table, entry, &record);
	if (ret)
		return ret;
	old = space_same(&table->space, record);
	if (!old) {
		record_free(record);
		return -ENOENT;
	}
	record_inherit(table, record, old);
	space_replace(&table->space, old, record);
	list_replace(table, old, record);
	epoch_retire(table->space.epoch, &old->retired, record_release);
	return 0;
}

int table_delete(struct hg_table *table, const struct hg_flat_entry *entry)
{
	struct record *record;
	int ret;

	if (table->spec->is_const)
		return -EPERM;
	ret = table_get(table, entry, &record);
	if (ret)
		return ret;
	space_remove(&table->space, record);
	list_replace(table, record, NULL);
	table->count--;
	epoch_retire(table->space.epoch, &record->retired, record_release);
	return 0;
}

int table_get(const struct hg_table *table, const struct hg_flat_entry *entry, struct record **found)
{
	struct record *probe;
	int ret;

	if (!entry) {
		*found = atomic_load_explicit(&table->miss, memory_order_relaxed);
		return 0;
	}
	probe = record_new(table, 0);
	if (!probe)
		return -ENOMEM;
	ret = record_set_key(table, probe, entry->key, entry->mask, entry->priority);
	if (!ret) {
		*found = space_same(&table->space, probe);
		ret = *found ? 0 : -ENOENT;
	}
	record_free(probe);
	return ret;
}

/* ---- the default entry ---------------------------------------------------- */

static void publish_miss(struct hg_table *table, struct record *record)
{
	struct record *old = atomic_load_explicit(&table->miss, memory_order_relaxed);

	record_inherit(table, record, old);
	atomic_store_explicit(&table->miss, record, memory_order_release);
	epoch_retire(table->space.epoch, &old->retired, record_release);
}

static struct record *program_default(const struct hg_table *table)
{
	const struct hg_table_spec *spec = table->spec;
	struct record *record = record_new(table, spec->default_action);

	if (!record)
		return NULL;
	record->is_const = spec->const_default;
	if (spec->actions[spec->default_action].data_bytes)
		memcpy(record->entry.data, spec->default_data, spec->actions[spec->default_action].data_bytes);
	return record;
}

int table_default_set(struct hg_table *table, uint32_t action, const uint8_t *params, uint32_t params_bytes)
{
	struct record *record;
	int ret = 0;

	if (table->spec->const_default)
		return -EPERM;
	if (action != UINT32_MAX && action >= table->spec->action_count)
		return -EINVAL;
	record = action == UINT32_MAX ? program_default(table) : record_new(table, action);
	if (!record)
		return -ENOMEM;
	if (action != UINT32_MAX)
		ret = flat_to_data(&table->spec->actions[action], params, params_bytes, record->entry.data);
	if (ret) {
		record_free(record);
		return ret;
	}
	publish_miss(table, record);
	return 0;
}

/* ---- making and ending ------------------------------------------------------ */

static int add_static_entry(struct hg_table *table, const struct hg_static_entry *entry)
{
	const struct hg_action_spec *action;
	struct record *record;
	int ret;

	if (entry->action >= table->spec->action_count)
		return -EINVAL;
	action = &table->spec->actions[entry->action];
	record = record_new(table, entry->action);
	if (!record)
		return -ENOMEM;
	record->entry.hit = true;
	record->is_const = table->spec->is_const;
	if (action->data_bytes)
		memcpy(record->entry.data, entry->data, action->data_bytes);
	ret = record_set_key(table, record, entry->key, entry->mask, entry->priority);
	if (!ret)
		ret = add_record(table, record);
	if (ret)
		record_free(record);
	return ret;
}

/* What the lookups rely on. */
static const char *spec_fault(const struct hg_table_spec *spec)
{
	uint32_t bytes = 0, lpm = 0;

	for (uint32_t i = 0; i < spec->key_field_count; i++) {
		const struct hg_key_field *field = &spec->key[i];

		if (field->offset != bytes || field->bits == 0 || field->bytes != (field->bits + 7) / 8)
			return "key fields do not follow each other in whole bytes";
		lpm += field->match == HG_MATCH_LPM;
		bytes += field->bytes;
	}
	if (bytes != spec->key_bytes || bytes > SPACE_KEY_BYTES)
		return "the key is not as long as its fields, or longer than the switch takes";
	if (lpm > 1)
		return "more than one lpm field";
	if (spec->default_action >= spec->action_count)
		return "no such default action";
	return NULL;
}

static int add_static_entries(struct hg_table *table, char *error)
{
	for (uint32_t i = 0; i < table->spec->entry_count; i++) {
		int ret = add_static_entry(table, &table->spec->entries[i]);

		if (ret) {
			snprintf(error, HG_ERROR_BYTES, "table %s: static entry %u: %s", table->spec->name, i,
				 strerror(-ret));
			return ret;
		}
	}
	return 0;
}

int table_new(const struct hg_table_spec *spec, struct epoch *epoch, uint64_t seed, struct hg_table **made, char *error)
{
	const char *fault = spec_fault(spec);
	struct hg_table *table;
	struct record *miss;
	int ret = -ENOMEM;

	if (fault) {
		snprintf(error, HG_ERROR_BYTES, "table %s: %s", spec->name, fault);
		return -EINVAL;
	}
	snprintf(error, HG_ERROR_BYTES, "table %s: out of memory", spec->name);
	table = calloc(1, sizeof(*table));
	if (!table)
		return ret;
	table->spec = spec;
	ret = space_init(&table->space, spec, epoch, seed);
	if (ret)
		goto cleanup;
	miss = program_default(table);
	if (!miss) {
		ret = -ENOMEM;
		goto cleanup;
	}
	atomic_store_explicit(&table->miss, miss, memory_order_relaxed);
	ret = record_add_direct(table, miss);
	if (ret)
		goto cleanup;
	ret = add_static_entries(table, error);
cleanup:
	if (ret)
		table_free(table);
	else
		*made = table;
	return ret;
}

void table_free(struct hg_table *table)
{
	struct record *record, *newer;

	if (!table)
		return;
	for (record = table->oldest; record; record = newer) {
		newer = record->newer;
		record_free(record);
	}
	record_free(atomic_load_explicit(&table->miss, memory_order_relaxed));
	space_clear(&table->space);
	free(table);
}
