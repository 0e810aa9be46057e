/* SPDX-License-Identifier: Apache-2.0 */
/* What a running cohort pushes when, who leaves it, and how what many have lost is repaired. */
#include "engine.h"
#include "pacing.h"

/*
 * How long one member may hold the others up: this, as long as the slowest of the healthy
 * ones' answers take (RFC 6298's timeout without its least), since nobody can be heard of
 * sooner, and a share of the time since the last one had to leave. So the healthy ones
 * lose 6 % to the sick ones, and a client that only waits for its core stays.
 */
#define HOLD_US 20000
#define HOLD_SHARE 16

/* A member's entry in the switch's flow filter lasts one epoch at least; group pushes do not renew it. */
#define FILTER_US 30000000

/* So many pushes make a window, unless that would be longer than a push can be. */
#define RUN_WINDOW_SHARE 4

/* What so many lack is pushed to all: a share of the members, but two. */
#define MANY_SHARE 8
/* How long after the first has asked for it a hole may still be the same loss, beyond the round-trip time. */
#define HOLE_US 10000

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t segment_bytes(const struct hg_cohort *cohort)
{
	return cohort->segment * HG_SEQ_GRANULE;
}

/*
 * Has it everything, but for what a delayed acknowledgement may be about, and its program
 * has read it? Then its window is as wide as it was ever.
 */
static bool is_waiting(const struct hg_cohort *cohort, uint16_t place)
{
	uint32_t window = cohort->edges[place] - cohort->ackeds[place];

	return cohort->ackeds[place] + 2 * segment_bytes(cohort) >= cohort->sent && window >= cohort->widest[place] / 8 * 7;
}

/* Least and mean of those who follow, who have an entry. */
static void survey(struct hg_cohort *cohort)
{
	uint64_t edges = 0, reached = 0;

	cohort->edge = cohort->progress = cohort->acked = UINT32_MAX;
	cohort->waiting = 0;
	for (uint16_t i = 0; i < cohort->count; i++) {
		if (cohort->edges[i] == UINT32_MAX)
			continue;
		cohort->edge = least(cohort->edge, cohort->edges[i]);
		cohort->progress = least(cohort->progress, cohort->reached[i]);
		cohort->acked = least(cohort->acked, cohort->ackeds[i]);
		cohort->waiting = (uint16_t)(cohort->waiting + is_waiting(cohort, i));
		edges += cohort->edges[i];
		reached += cohort->reached[i];
	}
	cohort->mean_edge = (uint32_t)(edges / cohort->entered);
	cohort->mean_progress = (uint32_t)(reached / cohort->entered);
	cohort->stale = false;
}

static struct hg_pacing pacing_of(const struct hg_cohort *cohort)
{
	return (struct hg_pacing){ &cohort->cubic, cohort->rtt.smoothed, segment_bytes(cohort) };
}

/* [start, end) to every group; with FIN if it is the end. */
static void push(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content, uint32_t start,
		 uint32_t end)
{
	const struct hg_response *response = &content->responses[HG_RESPONSE_CONTENT];
	uint8_t flags = HG_TCP_ACK;

	if (end == cohort->length)
		flags |= HG_TCP_PSH | HG_TCP_FIN;
	for (uint8_t i = 0; i < cohort->group_count; i++)
		hg_outbox_put_group(&engine->outbox, cohort->groups[i], content, response, start, end - start,
				    segment_bytes(cohort), flags);
	cohort->pushes += cohort->group_count;
	cohort->payload_bytes += (uint64_t)(end - start) * cohort->group_count;
	engine->counters.values[HG_TCP_cohort_delivered_bytes] += (uint64_t)(end - start) * cohort->entered;
}

static void push_new(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content, uint32_t bytes)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t start = cohort->sent;

	cohort->sent += bytes;
	cohort->sent_at = engine->now;
	hg_rtt_sent(&cohort->rtt, cohort->sent, engine->now);
	cohort->pace_at = hg_pacing_next(&pacing, cohort->pace_at, bytes, engine->now);
	push(engine, cohort, content, start, cohort->sent);
}

/* What windows leave: the members', and the cohort's own. */
static uint32_t room_by_edge(const struct hg_cohort *cohort)
{
	return cohort->edge > cohort->sent ? cohort->edge - cohort->sent : 0;
}

static uint32_t room_by_window(const struct hg_cohort *cohort)
{
	uint32_t flight = cohort->sent - cohort->progress;

	return cohort->cubic.window > flight ? cohort->cubic.window - flight : 0;
}

/*
 * Several segments in one push: a share of the window, because what a push costs the
 * switch it costs once for each member, whatever its length.
 */
