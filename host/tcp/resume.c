/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "engine.h"

/*
 * How long such flows wait for their content, which a controller that is away adds when
 * it is back. A client that has everything acknowledged asks for nothing by itself: it
 * would wait for ever for a flow that is forgotten.
 */
#define ORPHAN_US 1800000000

/* Clients are asked one after the other, so that their answers do not come all at once: 50,000 a second. */
#define ASK_EVERY_US 20
#define ASK_WITHIN_US (HG_FLOWS_MAX * ASK_EVERY_US)

static void set_in_turn(struct hg_engine *engine, uint32_t index, enum hg_flow_timeout timeout)
{
	uint32_t after = engine->ask_at - engine->now;

	/* The last one's turn has passed. */
	if (after > ASK_WITHIN_US)
		after = 0;
	hg_timeout_set(engine, index, timeout, after);
	hg_timeout_schedule(engine, index);
	engine->ask_at = engine->now + after + ASK_EVERY_US;
}

static void ask_in_turn(struct hg_engine *engine, uint32_t index)
{
	hg_flow_at(engine, index)->backoff = 0;
	set_in_turn(engine, index, HG_TIMEOUT_RESUME);
}

void hg_resume_wait(struct hg_engine *engine, uint32_t index)
{
	hg_timeout_set(engine, index, HG_TIMEOUT_RESUME, ORPHAN_US);
	hg_timeout_schedule(engine, index);
}

void hg_resume_flow(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_content *content = hg_contents_find(&engine->contents, record->content);

	if (record->state == HG_FLOW_CLOSING) {
		hg_timeout_arm(engine, index, true);
		return;
	}
	record->flags |= HG_FLOW_ADOPTED | HG_FLOW_HANDED_OVER;
	hg_flow_at(engine, index)->soft |= HG_SOFT_RESUMING;
	if (content && record->state == HG_FLOW_RESPONSE)
		content->flows++;
	if (content && content->resumed)
		ask_in_turn(engine, index);
	else
		hg_resume_wait(engine, index);
}

void hg_resume_again(struct hg_engine *engine, uint32_t index)
{
	const struct hg_content *content = hg_contents_find(&engine->contents, hg_record_at(engine, index)->content);
	struct hg_flow *flow = hg_flow_at(engine, index);

	if (flow->soft & HG_SOFT_RESUMING) {
		if (content && content->resumed)
			ask_in_turn(engine, index);
	} else if (flow->backoff && (flow->timeout == HG_TIMEOUT_RETRANSMIT || flow->timeout == HG_TIMEOUT_PERSIST)) {
		/* As RFC 6069: that nothing came had another reason than congestion. */
		flow->backoff = 1;
		set_in_turn(engine, index, flow->timeout);
	}
}

/* Another host may have gone on with it meanwhile: it is as if it came from there. */
static void restore(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	hg_flow_begin(engine, index);
	hg_flow_at(engine, index)->soft = HG_SOFT_SYNCHRONISED;
	hg_count(engine, HG_TCP_flows_restored);
	/* The request's own count is the one that was stored whole. */
	if (record->state == HG_FLOW_REQUEST)
		record->header.ack_no = htonl(record->request_start + record->request.consumed);
	hg_resume_flow(engine, index);
}

void hg_resume_all(struct hg_engine *engine)
{
	for (uint32_t i = 0; i < engine->table.fresh; i++)
		if (hg_record_at(engine, i)->state != HG_FLOW_FREE)
			restore(engine, i);
}

void hg_resume_count(struct hg_engine *engine, struct hg_content *content)
{
	for (uint32_t i = 0; i < engine->table.fresh; i++) {
		const struct hg_flow_record *record = hg_record_at(engine, i);

		content->flows += record->state == HG_FLOW_RESPONSE && record->content == content->spec.id;
	}
}

void hg_resume_content(struct hg_engine *engine, struct hg_content *content)
{
	content->resumed = true;
	for (uint32_t i = 0; i < engine->table.fresh; i++) {
		const struct hg_flow_record *record = hg_record_at(engine, i);

		if (record->state != HG_FLOW_FREE && record->content == content->spec.id &&
		    hg_flow_at(engine, i)->soft & HG_SOFT_RESUMING)
			ask_in_turn(engine, i);
	}
}
