/* SPDX-License-Identifier: Apache-2.0 */
/* What members have lost: whose loss it is, and whether it is pushed to one or to all. */
#include "cohort_run.h"

/* What so many lack is pushed to all: a share of the members, but two. */
#define MANY_SHARE 8
/* How long after the first has asked for it a hole may still be the same loss, beyond the round-trip time. */
#define HOLE_US 10000

/*
 * Of losses of the current window: when half of the members have some, it is the cohort's path that loses, or its pace
 * that is too high. When fewer have, but a queue has built up, each takes its share of the reduction, as it would
 * alone: of many copies that go through one queue, the last ones are lost. Else it is the member's own affair.
 */
void hg_cohort_lost(struct hg_engine *engine, uint32_t index)
{
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);
	uint32_t acked = hg_record_at(engine, index)->acked;

	if (!cohort || !member->entered || acked < cohort->point || acked < member->lost_point)
		return;
	member->lost_point = cohort->sent;
	if (cohort->progress >= cohort->losers_at || !cohort->losers) {
		cohort->losers = 0;
		cohort->losers_at = cohort->sent;
	}
	if (++cohort->losers * 2 >= cohort->entered) {
		hg_cubic_lost(&cohort->cubic, hg_least(cohort->sent - cohort->progress, cohort->cubic.window), hg_cohort_segment(cohort));
		cohort->point = cohort->sent;
		cohort->losers = 0;
	} else if (hg_cubic_is_late(&cohort->cubic, cohort->last_rtt)) {
		hg_cubic_share_lost(&cohort->cubic, cohort->entered, hg_cohort_segment(cohort));
	}
}

/* The hole that this is of, if it is still the same loss; else a new one in the oldest's place. */
static struct hg_cohort_hole *find_hole(struct hg_cohort *cohort, uint32_t start, uint32_t end, uint32_t now)
{
	struct hg_cohort_hole *oldest = cohort->holes;

	for (uint32_t i = 0; i < HG_COHORT_HOLES; i++) {
		struct hg_cohort_hole *hole = &cohort->holes[i];

		if (hole->wanted && (hole->pushed ? hole->start <= start && end <= hole->end : hole->start == start) &&
		    now - hole->seen_at < cohort->rtt.smoothed + HOLE_US)
			return hole;
		if (!hole->wanted || (oldest->wanted && hg_ahead(oldest->seen_at, hole->seen_at) > 0))
			oldest = hole;
	}
	*oldest = (struct hg_cohort_hole){ .start = start, .end = end, .seen_at = now };
	return oldest;
}

/* All of what one member lacks there, as long as a push may be. */
static void push_hole(struct hg_engine *engine, struct hg_cohort *cohort, const struct hg_flight *flight,
		      struct hg_cohort_hole *hole)
{
	struct hg_content *content = hg_contents_find(&engine->contents, cohort->content);
	uint32_t most = hg_outbox_run(&engine->outbox) / hg_cohort_segment(cohort) * hg_cohort_segment(cohort);
	struct hg_range range;

	if (most && hg_flight_first_lost(&engine->runs, flight, &range) && range.start == hole->start)
		hole->end = hg_least(range.end, hole->start + most);
	hole->pushed = true;
	hole->seen_at = engine->now;
	cohort->group_repairs += cohort->group_count;
	hg_count(engine, HG_TCP_cohort_group_repairs);
	hg_cohort_push(engine, cohort, content, hole->start, hole->end);
}

void hg_cohort_repaired(struct hg_engine *engine, uint32_t index, uint32_t bytes)
{
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);

	if (!cohort)
		return;
	cohort->repairs++;
	cohort->repair_bytes += bytes;
	member->repair_bytes += bytes;
	cohort->repairing[member->place] += bytes;
	cohort->stale = true;
	hg_count(engine, HG_TCP_cohort_repairs);
	engine->counters.values[HG_TCP_cohort_repair_bytes] += bytes;
}

bool hg_cohort_repair(struct hg_engine *engine, uint32_t index, uint32_t start, uint32_t end)
{
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);
	struct hg_cohort_hole *hole;

	if (!cohort || start < member->missing)
		return false;
	hole = find_hole(cohort, start, end, engine->now);
	if (hole->pushed)
		return true;
	if (hole->by == member->instance)
		return false;
	hole->by = member->instance;
	if (++hole->wanted < 2 || hole->wanted * MANY_SHARE < cohort->entered)
		return false;
	push_hole(engine, cohort, &hg_flow_at(engine, index)->flight, hole);
	return true;
}
