/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds the others up, and for how long he may. */
#include "cohort_run.h"

/* Of all the time that a cohort is likely to take, those who are sick may cost it so much: 3 %. */
#define COST_SHARE 32
/* And one of them, where that is long. */
#define COST_MOST_US 1000000

/*
 * Far behind the mean of all, by what it takes or by what reached it: a quarter of the
 * mean window, or of what is under way.
 */
struct straggling {
	bool by_edge; /* is it what the members take that keeps it from pushing, or what is under way? */
	uint32_t edge, progress; /* who is below either is behind */
};

static bool is_bound_by_edge(const struct hg_cohort *cohort)
{
	return hg_cohort_edge_room(cohort) <= hg_cohort_window_room(cohort);
}

static struct straggling find_straggling(const struct hg_cohort *cohort)
{
	uint32_t window = cohort->mean_edge > cohort->mean_progress ? cohort->mean_edge - cohort->mean_progress : 0;
	uint32_t flight = cohort->sent - cohort->progress;

	return (struct straggling){
		.by_edge = is_bound_by_edge(cohort),
		.edge = cohort->mean_edge - window / 4,
		.progress = cohort->mean_progress > flight / 4 ? cohort->mean_progress - flight / 4 : 0,
	};
}

/* Answers come as fast as they ever did: what is under way is on its way, and waits for nobody. */
static bool is_path_free(const struct hg_cohort *cohort)
{
	return cohort->rtt.smoothed <= hg_cubic_lowest_rtt(&cohort->cubic) / 2 * 3;
}

/*
 * What a healthy one may need: a turn of its program, and until that is heard of here. When
 * it is an acknowledgement that is missing, as long as the slowest take.
 */
static uint32_t excused_us(const struct hg_cohort *cohort)
{
	return is_bound_by_edge(cohort) ? HG_COHORT_TURN_US + cohort->rtt.smoothed : hg_cohort_slowest_us(cohort);
}

/*
 * For longer than a healthy one may need, nobody has acknowledged or read anything: whoever
 * has room is done with what it has, also where its kernel gives it less than it once did.
 */
static bool is_still(const struct hg_cohort *cohort, uint32_t now)
{
	return now - cohort->heard_at > excused_us(cohort);
}

/*
 * Could it do with more? Its program has read what came, so that its window is as wide as
 * it ever was; and it has everything, but for what a delayed acknowledgement may be about,
 * or what is on its way to it is no work for anybody.
 */
static bool is_waiting(const struct hg_cohort *cohort, const struct straggling *straggling, uint16_t place, bool still)
{
	uint32_t window = cohort->edges[place] - cohort->ackeds[place];

	if (cohort->edges[place] == UINT32_MAX)
		return false;
	if (window < cohort->widest[place] / 8 * 7 && !(still && cohort->edges[place] > straggling->edge))
		return false;
	if (cohort->ackeds[place] + 2 * hg_cohort_segment(cohort) >= cohort->sent)
		return true;
	if (straggling->by_edge)
		return is_path_free(cohort);
	return cohort->sent - cohort->reached[place] <= (cohort->sent - cohort->progress) / 2;
}

/* How many are held up by those who are behind. */
static uint16_t count_waiting(const struct hg_cohort *cohort, const struct straggling *straggling, uint32_t now)
{
	bool still = is_still(cohort, now);
	uint16_t waiting = 0;

	if (straggling->by_edge ? cohort->edge >= straggling->edge : cohort->progress >= straggling->progress)
		return 0;
	for (uint16_t i = 0; i < cohort->count; i++)
		waiting = (uint16_t)(waiting + is_waiting(cohort, straggling, i, still));
	return waiting;
}

static uint32_t held_us(const struct hg_member *member)
{
	return member->held / HG_HELD_SCALE;
}

static uint32_t between(uint32_t low, uint32_t high)
{
	return high > low ? low + (high - low) / 2 : low;
}

