/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: pipelines. */
#include <errno.h>
#include <string.h>

#include "switch.h"

int hg_pipeline_load(struct hg_switch *sw, const char *path, struct hg_loaded **made, char *error)
{
	const struct loaded_home home = {
		.epoch = &sw->epoch,
		.seed = sw->seed,
		.max_groups = sw->config.max_groups,
		.workers = sw->config.workers,
		.digest_signal = &sw->digest_signal,
		.profiles = &sw->profile_home,
		.traced = sw->trace,
	};
	int ret;

	switch_lock(sw);
	ret = loaded_open(path, &home, made, error);
	if (!ret) {
		(*made)->next = sw->loaded;
		sw->loaded = *made;
	}
	return switch_unlock(sw, ret);
}

int hg_pipeline_unload(struct hg_switch *sw, struct hg_loaded *loaded)
{
	struct hg_loaded **link = &sw->loaded;

	switch_lock(sw);
	if (loaded == switch_running(sw))
		return switch_unlock(sw, -EBUSY);
	while (*link != loaded)
		link = &(*link)->next;
	*link = loaded->next;
	epoch_wait(&sw->epoch);
	loaded_close(loaded);
	return switch_unlock(sw, 0);
}

int hg_pipeline_commit(struct hg_switch *sw, struct hg_loaded *loaded)
{
	switch_lock(sw);
	if (loaded == switch_running(sw))
		return switch_unlock(sw, -EBUSY);
	atomic_store_explicit(&sw->running, loaded, memory_order_release);
	return switch_unlock(sw, 0);
}

const char *hg_pipeline_digest(const struct hg_loaded *loaded)
{
	return loaded->pipeline->digest;
}

/* The functions below end in this: the index of what has that name. */
#define FIND(array, count, wanted)                            \
	do {                                                  \
		for (uint32_t i = 0; i < (count); i++) {      \
			if (!strcmp((array)[i].name, wanted)) \
				return (int)i;                \
		}                                             \
		return -ENOENT;                               \
	} while (0)

int hg_table_index(const struct hg_loaded *loaded, const char *name)
{
	FIND(loaded->pipeline->tables, loaded->pipeline->table_count, name);
}

int hg_action_index(const struct hg_loaded *loaded, uint32_t table, const char *name)
{
	if (table >= loaded->pipeline->table_count)
		return -ENOENT;
	FIND(loaded->pipeline->tables[table].actions, loaded->pipeline->tables[table].action_count, name);
}

int hg_counter_index(const struct hg_loaded *loaded, const char *name)
{
	FIND(loaded->pipeline->counters, loaded->pipeline->counter_count, name);
}

int hg_register_index(const struct hg_loaded *loaded, const char *name)
{
	FIND(loaded->pipeline->registers, loaded->pipeline->register_count, name);
}

int hg_meter_index(const struct hg_loaded *loaded, const char *name)
{
	FIND(loaded->pipeline->meters, loaded->pipeline->meter_count, name);
}
