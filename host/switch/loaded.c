/* SPDX-License-Identifier: Apache-2.0 */
#include "loaded.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "trace.h"

static const struct hg_runtime_ops runtime_ops = {
	.lookup = table_lookup,
	.meter = meter_mark,
	.digest = digests_put,
	.trace = trace_line,
	.trace_copy = trace_copy,
};

static const struct hg_runtime_ops shared_ops = {
	.lookup = table_lookup,
	.meter = meter_mark_shared,
	.digest = digests_put,
	.trace = trace_line,
	.trace_copy = trace_copy,
};

static const struct hg_runtime_ops traced_ops = {
	.lookup = trace_lookup,
	.meter = meter_mark,
	.digest = digests_put,
	.trace = trace_line,
	.trace_copy = trace_copy,
};

static int fail(char *error, int ret, const char *path, const char *what)
{
	snprintf(error, HG_ERROR_BYTES, "%s: %s", path, what);
	return ret;
}

static int open_object(struct hg_loaded *loaded, const char *path, char *error)
{
	const struct hg_pipeline *pipeline;

	if (!strchr(path, '/')) /* dlopen() would search the system's libraries */
		return fail(error, -EINVAL, path, "give the path of a pipeline, with a directory");
	loaded->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!loaded->object) {
		snprintf(error, HG_ERROR_BYTES, "%s", dlerror());
		return -ENOEXEC;
	}
	pipeline = dlsym(loaded->object, "hg_pipeline");
	if (!pipeline)
		return fail(error, -ENOEXEC, path, "not a pipeline: it does not export hg_pipeline");
	if (pipeline->abi != HG_PIPELINE_ABI) {
		snprintf(error, HG_ERROR_BYTES,
			 "%s: made for version %u of the switch's pipeline interface; this is %u: compile it anew",
			 path, pipeline->abi, HG_PIPELINE_ABI);
		return -ENOEXEC;
	}
	if (pipeline->phv_bytes < sizeof(struct hg_standard_metadata))
		return fail(error, -EINVAL, path, "its packet header vector is too short for the standard metadata");
	if (pipeline->max_header_bytes > LOADED_HEADER_BYTES) {
		snprintf(error, HG_ERROR_BYTES, "%s: writes up to %u bytes of headers; the switch takes %u", path,
			 pipeline->max_header_bytes, LOADED_HEADER_BYTES);
		return -EINVAL;
	}
	loaded->pipeline = pipeline;
	return 0;
}

static int make_tables(struct hg_loaded *loaded, uint64_t seed, char *error)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;
	int ret = 0;

	loaded->tables = calloc(pipeline->table_count + 1, sizeof(*loaded->tables));
	if (!loaded->tables)
		return -ENOMEM;
	for (uint32_t i = 0; i < pipeline->table_count && !ret; i++)
		ret = table_new(&pipeline->tables[i], loaded->epoch, seed, &loaded->tables[i], error);
	return ret;
}

static int make_counters(struct hg_loaded *loaded)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;

	loaded->counters = calloc(pipeline->counter_count + 1, sizeof(*loaded->counters));
	loaded->cells = calloc(pipeline->counter_count + 1, sizeof(*loaded->cells));
	if (!loaded->counters || !loaded->cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < pipeline->counter_count; i++) {
		struct counter *counter = &loaded->counters[i];
		uint32_t size = pipeline->counters[i].size;

		counter->cells = calloc(size + 1, sizeof(*counter->cells));
		counter->bases = calloc(size + 1, sizeof(*counter->bases));
		if (!counter->cells || !counter->bases)
			return -ENOMEM;
		loaded->cells[i] = counter->cells;
	}
	return 0;
}

static int make_meters(struct hg_loaded *loaded)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;

	loaded->meters = calloc(pipeline->meter_count + 1, sizeof(*loaded->meters));
	if (!loaded->meters)
		return -ENOMEM;
	for (uint32_t i = 0; i < pipeline->meter_count; i++) {
		loaded->meters[i] = calloc(pipeline->meters[i].size + 1, sizeof(*loaded->meters[i]));
		if (!loaded->meters[i])
			return -ENOMEM;
	}
	return 0;
}

static int make_registers(struct hg_loaded *loaded)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;

	loaded->registers = calloc(pipeline->register_count + 1, sizeof(*loaded->registers));
	loaded->register_locks = calloc(pipeline->register_count + 1, sizeof(*loaded->register_locks));
	if (!loaded->registers || !loaded->register_locks)
		return -ENOMEM;
	for (uint32_t i = 0; i < pipeline->register_count; i++) {
		loaded->registers[i] = calloc((size_t)pipeline->registers[i].size + 1, pipeline->registers[i].stride);
		if (!loaded->registers[i])
			return -ENOMEM;
	}
	return 0;
}

static int make_profiles(struct hg_loaded *loaded, const struct profile_home *home)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;

	loaded->profiles = calloc(pipeline->profile_count + 1, sizeof(struct profile *));
	loaded->choosable = calloc(pipeline->profile_count + 1, sizeof(struct hg_profile *));
	if (!loaded->profiles || !loaded->choosable)
		return -ENOMEM;
	for (uint32_t i = 0; i < pipeline->profile_count; i++) {
		int ret = profile_new(&pipeline->profiles[i], home, &loaded->profiles[i]);

		if (ret)
			return ret;
		loaded->choosable[i] = &loaded->profiles[i]->seen;
	}
	return 0;
}

