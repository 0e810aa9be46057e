/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a running cohort give each other. */
#ifndef HG_COHORT_RUN_H
#define HG_COHORT_RUN_H

#include "engine.h"

static inline uint32_t hg_least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t hg_cohort_segment(const struct hg_cohort *cohort)
{
	return cohort->segment * HG_SEQ_GRANULE;
}

#define HG_COHORT_NO_SAMPLE UINT32_MAX

/* What windows leave: the members', and the cohort's own. */
static inline uint32_t hg_cohort_edge_room(const struct hg_cohort *cohort)
{
	return cohort->edge > cohort->sent ? cohort->edge - cohort->sent : 0;
}

static inline uint32_t hg_cohort_window_room(const struct hg_cohort *cohort)
{
	/* What is sent again takes the same queues. */
	uint32_t flight = cohort->sent - cohort->progress + cohort->mean_repairing;

	return cohort->cubic.window > flight ? cohort->cubic.window - flight : 0;
}

/* A turn of each of many programs that share a core. */
#define HG_COHORT_TURN_US 20000

/* As long as the slowest of the healthy ones' answers take: RFC 6298's timeout, with a turn for its least. */
static inline uint32_t hg_cohort_slowest_us(const struct hg_cohort *cohort)
{
	return HG_COHORT_TURN_US + cohort->rtt.smoothed + 4 * cohort->rtt.variation;
}

/* cohort_run.c */

/* [start, end) to every group; with FIN if it is the end. */
void hg_cohort_push(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content, uint32_t start,
		    uint32_t end);

/* cohort_members.c */

/* Least and mean of those who follow, who have an entry: there is one. */
void hg_cohort_survey(struct hg_cohort *cohort);
/* Members whose entries were not written yet wait for them no longer than others did. */
void hg_cohort_dismiss_late(struct hg_engine *engine, struct hg_cohort *cohort);
/* Asks those whose windows are shut where they stand, as a flow would alone; who never answers leaves. */
void hg_cohort_ask(struct hg_engine *engine, struct hg_cohort *cohort);
/* An empty segment by a flow push renews a member's place in the switch's filter; each has its turn. */
void hg_cohort_refresh(struct hg_engine *engine, struct hg_cohort *cohort);

/* cohort_judge.c */

/* Is somebody holding the others up, and for too long? `blocked`: nothing can be pushed now. true: some had to leave. */
bool hg_cohort_judge(struct hg_engine *engine, struct hg_cohort *cohort, bool blocked);
/*
 * How long anyone may hold the others up, in all (us): as long as answers take, and a share
 * of the whole time. So the healthy ones lose 3 % to the sick ones, however many, and the
 * answers' time to each; and a client that now and then waits for its core or its disk stays.
 */
uint32_t hg_cohort_hold_limit(const struct hg_cohort *cohort, uint32_t now);

#endif
