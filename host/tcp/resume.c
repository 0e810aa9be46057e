/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "engine.h"

/* How long flows of an earlier process wait for their content. */
#define ORPHAN_US 120000000

/* Clients are asked one after the other, so that their answers do not come all at once. */
#define ASK_EVERY_US 20
#define ASK_WITHIN_US 2000000

static void restore(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	hg_flow_begin(engine, index);
	flow->soft = HG_SOFT_SYNCHRONISED;
	hg_count(engine, HG_TCP_flows_restored);
	if (record->state == HG_FLOW_RESPONSE) {
		flow->soft |= HG_SOFT_RESUMING;
		hg_timeout_set(engine, index, HG_TIMEOUT_RESUME, ORPHAN_US);
		hg_timeout_schedule(engine, index);
		return;
	}
	/* The request's own count is the one that was stored whole. */
	if (record->state == HG_FLOW_REQUEST)
		record->header.ack_no = htonl(record->request_start + record->request.consumed);
	hg_timeout_arm(engine, index, true);
}

void hg_resume_all(struct hg_engine *engine)
{
	for (uint32_t i = 0; i < engine->table.fresh; i++)
		if (hg_record_at(engine, i)->state != HG_FLOW_FREE)
			restore(engine, i);
}

void hg_resume_content(struct hg_engine *engine, struct hg_content *content)
{
	uint32_t after = 0;

	content->resumed = true;
	for (uint32_t i = 0; i < engine->table.fresh; i++) {
		const struct hg_flow_record *record = hg_record_at(engine, i);

		if (record->state != HG_FLOW_RESPONSE || record->content != content->spec.id ||
		    !(hg_flow_at(engine, i)->soft & HG_SOFT_RESUMING))
			continue;
		content->flows++;
		hg_timeout_set(engine, i, HG_TIMEOUT_RESUME, after);
		hg_timeout_schedule(engine, i);
		if (after < ASK_WITHIN_US)
			after += ASK_EVERY_US;
	}
}
