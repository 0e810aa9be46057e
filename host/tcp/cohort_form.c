/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom: requests within a window become a cohort, if others are likely to come. */
#include <math.h>

#include "engine.h"

/* How long a request counts for the content's demand, in windows. */
#define DEMAND_WINDOWS 8
/* Of those that are remembered, so much must be there for others to be expected. */
#define DEMAND_LEAST 0.5f

/*
 * Requests of the last few windows, older ones counting less. A content that nobody has
 * asked for yet is taken to be in demand: what has just been published is what many come
 * for at once, and waiting in vain costs its first client one window.
 */
static bool is_in_demand(struct hg_content *content, uint32_t now, uint32_t window)
{
	float decayed = content->demand * expf(-(float)(now - content->demanded_at) / (float)(DEMAND_WINDOWS * window));
	bool expected = decayed >= DEMAND_LEAST || !content->demanded;

	content->demanded = true;
	content->demand = decayed + 1;
	content->demanded_at = now;
	return expected;
}

/* A late one must have room for what it missed, and for what comes while it catches up. */
static bool fits(const struct hg_cohort *cohort, const struct hg_flow *flow)
{
	uint32_t window = cohort->cubic.window / 2;

	return cohort->sent < cohort->length && cohort->sent < flow->window && window < flow->window - cohort->sent;
}

static struct hg_cohort *find_cohort(const struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	const struct hg_flow *flow = hg_flow_at(engine, index);

	for (uint32_t i = 0; i < engine->cohorts.used; i++) {
		struct hg_cohort *cohort = &engine->cohorts.cohorts[i];

		if (cohort->state == HG_COHORT_FREE || cohort->content != record->content ||
		    cohort->segment != flow->segment)
			continue;
		if (cohort->state == HG_COHORT_FORMING ? hg_ahead(cohort->closes_at, engine->now) > 0 : fits(cohort, flow))
			return cohort;
	}
	return NULL;
}

bool hg_cohort_invite(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);
	struct hg_cohort *cohort;
	bool in_demand;

	if (!engine->cohorts.watched || !engine->cohorts.window || record->response != HG_RESPONSE_CONTENT || !response ||
	    response->length < HG_COHORT_LENGTH_MIN || !hg_flow_has_sack(record) || record->sent ||
	    record->flags & HG_FLOW_ADOPTED)
		return false;
	in_demand = is_in_demand(content, engine->now, engine->cohorts.window);
	flow->window = hg_flow_window(record, pull->window);
	cohort = find_cohort(engine, index);
	if (!cohort && in_demand) {
		cohort = hg_cohort_new(engine, record->content, response->length, flow->segment);
		if (cohort) {
			cohort->closes_at = engine->now + engine->cohorts.window;
			cohort->late_at = cohort->closes_at + engine->cohorts.patience;
		}
	}
	/* Nothing was sent to it: what it acknowledges is where its response begins. */
	return cohort && hg_cohort_join(engine, cohort, index, pull->ack);
}

/* From here on it gets what the cohort pushes; what was pushed before is a hole like any other. */
static void follow(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_member *member)
{
	struct hg_flow_record *record = hg_record_at(engine, member->flow);
	struct hg_flow *flow = hg_flow_at(engine, member->flow);

	member->missing = cohort->sent;
	if (cohort->sent > record->sent) {
		record->sent = cohort->sent;
		hg_flow_lose_all(engine, member->flow);
		flow->recovery.state = HG_RECOVERY_TIMEOUT;
		flow->recovery.point = cohort->sent;
	}
	hg_cohort_heard(engine, member->flow, &(struct hg_delivery){ .now = engine->now });
	hg_transmit(engine, member->flow);
	hg_timeout_arm(engine, member->flow, true);
}

static void enter(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_member *member)
{
	if (cohort->state == HG_COHORT_RUNNING && !fits(cohort, hg_flow_at(engine, member->flow))) {
		hg_cohort_leave(engine, member->flow, HG_LEFT_LATE);
		return;
	}
	member->entered = true;
	cohort->entered++;
	if (cohort->state == HG_COHORT_RUNNING) {
		cohort->joined_late++;
		hg_count(engine, HG_TCP_cohort_late_joins);
		follow(engine, cohort, member);
	}
}

void hg_cohort_admit(struct hg_engine *engine, struct hg_cohort *cohort)
{
	cohort->answered = false;
	for (uint16_t i = cohort->count; i-- > 0;) {
		struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (member->entry == HG_ENTRY_REFUSED)
			hg_cohort_leave(engine, member->flow, HG_LEFT_LATE);
		else if (member->entry == HG_ENTRY_STANDS && !member->entered)
			enter(engine, cohort, member);
	}
}

static void begin(struct hg_engine *engine, struct hg_cohort *cohort)
{
	hg_count(engine, HG_TCP_cohorts_run);
	cohort->state = HG_COHORT_RUNNING;
	cohort->heard_at = cohort->run_at = cohort->refresh_at = engine->now;
	cohort->pace_at = engine->now;
	hg_cubic_init(&cohort->cubic, cohort->segment * HG_SEQ_GRANULE);
	for (uint16_t i = 0; i < cohort->count; i++)
		follow(engine, cohort, &engine->cohorts.members[cohort->members[i]]);
}

void hg_cohort_form(struct hg_engine *engine, struct hg_cohort *cohort)
{
	bool late = hg_ahead(engine->now, cohort->late_at) >= 0;

	if (hg_ahead(cohort->closes_at, engine->now) > 0 && cohort->count < engine->cohorts.most)
		return;
	if (cohort->count < 2) {
		hg_cohort_end(engine, cohort, HG_LEFT_LONE);
		return;
	}
	if (cohort->entered < cohort->count && !late)
		return;
	for (uint16_t i = cohort->count; i-- > 0;) {
		const struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (!member->entered)
			hg_cohort_leave(engine, member->flow, HG_LEFT_LATE);
	}
	if (cohort->count < 2 || !cohort->group_count)
		hg_cohort_end(engine, cohort, HG_LEFT_LATE);
	else
		begin(engine, cohort);
}