static uint32_t run_bytes(const struct hg_cohort *cohort, uint32_t left, uint32_t room, uint32_t most)
{
	uint32_t window = least(cohort->cubic.window, cohort->edge - cohort->acked);
	uint32_t goal = least(most, window / RUN_WINDOW_SHARE);

	if (left <= least(room, most))
		return left;
	if (room < goal && cohort->progress < cohort->sent)
		return 0;
	goal = least(room, goal) / segment_bytes(cohort) * segment_bytes(cohort);
	return goal ? goal : segment_bytes(cohort);
}

/* 0: nothing can be pushed before somebody has acknowledged something. */
static uint32_t new_bytes(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t left = cohort->length - cohort->sent;
	uint32_t room = least(room_by_edge(cohort), room_by_window(cohort));
	uint32_t most = hg_outbox_run(&engine->outbox);

	if (room < least(left, pacing.segment))
		return 0;
	if (most <= pacing.segment || room == pacing.segment)
		return least(left, pacing.segment);
	return run_bytes(cohort, left, room, most);
}

/*
 * Far behind the mean of all, by what it takes or by what reached it: a quarter of the
 * mean window, or of what is under way. Nobody is held up, though, before half of all
 * have nothing left to do: as long as programs are busy reading, as where many share a
 * core, a small window costs nothing.
 */
struct straggling {
	uint32_t edge, progress; /* who is below either is behind */
};

static struct straggling find_straggling(const struct hg_cohort *cohort)
{
	uint32_t window = cohort->mean_edge > cohort->mean_progress ? cohort->mean_edge - cohort->mean_progress : 0;
	uint32_t flight = cohort->sent - cohort->progress;

	return (struct straggling){
		.edge = cohort->mean_edge - window / 4,
		.progress = cohort->mean_progress > flight / 4 ? cohort->mean_progress - flight / 4 : 0,
	};
}

static uint32_t between(uint32_t low, uint32_t high)
{
	return high > low ? low + (high - low) / 2 : low;
}

/* Is it what the members take that keeps it from pushing, or what is under way? */
static bool is_bound_by_edge(const struct hg_cohort *cohort)
{
	return room_by_edge(cohort) <= room_by_window(cohort);
}

static bool is_held_up(const struct hg_cohort *cohort)
{
	struct straggling straggling = find_straggling(cohort);

	if (cohort->waiting * 2 < cohort->entered)
		return false;
	return is_bound_by_edge(cohort) ? cohort->edge < straggling.edge : cohort->progress < straggling.progress;
}

static uint32_t hold_limit(const struct hg_cohort *cohort, uint32_t now)
{
	return HOLD_US + cohort->rtt.smoothed + 4 * cohort->rtt.variation + (now - cohort->fair_at) / HOLD_SHARE;
}

static void let_stragglers_go(struct hg_engine *engine, struct hg_cohort *cohort)
{
	struct straggling straggling = find_straggling(cohort);
	bool by_edge = is_bound_by_edge(cohort);

	/* The worst of them: whose place is nearer to the last one's than to the others'. */
	straggling.edge = between(cohort->edge, straggling.edge);
	straggling.progress = between(cohort->progress, straggling.progress);
	for (uint16_t i = cohort->count; i-- > 0;) {
		const struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (by_edge ? cohort->edges[i] <= straggling.edge : cohort->reached[i] <= straggling.progress)
			hg_cohort_leave(engine, member->flow, HG_LEFT_BEHIND);
	}
	cohort->held_us = 0;
	cohort->fair_at = engine->now;
}

/* Is somebody holding the others up, and for too long? `blocked`: nothing can be pushed now. true: some had to leave. */
static bool judge(struct hg_engine *engine, struct hg_cohort *cohort, bool blocked)
{
	bool held = blocked && is_held_up(cohort);
	uint32_t held_us = cohort->held_us + (cohort->held_at ? engine->now - cohort->held_at : 0);

	if (held && held_us > hold_limit(cohort, engine->now)) {
		cohort->held_at = 0;
		let_stragglers_go(engine, cohort);
		return true;
	} else if (held && !cohort->held_at) {
		cohort->held_at = engine->now ? engine->now : 1;
	} else if (!held) {
		cohort->held_us = held_us;
		cohort->held_at = 0;
	}
	return false;
}

/* What reached everyone by now was acknowledged at least selectively: it says something of the window. */
static void grow(struct hg_engine *engine, struct hg_cohort *cohort, uint32_t before)
{
	uint32_t flight = cohort->sent - before;
	uint32_t used = flight + 2 * segment_bytes(cohort);
	uint32_t sample = hg_rtt_acked(&cohort->rtt, cohort->progress, engine->now);

	if (sample)
		hg_cubic_sampled(&cohort->cubic, sample);
	if (hg_cubic_in_slow_start(&cohort->cubic))
		used += flight;
	if (used >= cohort->cubic.window)
		hg_cubic_acked(&cohort->cubic, cohort->progress - before, segment_bytes(cohort), cohort->rtt.smoothed,
			       engine->now);
}

