/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads ask of the engine: short, and under its lock. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>

#include "engine.h"
#include "error.h"

static void describe(const struct hg_content *content, struct hg_content_status *status)
{
	status->spec = content->spec;
	status->state = atomic_load_explicit(&content->state, memory_order_acquire);
	status->file_bytes = (uint64_t)content->status.st_size;
	status->response_bytes = content->responses[HG_RESPONSE_CONTENT].length;
	status->prepared_bytes = atomic_load_explicit(&content->prepared, memory_order_relaxed);
	status->flows = content->flows;
	status->error[0] = '\0';
	if (status->state == HG_CONTENT_WITHDRAWN)
		memcpy(status->error, content->error, sizeof(status->error));
}

static int add(struct hg_engine *engine, const struct hg_content_spec *spec, struct hg_content_status *status,
	       char *error)
{
	struct hg_content *content = hg_contents_find(&engine->contents, spec->id);
	enum hg_content_state draining = HG_CONTENT_DRAINING;
	bool is_new;
	int ret;

	if (content && content->state == HG_CONTENT_WITHDRAWN) {
		hg_flows_reset(engine, spec->id, true);
		hg_outbox_flush(&engine->outbox);
		hg_contents_remove(&engine->contents, content);
		content = NULL;
	}
	is_new = !content;
	ret = hg_contents_add(&engine->contents, spec, engine->wake, &content, error);
	if (ret)
		return ret;
	if (is_new)
		hg_resume_count(engine, content);
	atomic_compare_exchange_strong(&content->state, &draining, HG_CONTENT_READY);
	describe(content, status);
	return 0;
}

int hg_engine_add_content(struct hg_engine *engine, const struct hg_content_spec *spec,
			  struct hg_content_status *status, char *error)
{
	int ret;

	hg_engine_enter(engine);
	ret = add(engine, spec, status, error);
	hg_engine_leave(engine);
	return ret;
}

int hg_engine_remove_content(struct hg_engine *engine, uint32_t id, bool reset, struct hg_content_status *status,
			     char *error)
{
	enum hg_content_state ready = HG_CONTENT_READY;
	struct hg_content *content;
	int ret = 0;

	hg_engine_enter(engine);
	content = hg_contents_find(&engine->contents, id);
	if (!content) {
		ret = hg_fail(error, -ENOENT, "there is no content %" PRIu32, id);
		goto leave;
	}
	/* Of one that was withdrawn there is nothing to finish, and its flows may not have been told yet. */
	if (reset || content->state == HG_CONTENT_WITHDRAWN)
		hg_flows_reset(engine, id, true);
	atomic_compare_exchange_strong(&content->state, &ready, HG_CONTENT_DRAINING);
	describe(content, status);
	/* What does not serve has nothing to drain. */
	if (content->flows == 0 || !hg_content_serves(content)) {
		hg_outbox_flush(&engine->outbox);
		hg_contents_remove(&engine->contents, content);
	}
leave:
	hg_engine_leave(engine);
	return ret;
}

uint32_t hg_engine_contents(struct hg_engine *engine, uint32_t from, struct hg_content_status *statuses, uint32_t count)
{
	uint32_t place, n = 0;

	hg_engine_enter(engine);
	for (place = hg_contents_from(&engine->contents, from); place < engine->contents.count && n < count; place++)
		describe(engine->contents.contents[place], &statuses[n++]);
	hg_engine_leave(engine);
	return n;
}

static void describe_flow(const struct hg_engine *engine, uint32_t index, struct hg_flow_status *status)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	const struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);
	/* A flow that has more is of another content, which had this number before. */
	bool is_of = response && record->state != HG_FLOW_REQUEST && record->sent <= response->length;

	*status = (struct hg_flow_status){
		.id = index,
		.header = record->header,
		.content = record->content,
		.acked = record->acked,
		.sent = record->sent,
		.length = is_of ? response->length : 0,
		.request = record->request,
		.state = record->state,
		.response = record->response,
		.client_fin = record->flags & HG_FLOW_CLIENT_FIN,
		.window = flow->window,
		.congestion_window = flow->cubic.window,
		.rtt_us = flow->rtt.smoothed,
		.recovering = flow->recovery.state != HG_RECOVERY_NONE,
	};
}

uint32_t hg_engine_flows(struct hg_engine *engine, uint32_t from, struct hg_flow_status *statuses, uint32_t count)
{
	uint32_t n = 0;

	hg_engine_enter(engine);
	for (uint32_t i = from; i < engine->table.fresh && n < count; i++)
		if (hg_record_at(engine, i)->state != HG_FLOW_FREE)
			describe_flow(engine, i, &statuses[n++]);
	hg_engine_leave(engine);
	return n;
}

int hg_engine_adopt_flows(struct hg_engine *engine, const struct hg_flow_status *statuses, uint32_t count,
			  uint32_t *made, char *error)
{
	uint32_t i, index = 0;
	int ret = 0;

	*made = 0;
	hg_engine_enter(engine);
	hg_flow_table_reserve(&engine->table);
	for (i = 0; i < count && index != HG_FLOW_NONE; i++)
		*made += hg_flow_adopt(engine, &statuses[i], &index);
	if (index == HG_FLOW_NONE)
		ret = hg_fail(error, -ENOSPC, "flow %" PRIu32 " of %" PRIu32 ": there are %" PRIu32 " flows here, and room for no more",
			      i, count, engine->table.used);
	hg_engine_leave(engine);
	/* The loop sleeps as long as its own timers let it. */
	eventfd_write(engine->wake, 1);
	return ret;
}

uint32_t hg_engine_forget_flows(struct hg_engine *engine, const struct hg_flow_key *keys, uint32_t count)
{
	uint32_t forgotten = 0;

	hg_engine_enter(engine);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = hg_flow_table_find(&engine->table, &keys[i]);

		if (index == HG_FLOW_NONE)
			continue;
		hg_count(engine, HG_TCP_flows_forgotten);
		hg_flow_close(engine, index);
		forgotten++;
	}
	hg_engine_leave(engine);
	return forgotten;
}

void hg_engine_totals(struct hg_engine *engine, struct hg_engine_totals *totals)
{
	hg_engine_enter(engine);
	totals->counters = engine->counters;
	totals->flows = engine->table.used;
	totals->contents = engine->contents.count;
	hg_host_link_status(engine, &totals->link);
	hg_engine_leave(engine);
}
