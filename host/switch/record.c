/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "flat.h"
#include "table.h"

static uint8_t *key_room(const struct hg_table *table, struct record *record, uint32_t data_bytes, uint32_t i)
{
	return record->entry.data + data_bytes + i * table->spec->key_bytes;
}

struct record *record_new(const struct hg_table *table, uint32_t action)
{
	uint32_t data_bytes = table->spec->actions[action].data_bytes;
	size_t bytes = sizeof(struct record) + data_bytes + 3u * table->spec->key_bytes;
	struct record *record = aligned_alloc(_Alignof(struct record), (bytes + 15) / 16 * 16);

	if (!record)
		return NULL;
	memset(record, 0, bytes);
	record->entry.action = action;
	record->key = key_room(table, record, data_bytes, 0);
	record->mask = key_room(table, record, data_bytes, 1);
	return record;
}

void record_free(struct record *record)
{
	if (!record)
		return;
	if (record->direct)
		meter_clear(&record->direct->meter);
	free(record->direct);
	free(record);
}

void record_release(struct retired *retired)
{
	record_free((struct record *)retired);
}

int record_set_key(const struct hg_table *table, struct record *record, const uint8_t *key, const uint8_t *mask,
		   int32_t priority)
{
	const struct hg_table_spec *spec = table->spec;
	uint32_t data_bytes = spec->actions[record->entry.action].data_bytes;
	uint8_t *key_out = key_room(table, record, data_bytes, 0);
	uint8_t *mask_out = key_room(table, record, data_bytes, 1);
	int ret = flat_key(spec, key, mask, key_out, mask_out);

	if (ret)
		return ret;
	record->priority = priority;
	record->rank = flat_table_kind(spec) == TABLE_LPM ? (int32_t)flat_prefix_bits(spec, mask_out) : priority;
	space_prepare(&table->space, record, key_room(table, record, data_bytes, 2));
	return 0;
}

static void show_direct(const struct hg_table *table, struct record *record)
{
	if (table->spec->has_counter)
		record->entry.cell = &record->direct->cell;
	if (table->spec->has_meter)
		record->entry.meter = &record->direct->meter;
	if (table->spec->support_timeout)
		record->entry.hit_ns = &record->direct->hit_ns;
}

int record_add_direct(const struct hg_table *table, struct record *record)
{
	if (!table->spec->has_counter && !table->spec->has_meter && !table->spec->support_timeout)
		return 0;
	record->direct = calloc(1, sizeof(*record->direct));
	if (!record->direct)
		return -ENOMEM;
	record->direct->idle_since_ns = now_ns();
	atomic_init(&record->direct->hit_ns, record->direct->idle_since_ns);
	show_direct(table, record);
	return 0;
}

void record_inherit(const struct hg_table *table, struct record *record, struct record *old)
{
	record->age = old->age;
	record->direct = old->direct;
	old->direct = NULL;
	if (record->direct)
		show_direct(table, record);
}

int record_from_flat(const struct hg_table *table, const struct hg_flat_entry *entry, struct record **made)
{
	struct record *record;
	int ret;

	if (entry->action >= table->spec->action_count)
		return -EINVAL;
	if (entry->idle_timeout_ns && !table->spec->support_timeout)
		return -EINVAL;
	record = record_new(table, entry->action);
	if (!record)
		return -ENOMEM;
	record->entry.hit = true;
	record->cookie = entry->cookie;
	record->idle_timeout_ns = entry->idle_timeout_ns;
	ret = record_set_key(table, record, entry->key, entry->mask, entry->priority);
	if (!ret)
		ret = flat_to_data(&table->spec->actions[entry->action], entry->params, entry->params_bytes,
				   record->entry.data);
	if (ret) {
		record_free(record);
		return ret;
	}
	*made = record;
	return 0;
}