static void look(struct hg_engine *engine, struct hg_cohort *cohort)
{
	uint32_t before = cohort->progress;

	if (!cohort->stale)
		return;
	survey(cohort);
	if (cohort->progress > before)
		grow(engine, cohort, before);
}

/* Members whose entries were not written yet wait for them no longer than others did. */
static void dismiss_late(struct hg_engine *engine, struct hg_cohort *cohort)
{
	for (uint16_t i = cohort->count; i-- > 0 && cohort->entered < cohort->count;) {
		const struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		if (!member->entered && engine->now - member->joined_at > engine->cohorts.patience)
			hg_cohort_leave(engine, member->flow, HG_LEFT_LATE);
	}
}

/* An empty segment by a flow push renews a member's place in the switch's filter; each has its turn. */
static void refresh(struct hg_engine *engine, struct hg_cohort *cohort)
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

static uint32_t patience(const struct hg_cohort *cohort)
{
	return hg_rtt_timeout(&cohort->rtt, 0);
}

static void transmit(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t bytes;

	while (cohort->sent < cohort->length && cohort->entered > 1) {
		bytes = new_bytes(engine, cohort);
		if (judge(engine, cohort, bytes == 0)) {
			look(engine, cohort);
			continue;
		}
		if (!bytes || hg_pacing_holds(&pacing, cohort->pace_at, engine->now))
			return;
		push_new(engine, cohort, content, bytes);
	}
}

/*
 * Everything was pushed: the entries stay until it has passed the switch, which what
 * comes back tells, or as much time as the slowest answers take.
 */
static uint32_t drain_us(const struct hg_cohort *cohort)
{
	return HOLD_US + cohort->rtt.smoothed + 4 * cohort->rtt.variation;
}

static bool is_drained(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	return !cohort->entered || cohort->progress >= cohort->length || engine->now - cohort->sent_at > drain_us(cohort);
}

static void run(struct hg_engine *engine, struct hg_cohort *cohort)
{
	struct hg_content *content = hg_contents_find(&engine->contents, cohort->content);

	if (cohort->sent == cohort->length) {
		if (cohort->entered)
			look(engine, cohort);
		if (is_drained(engine, cohort))
			hg_cohort_end(engine, cohort, HG_LEFT_ALL_SENT);
		return;
	}
	dismiss_late(engine, cohort);
	if (!content || !hg_content_is_fit(engine, content) || cohort->entered == 0) {
		hg_cohort_end(engine, cohort, HG_LEFT_DISSOLVED);
		return;
	}
	look(engine, cohort);
	/* Alone, it has no need of entries. */
	if (cohort->count == 1) {
		hg_cohort_end(engine, cohort, HG_LEFT_LONE);
		return;
	}
	transmit(engine, cohort, content);
	if (cohort->sent == cohort->length || cohort->entered < 2)
		return; /* the next turn ends it, or finds others */
	if (engine->now - cohort->heard_at > patience(cohort))
		hg_cohort_end(engine, cohort, HG_LEFT_DISSOLVED);
	else if (cohort->count)
		refresh(engine, cohort);
}

void hg_cohort_run(struct hg_engine *engine, struct hg_cohort *cohort)
{
	if (cohort->answered)
		hg_cohort_admit(engine, cohort);
	if (cohort->unwanted) {
		hg_cohort_end(engine, cohort, HG_LEFT_DISSOLVED);
		return;
	}
	if (cohort->state == HG_COHORT_FORMING)
		hg_cohort_form(engine, cohort);
	if (cohort->state == HG_COHORT_RUNNING)
		run(engine, cohort);
}

static void give_up_forming(struct hg_engine *engine)
{
	engine->cohorts.forsaken = false;
	for (uint32_t i = 0; i < engine->cohorts.used; i++)
		if (engine->cohorts.cohorts[i].state == HG_COHORT_FORMING)
			hg_cohort_end(engine, &engine->cohorts.cohorts[i], HG_LEFT_LATE);
}

void hg_cohorts_run(struct hg_engine *engine)
{
	if (engine->cohorts.forsaken)
		give_up_forming(engine);
	for (uint32_t i = 0; i < engine->cohorts.used; i++)
		if (engine->cohorts.cohorts[i].state != HG_COHORT_FREE)
			hg_cohort_run(engine, &engine->cohorts.cohorts[i]);
}

