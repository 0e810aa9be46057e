/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: reading entries, as copies that outlive what they are copies of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"
#include "flat.h"
#include "switch.h"

struct hg_snapshot {
	uint32_t count;
	uint8_t *bytes; /* keys, masks and parameters; after the entries, in the same allocation */
	struct hg_read_entry entries[];
};

static const struct hg_action_spec *action_of(const struct hg_table *table, const struct record *record)
{
	return &table->spec->actions[record->entry.action];
}

static size_t bytes_of(const struct hg_table *table, const struct record *record)
{
	return 2u * table->spec->key_bytes + flat_params_bytes(action_of(table, record));
}

static struct hg_snapshot *snapshot_new(uint32_t count, size_t bytes)
{
	struct hg_snapshot *snapshot = malloc(sizeof(*snapshot) + count * sizeof(snapshot->entries[0]) + bytes);

	if (snapshot) {
		snapshot->count = 0;
		snapshot->bytes = (uint8_t *)&snapshot->entries[count];
	}
	return snapshot;
}

static const uint8_t *keep(struct hg_snapshot *snapshot, const uint8_t *bytes, uint32_t count)
{
	uint8_t *kept = snapshot->bytes;

	memcpy(kept, bytes, count);
	snapshot->bytes += count;
	return kept;
}

static uint64_t idle_ns(const struct record *record, uint64_t now)
{
	uint64_t hit = atomic_load_explicit(record->entry.hit_ns, memory_order_relaxed);

	return now > hit ? now - hit : 0; /* a worker's clock may be ahead */
}

static void add_entry(struct hg_snapshot *snapshot, const struct hg_table *table, const struct record *record)
{
	struct hg_read_entry *entry = &snapshot->entries[snapshot->count++];
	const struct hg_action_spec *action = action_of(table, record);

	*entry = (struct hg_read_entry){
		.params = snapshot->bytes,
		.params_bytes = flat_params_bytes(action),
		.priority = record->priority,
		.action = record->entry.action,
		.is_const = record->is_const,
		.cookie = record->cookie,
		.idle_timeout_ns = record->idle_timeout_ns,
		.idle_ns = record->entry.hit_ns ? idle_ns(record, now_ns()) : 0,
	};
	flat_from_data(action, record->entry.data, snapshot->bytes);
	snapshot->bytes += entry->params_bytes;
	if (record->entry.hit) {
		entry->key = keep(snapshot, record->key, table->spec->key_bytes);
		entry->mask = keep(snapshot, record->mask, table->spec->key_bytes);
	}
	if (record->direct) {
		cell_get(&record->direct->cell, &record->direct->base, &entry->counter);
		meter_get(&record->direct->meter, &entry->meter);
	}
}

static int snapshot_table(const struct hg_table *table, struct hg_snapshot **made)
{
	struct hg_snapshot *snapshot;
	size_t bytes = 0;

	for (const struct record *record = table->oldest; record; record = record->newer)
		bytes += bytes_of(table, record);
	snapshot = snapshot_new(table->count, bytes);
	if (!snapshot)
		return -ENOMEM;
	for (const struct record *record = table->oldest; record; record = record->newer)
		add_entry(snapshot, table, record);
	*made = snapshot;
	return 0;
}

/* How long its timeout still lasts; 0: it has expired. */
static uint64_t left_ns(const struct record *record, uint64_t now)
{
	uint64_t idle = idle_ns(record, now), untold = now - record->direct->idle_since_ns;
	uint64_t elapsed = idle < untold ? idle : untold;

	return elapsed < record->idle_timeout_ns ? record->idle_timeout_ns - elapsed : 0;
}

static int snapshot_expired(const struct hg_table *table, struct hg_snapshot **made, uint64_t *next_ns)
{
	uint64_t now = now_ns();
	uint32_t count = 0;
	size_t bytes = 0;

	*next_ns = UINT64_MAX;
	for (const struct record *record = table->oldest; record; record = record->newer) {
		uint64_t left = record->idle_timeout_ns ? left_ns(record, now) : UINT64_MAX;

		if (!left) {
			count++;
			bytes += bytes_of(table, record);
			left = record->idle_timeout_ns;
		}
		if (left < *next_ns)
			*next_ns = left;
	}
	*made = snapshot_new(count, bytes);
	if (!*made)
		return -ENOMEM;
	/* One that was hit meanwhile is left out: fewer than were counted, never more. */
	for (const struct record *record = table->oldest; record && (*made)->count < count; record = record->newer) {
		if (!record->idle_timeout_ns || left_ns(record, now))
			continue;
		add_entry(*made, table, record);
		record->direct->idle_since_ns = now;
	}
	return 0;
}

static int snapshot_record(const struct hg_table *table, const struct hg_flat_entry *entry, struct hg_snapshot **made)
{
	struct record *record;
	int ret = table_get(table, entry, &record);

	if (ret)
		return ret;
	*made = snapshot_new(1, bytes_of(table, record));
	if (!*made)
		return -ENOMEM;
	add_entry(*made, table, record);
	return 0;
}

int hg_table_snapshot(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, struct hg_snapshot **snapshot)
{
	if (table >= loaded->pipeline->table_count)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, snapshot_table(loaded->tables[table], snapshot));
}

int hg_table_expired(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, struct hg_snapshot **snapshot,
		     uint64_t *next_ns)
{
	if (table >= loaded->pipeline->table_count)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, snapshot_expired(loaded->tables[table], snapshot, next_ns));
}

int hg_entry_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry,
		 struct hg_snapshot **snapshot)
{
	if (table >= loaded->pipeline->table_count || !entry)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, snapshot_record(loaded->tables[table], entry, snapshot));
}

int hg_default_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, struct hg_snapshot **snapshot)
{
	if (table >= loaded->pipeline->table_count)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, snapshot_record(loaded->tables[table], NULL, snapshot));
}

uint32_t hg_snapshot_count(const struct hg_snapshot *snapshot)
{
	return snapshot->count;
}

void hg_snapshot_get(const struct hg_snapshot *snapshot, uint32_t index, struct hg_read_entry *entry)
{
	*entry = snapshot->entries[index];
}

void hg_snapshot_free(struct hg_snapshot *snapshot)
{
	free(snapshot);
}