/* What it lacks has been under way for longer than its own path takes, with a queue as long again and a turn of its program. */
static bool is_overdue(const struct hg_engine *engine, const struct hg_cohort *cohort, uint16_t place)
{
	const struct hg_member *member = &engine->cohorts.members[cohort->members[place]];
	uint32_t lowest = hg_cubic_lowest_rtt(&hg_flow_at(engine, member->flow)->cubic);
	uint32_t first = hg_push_log_find(&cohort->log, cohort->reached[place]);

	return first != cohort->log.put &&
	       engine->now - hg_push_log_at(&cohort->log, first)->at > HG_COHORT_TURN_US + 2 * lowest;
}

/* Whose place is nearer to the last one's than to the others': from now on it costs them time. */
static void blame(struct hg_engine *engine, struct hg_cohort *cohort, const struct straggling *straggling)
{
	uint32_t edge = between(cohort->edge, straggling->edge);
	uint32_t progress = between(cohort->progress, straggling->progress);

	cohort->held_at = engine->now ? engine->now : 1;
	cohort->held_most = 0;
	for (uint16_t i = 0; i < cohort->count; i++) {
		struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		member->lags = straggling->by_edge ? cohort->edges[i] <= edge :
						     cohort->reached[i] <= progress && is_overdue(engine, cohort, i);
		if (member->lags && held_us(member) > cohort->held_most)
			cohort->held_most = held_us(member);
	}
}

/*
 * Since it was last looked at, those who lagged then have held the others up. Where fewer
 * than half of all wait it counts less, in proportion: as long as programs are busy
 * reading, as where many share a core, a small window costs little.
 */
static void charge(struct hg_engine *engine, struct hg_cohort *cohort)
{
	uint64_t time = (uint64_t)(engine->now - cohort->held_at) * HG_HELD_SCALE;
	uint32_t held = (uint32_t)(cohort->waiting * 2u < cohort->entered ? time * 2 * cohort->waiting / cohort->entered : time);

	cohort->held_at = 0;
	for (uint16_t i = 0; i < cohort->count; i++) {
		struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (member->lags)
			member->held += held;
		member->lags = false;
	}
}

/*
 * As long as all of it is likely to take, at the pace that it has when those do not hold it
 * up; 0: as long as that grows with each round trip, it says nothing.
 */
static uint64_t expected_us(const struct hg_cohort *cohort, uint32_t now)
{
	uint32_t all = now - cohort->run_at;
	uint32_t held = cohort->cost_us + cohort->held_most + (cohort->held_at ? now - cohort->held_at : 0);

	if (!cohort->sent || hg_cubic_in_slow_start(&cohort->cubic))
		return 0;
	return (uint64_t)(all - hg_least(held, all)) * cohort->length / cohort->sent;
}

uint32_t hg_cohort_hold_limit(const struct hg_cohort *cohort, uint32_t now)
{
	uint64_t cost = expected_us(cohort, now) / COST_SHARE;
	/* Half of what is left is for those who come later. */
	uint64_t left = cost > cohort->cost_us ? (cost - cohort->cost_us) / 2 : 0;

	return excused_us(cohort) + (left < COST_MOST_US ? (uint32_t)left : COST_MOST_US);
}

static bool let_stragglers_go(struct hg_engine *engine, struct hg_cohort *cohort)
{
	uint32_t limit = hg_cohort_hold_limit(cohort, engine->now), most = 0;

	for (uint16_t i = cohort->count; i-- > 0;) {
		const struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (!member->lags || held_us(member) <= limit)
			continue;
		most = held_us(member) > most ? held_us(member) : most;
		hg_cohort_leave(engine, member->flow, HG_LEFT_BEHIND);
	}
	cohort->cost_us += most;
	return most > 0;
}

bool hg_cohort_judge(struct hg_engine *engine, struct hg_cohort *cohort, bool blocked)
{
	struct straggling straggling = find_straggling(cohort);

	if (cohort->held_at)
		charge(engine, cohort);
	cohort->waiting = blocked ? count_waiting(cohort, &straggling, engine->now) : 0;
	if (!cohort->waiting)
		return false;
	blame(engine, cohort, &straggling);
	return cohort->held_most > hg_cohort_hold_limit(cohort, engine->now) && let_stragglers_go(engine, cohort);
}