static uint32_t sooner(uint32_t quiet, uint32_t at, uint32_t now)
{
	int32_t ahead = hg_ahead(at, now);

	return least(quiet, ahead > 0 ? (uint32_t)ahead : 0);
}

static uint32_t quiet_of(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t now = engine->now, quiet;

	if (cohort->state == HG_COHORT_FORMING)
		return sooner(UINT32_MAX, hg_ahead(cohort->closes_at, now) > 0 ? cohort->closes_at : cohort->late_at, now);
	if (cohort->sent == cohort->length)
		return is_drained(engine, cohort) ? 0 : sooner(UINT32_MAX, cohort->sent_at + drain_us(cohort) + 1, now);
	quiet = sooner(UINT32_MAX, cohort->heard_at + patience(cohort) + 1, now);
	quiet = sooner(quiet, cohort->refresh_at, now);
	if (hg_pacing_holds(&pacing, cohort->pace_at, now) && new_bytes(engine, cohort))
		quiet = sooner(quiet, cohort->pace_at, now);
	if (cohort->held_at)
		quiet = sooner(quiet, cohort->held_at + hold_limit(cohort, now) - least(cohort->held_us, HOLD_US) + 1, now);
	if (cohort->entered < 2)
		quiet = 0;
	if (cohort->entered < cohort->count)
		quiet = least(quiet, engine->cohorts.patience);
	return quiet;
}

uint32_t hg_cohorts_quiet(const struct hg_engine *engine)
{
	uint32_t quiet = UINT32_MAX;

	for (uint32_t i = 0; i < engine->cohorts.used; i++)
		if (engine->cohorts.cohorts[i].state != HG_COHORT_FREE)
			quiet = least(quiet, quiet_of(engine, &engine->cohorts.cohorts[i]));
	return quiet;
}

void hg_cohort_heard(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t highest = hg_scoreboard_highest(&flow->board);
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);
	uint32_t reached = highest > record->acked ? highest : record->acked;

	if (!cohort || !member->entered)
		return;
	/* What it came too late for is its own affair. */
	if (reached < member->missing)
		reached = member->missing;
	if (cohort->reached[member->place] == UINT32_MAX || reached > cohort->reached[member->place] ||
	    record->acked + flow->window > cohort->edges[member->place])
		cohort->heard_at = engine->now;
	cohort->edges[member->place] = record->acked + flow->window;
	if (flow->window > cohort->widest[member->place])
		cohort->widest[member->place] = flow->window;
	cohort->reached[member->place] = reached;
	cohort->ackeds[member->place] = record->acked;
	cohort->stale = true;
	/* Its own segments are few: its timers go by what the cohort measures. */
	if (cohort->rtt.smoothed) {
		flow->rtt.smoothed = cohort->rtt.smoothed;
		flow->rtt.variation = cohort->rtt.variation;
	}
}

/*
 * Of losses of the current window: when half of the members have some, it is the
 * cohort's path that loses, or its pace that is too high; else it is theirs.
 */
void hg_cohort_lost(struct hg_engine *engine, uint32_t index)
{
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);

	if (!cohort || !member->entered || hg_record_at(engine, index)->acked < cohort->point)
		return;
	if (cohort->progress >= cohort->losers_at || !cohort->losers) {
		cohort->losers = 0;
		cohort->losers_at = cohort->sent;
	}
	if (++cohort->losers * 2 < cohort->entered)
		return;
	hg_cubic_lost(&cohort->cubic, cohort->sent - cohort->progress, segment_bytes(cohort));
	cohort->point = cohort->sent;
	cohort->losers = 0;
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
static void push_hole(struct hg_engine *engine, struct hg_cohort *cohort, const struct hg_scoreboard *board,
		      struct hg_cohort_hole *hole)
{
	struct hg_content *content = hg_contents_find(&engine->contents, cohort->content);
	uint32_t most = hg_outbox_run(&engine->outbox) / segment_bytes(cohort) * segment_bytes(cohort);
	struct hg_range range;

	if (most && hg_scoreboard_hole(board, hole->start, least(board->lost, cohort->sent), &range) && range.start == hole->start)
		hole->end = least(range.end, hole->start + most);
	hole->pushed = true;
	hole->seen_at = engine->now;
	cohort->group_repairs += cohort->group_count;
	hg_count(engine, HG_TCP_cohort_group_repairs);
	push(engine, cohort, content, hole->start, hole->end);
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
	if (++hole->wanted < 2 || hole->wanted * MANY_SHARE < cohort->entered)
		return false;
	push_hole(engine, cohort, &hg_flow_at(engine, index)->board, hole);
	return true;
}
