/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a running cohort: where they stand, and who needs to be asked. */
#include "cohort_run.h"

/* Without an answer, a retransmission timeout after the other: a client that only waits answers each. */
#define QUESTIONS_MAX 5

/* A member's entry in the switch's flow filter lasts one epoch at least; group pushes do not renew it. */
#define FILTER_US 30000000

void hg_cohort_survey(struct hg_cohort *cohort)
{
	uint64_t edges = 0, reached = 0, repairing = 0;

	cohort->edge = cohort->progress = cohort->acked = UINT32_MAX;
	/* What the farthest one's path takes without a queue is what a queue is told by. */
	cohort->cubic.lowest = 0;
	for (uint16_t i = 0; i < cohort->count; i++) {
		if (cohort->edges[i] == UINT32_MAX)
			continue;
		cohort->edge = hg_least(cohort->edge, cohort->edges[i]);
		cohort->progress = hg_least(cohort->progress, cohort->reached[i]);
		cohort->acked = hg_least(cohort->acked, cohort->ackeds[i]);
		edges += cohort->edges[i];
		reached += cohort->reached[i];
		repairing += cohort->repairing[i];
		if (cohort->lowest[i] > cohort->cubic.lowest)
			cohort->cubic.lowest = cohort->lowest[i];
	}
	cohort->mean_edge = (uint32_t)(edges / cohort->entered);
	cohort->mean_progress = (uint32_t)(reached / cohort->entered);
	cohort->mean_repairing = (uint32_t)(repairing / cohort->entered);
	cohort->stale = false;
}

void hg_cohort_dismiss_late(struct hg_engine *engine, struct hg_cohort *cohort)
{
	for (uint16_t i = cohort->count; i-- > 0 && cohort->entered < cohort->count;) {
		const struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (!member->entered && engine->now - member->joined_at > engine->cohorts.patience)
			hg_cohort_leave(engine, member->flow, HG_LEFT_LATE);
	}
}

void hg_cohort_ask(struct hg_engine *engine, struct hg_cohort *cohort)
{
	cohort->heard_at = engine->now;
	for (uint16_t i = cohort->count; i-- > 0;) {
		struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (!member->entered || cohort->edges[i] >= cohort->sent + hg_cohort_segment(cohort))
			continue;
		if (member->asked++ == QUESTIONS_MAX) {
			hg_cohort_leave(engine, member->flow, HG_LEFT_SILENT);
			continue;
		}
		hg_count(engine, HG_TCP_window_probes);
		hg_flow_probe(engine, member->flow);
	}
}

void hg_cohort_refresh(struct hg_engine *engine, struct hg_cohort *cohort)
{
	const struct hg_member *member;

	if (hg_ahead(engine->now, cohort->refresh_at) < 0)
		return;
	cohort->refresh_at = engine->now + FILTER_US / cohort->count;
	if (++cohort->refreshed >= cohort->count)
		cohort->refreshed = 0;
	member = &engine->cohorts.members[cohort->members[cohort->refreshed]];
	if (!member->entered || engine->now - member->joined_at < FILTER_US)
		return;
	hg_cohort_sync(engine, member->flow);
	hg_flow_send_ack(engine, member->flow);
}

bool hg_cohort_bears(struct hg_engine *engine, uint32_t index, uint32_t end)
{
	struct hg_member *member;

	if (!hg_cohort_of(engine, index, &member) || member->nudged)
		return false;
	member->nudged = end;
	return true;
}

void hg_cohort_probes(struct hg_engine *engine, uint32_t index)
{
	struct hg_member *member;
	const struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);

	if (!cohort || !member->entered)
		return;
	if (member->probed && cohort->reached[member->place] <= member->probed)
		hg_cohort_leave(engine, index, HG_LEFT_SILENT);
	else
		member->probed = hg_record_at(engine, index)->sent;
}

/*
 * One of those that are last has answered: how long what was pushed took. The one that took longest counts; if it was
 * something that was sent again, none does (Karn).
 */
static void time_last(struct hg_cohort *cohort, const struct hg_delivery *delivery)
{
	uint32_t rtt = delivery->now - delivery->once_at;

	if (!delivery->once || delivery->resent)
		cohort->sample = HG_COHORT_NO_SAMPLE;
	else if (rtt >= cohort->sample)
		cohort->sample = rtt ? rtt : 1;
}

void hg_cohort_heard(struct hg_engine *engine, uint32_t index, const struct hg_delivery *delivery)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);
	uint32_t reached = flow->flight.highest;
	uint32_t pipe = hg_flight_pipe(&flow->flight, 0), new = flow->flight.end - flow->flight.highest;

	if (!cohort || !member->entered)
		return;
	if (cohort->reached[member->place] <= cohort->progress && delivery->bytes)
		time_last(cohort, delivery);
	/* What it came too late for is its own affair. */
	if (reached < member->missing)
		reached = member->missing;
	if (cohort->reached[member->place] == UINT32_MAX || reached > cohort->reached[member->place] ||
	    record->acked + flow->window > cohort->edges[member->place]) {
		cohort->heard_at = engine->now;
		cohort->silences = 0;
	}
	member->asked = 0;
	if (reached > member->nudged)
		member->nudged = 0;
	cohort->edges[member->place] = record->acked + flow->window;
	if (flow->window > cohort->widest[member->place])
		cohort->widest[member->place] = flow->window;
	cohort->reached[member->place] = reached;
	cohort->ackeds[member->place] = record->acked;
	cohort->repairing[member->place] = pipe > new ? pipe - new : 0;
	cohort->lowest[member->place] = flow->cubic.lowest;
	cohort->stale = true;
}
