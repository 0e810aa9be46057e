/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: table entries, with their direct counters and meters. */
#include <errno.h>

#include "cell.h"
#include "switch.h"

static int change_entry(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table,
			const struct hg_flat_entry *entry,
			int (*change)(struct hg_table *, const struct hg_flat_entry *))
{
	if (table >= loaded->pipeline->table_count)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, change(loaded->tables[table], entry));
}

int hg_entry_insert(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry)
{
	return change_entry(sw, loaded, table, entry, table_insert);
}

int hg_entry_modify(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry)
{
	return change_entry(sw, loaded, table, entry, table_modify);
}

int hg_entry_delete(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry)
{
	return change_entry(sw, loaded, table, entry, table_delete);
}

int hg_default_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, uint32_t action,
		   const uint8_t *params, uint32_t params_bytes)
{
	if (table >= loaded->pipeline->table_count)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, table_default_set(loaded->tables[table], action, params, params_bytes));
}

int hg_table_count(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table)
{
	if (table >= loaded->pipeline->table_count)
		return -EINVAL;
	switch_lock(sw);
	return switch_unlock(sw, (int)loaded->tables[table]->count);
}

int hg_entry_counter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table,
			 const struct hg_flat_entry *entry, const struct hg_counter_value *value)
{
	struct record *record;
	int ret;

	if (table >= loaded->pipeline->table_count || !loaded->pipeline->tables[table].has_counter)
		return -EINVAL;
	switch_lock(sw);
	ret = table_get(loaded->tables[table], entry, &record);
	if (!ret)
		cell_set(&record->direct->cell, &record->direct->base, value);
	return switch_unlock(sw, ret);
}

int hg_entry_meter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table,
		       const struct hg_flat_entry *entry, const struct hg_meter_config *config)
{
	struct record *record;
	int ret;

	if (table >= loaded->pipeline->table_count || !loaded->pipeline->tables[table].has_meter)
		return -EINVAL;
	switch_lock(sw);
	ret = table_get(loaded->tables[table], entry, &record);
	if (!ret)
		ret = meter_set(&sw->epoch, &record->direct->meter, config);
	return switch_unlock(sw, ret);
}