int loaded_ports_changed(struct hg_loaded *loaded)
{
	int ret = 0;

	for (uint32_t i = 0; i < loaded->pipeline->profile_count; i++) {
		if (profile_refresh(loaded->profiles[i]))
			ret = -ENOMEM;
	}
	return ret;
}

static void *new_phv(const struct hg_pipeline *pipeline)
{
	return aligned_alloc(HG_PHV_ALIGN, (pipeline->phv_bytes + HG_PHV_ALIGN - 1) / HG_PHV_ALIGN * HG_PHV_ALIGN);
}

static const struct hg_runtime_ops *ops_for(const struct loaded_home *home)
{
	if (home->traced)
		return &traced_ops;
	return home->workers > 1 ? &shared_ops : &runtime_ops;
}

static int make_lane(struct hg_loaded *loaded, struct lane *lane, const struct loaded_home *home)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;

	lane->context = (struct hg_context){
		.shared = home->workers > 1,
		.tables = loaded->tables,
		.counters = loaded->cells,
		.meters = loaded->meters,
		.registers = loaded->registers,
		.register_locks = loaded->register_locks,
		.profiles = loaded->choosable,
		.digests = loaded->digests,
		.random = now_ns() | 1,
		.ops = ops_for(home),
	};
	lane->phv = new_phv(pipeline);
	lane->saved = new_phv(pipeline);
	lane->clone = new_phv(pipeline);
	for (uint32_t i = 0; i < LOADED_CLONE_DEPTH; i++) {
		lane->clones[i] = new_phv(pipeline);
		if (!lane->clones[i])
			return -ENOMEM;
	}
	if (!lane->phv || !lane->saved || !lane->clone)
		return -ENOMEM;
	return again_init(&lane->again, pipeline);
}

static int make_lanes(struct hg_loaded *loaded, const struct loaded_home *home)
{
	int ret = 0;

	loaded->lanes = aligned_alloc(_Alignof(struct lane), home->workers * sizeof(struct lane));
	if (!loaded->lanes)
		return -ENOMEM;
	memset(loaded->lanes, 0, home->workers * sizeof(struct lane));
	loaded->lane_count = home->workers;
	for (uint32_t i = 0; i < loaded->lane_count && !ret; i++)
		ret = make_lane(loaded, &loaded->lanes[i], home);
	return ret;
}

static void free_lanes(struct hg_loaded *loaded)
{
	for (uint32_t i = 0; i < loaded->lane_count; i++) {
		struct lane *lane = &loaded->lanes[i];

		free(lane->phv);
		free(lane->saved);
		free(lane->clone);
		again_clear(&lane->again);
		for (uint32_t depth = 0; depth < LOADED_CLONE_DEPTH; depth++)
			free(lane->clones[depth]);
	}
	free(loaded->lanes);
}

int loaded_open(const char *path, const struct loaded_home *home, struct hg_loaded **made, char *error)
{
	struct hg_loaded *loaded = calloc(1, sizeof(*loaded));
	int ret;

	if (!loaded)
		return fail(error, -ENOMEM, path, "out of memory");
	loaded->epoch = home->epoch;
	ret = open_object(loaded, path, error);
	if (ret)
		goto cleanup;
	fail(error, -ENOMEM, path, "out of memory");
	ret = -ENOMEM;
	loaded->groups = groups_new(home->epoch, home->max_groups);
	loaded->sessions = groups_new(home->epoch, HG_CLONE_SESSION);
	if (!loaded->groups || !loaded->sessions)
		goto cleanup;
	ret = make_tables(loaded, home->seed, error);
	if (!ret)
		ret = make_counters(loaded);
	if (!ret)
		ret = make_meters(loaded);
	if (!ret)
		ret = make_registers(loaded);
	if (!ret)
		ret = make_profiles(loaded, home->profiles);
	if (!ret)
		ret = digests_new(loaded->pipeline, home->digest_signal, &loaded->digests);
	if (!ret)
		ret = make_lanes(loaded, home);
cleanup:
	if (ret)
		loaded_close(loaded);
	else
		*made = loaded;
	return ret;
}

static void free_meters(struct hg_loaded *loaded)
{
	const struct hg_pipeline *pipeline = loaded->pipeline;

	for (uint32_t i = 0; loaded->meters && i < pipeline->meter_count; i++) {
		for (uint32_t cell = 0; loaded->meters[i] && cell < pipeline->meters[i].size; cell++)
			meter_clear(&loaded->meters[i][cell]);
		free(loaded->meters[i]);
	}
	free(loaded->meters);
}

void loaded_close(struct hg_loaded *loaded)
{
	if (!loaded)
		return;
	for (uint32_t i = 0; loaded->tables && i < loaded->pipeline->table_count; i++)
		table_free(loaded->tables[i]);
	free(loaded->tables);
	for (uint32_t i = 0; loaded->counters && i < loaded->pipeline->counter_count; i++) {
		free(loaded->counters[i].cells);
		free(loaded->counters[i].bases);
	}
	free(loaded->counters);
	free(loaded->cells);
	free_meters(loaded);
	for (uint32_t i = 0; loaded->registers && i < loaded->pipeline->register_count; i++)
		free(loaded->registers[i]);
	free(loaded->registers);
	free(loaded->register_locks);
	for (uint32_t i = 0; loaded->profiles && i < loaded->pipeline->profile_count; i++)
		profile_free(loaded->profiles[i]);
	free(loaded->profiles);
	free(loaded->choosable);
	groups_free(loaded->groups);
	groups_free(loaded->sessions);
	digests_free(loaded->digests);
	free_lanes(loaded);
	if (loaded->object)
		dlclose(loaded->object);
	free(loaded);
}
