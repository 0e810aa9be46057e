/* SPDX-License-Identifier: Apache-2.0 */
/* What a running cohort pushes, and when. */
#include "cohort_run.h"
#include "pacing.h"

/* So many pushes make a window, unless that would be longer than a push can be. */
#define RUN_WINDOW_SHARE 4

/* Retransmission timeouts in a row without a word from anybody: then everyone goes alone. */
#define SILENCES_MAX 3

static struct hg_pacing pacing_of(const struct hg_cohort *cohort)
{
	return (struct hg_pacing){ &cohort->cubic, cohort->rtt.smoothed, hg_cohort_segment(cohort) };
}

void hg_cohort_push(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content, uint32_t start,
		    uint32_t end)
{
	const struct hg_response *response = &content->responses[HG_RESPONSE_CONTENT];
	uint8_t flags = HG_TCP_ACK;

	if (end == cohort->length)
		flags |= HG_TCP_PSH | HG_TCP_FIN;
	for (uint8_t i = 0; i < cohort->group_count; i++)
		hg_outbox_put_group(&engine->outbox, cohort->groups[i], content, response, start, end - start,
				    hg_cohort_segment(cohort), flags);
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
	hg_push_log_add(&cohort->log, cohort->sent, engine->now);
	cohort->pace_at = hg_pacing_next(&pacing, cohort->pace_at, bytes, engine->now);
	hg_cohort_push(engine, cohort, content, start, cohort->sent);
}

/*
 * Several segments in one push, because what a push costs the switch it costs once for each member, whatever its length:
 * what pacing lets through at once, as a flow's, and no more than a share of the window. 0: nothing can be pushed before
 * somebody has acknowledged something.
 */
static uint32_t new_bytes(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t left = cohort->length - cohort->sent;
	uint32_t room = hg_least(hg_cohort_edge_room(cohort), hg_cohort_window_room(cohort));
	uint32_t window = hg_least(cohort->cubic.window, cohort->edge - cohort->acked);
	uint32_t most = hg_least(hg_outbox_run(&engine->outbox), window / RUN_WINDOW_SHARE);

	if (room < hg_least(left, pacing.segment))
		return 0;
	if (most <= pacing.segment || room == pacing.segment)
		return hg_least(left, pacing.segment);
	return hg_pacing_run(&pacing, left, room, window, most, cohort->progress < cohort->sent);
}

/* What reached everyone by now was acknowledged at least selectively: it says something of the window. */
static void grow(struct hg_engine *engine, struct hg_cohort *cohort, uint32_t before)
{
	uint32_t flight = cohort->sent - before;
	uint32_t used = flight + 2 * hg_cohort_segment(cohort);

	if (cohort->sample && cohort->sample != HG_COHORT_NO_SAMPLE) {
		cohort->last_rtt = cohort->sample;
		hg_rtt_sample(&cohort->rtt, cohort->sample);
		hg_cubic_sampled(&cohort->cubic, cohort->sample, cohort->progress, cohort->sent);
	}
	if (hg_cubic_in_slow_start(&cohort->cubic))
		used += flight;
	if (used >= cohort->cubic.window)
		hg_cubic_acked(&cohort->cubic, cohort->progress - before, hg_cohort_segment(cohort), cohort->rtt.smoothed,
			       engine->now);
}

static void look(struct hg_engine *engine, struct hg_cohort *cohort)
{
	uint32_t before = cohort->progress;

	if (!cohort->stale)
		return;
	hg_cohort_survey(cohort);
	if (cohort->progress > before)
		grow(engine, cohort, before);
	cohort->sample = 0;
}

static uint32_t patience(const struct hg_cohort *cohort)
{
	return hg_rtt_timeout(&cohort->rtt, cohort->silences);
}

static void transmit(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t bytes;

	while (cohort->sent < cohort->length && cohort->entered > 1) {
		bytes = new_bytes(engine, cohort);
		if (hg_cohort_judge(engine, cohort, bytes == 0)) {
			look(engine, cohort);
			continue;
		}
		if (!bytes || hg_pacing_holds(&pacing, cohort->pace_at, engine->now) ||
		    !hg_host_link_admits(engine, HG_SENDER_COHORT | (uint32_t)(cohort - engine->cohorts.cohorts)))
			return;
		push_new(engine, cohort, content, bytes);
	}
}

/*
 * Everything was pushed: the entries stay until it has passed the switch, which what
 * comes back tells, or as much time as the slowest answers take.
 */
static bool is_drained(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	return !cohort->entered || cohort->progress >= cohort->length || engine->now - cohort->sent_at > hg_cohort_slowest_us(cohort);
}

/* Nobody has said anything: what came of it may only be late, on either way. */
static void push_first_again(struct hg_engine *engine, struct hg_cohort *cohort, struct hg_content *content)
{
	hg_count(engine, HG_TCP_cohort_group_repairs);
	cohort->group_repairs += cohort->group_count;
	cohort->heard_at = engine->now;
	hg_cohort_push(engine, cohort, content, cohort->acked,
		       hg_least(cohort->acked + hg_cohort_segment(cohort), cohort->sent));
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
	hg_cohort_dismiss_late(engine, cohort);
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
	hg_cohort_refresh(engine, cohort);
	/* Nobody can answer what waits for the host link. */
	if (cohort->link_waits)
		cohort->heard_at = engine->now;
	if (engine->now - cohort->heard_at <= patience(cohort))
		return;
	/* Windows that are shut are no failure. */
	if (cohort->progress == cohort->sent)
		hg_cohort_ask(engine, cohort);
	else if (++cohort->silences < SILENCES_MAX)
		push_first_again(engine, cohort, content);
	else
		hg_cohort_end(engine, cohort, HG_LEFT_DISSOLVED);
}

void hg_cohort_run(struct hg_engine *engine, struct hg_cohort *cohort)
{
	if (cohort->state == HG_COHORT_FREE)
		return;
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
		hg_cohort_run(engine, &engine->cohorts.cohorts[i]);
}

static uint32_t sooner(uint32_t quiet, uint32_t at, uint32_t now)
{
	int32_t ahead = hg_ahead(at, now);

	return hg_least(quiet, ahead > 0 ? (uint32_t)ahead : 0);
}

static uint32_t quiet_of(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	struct hg_pacing pacing = pacing_of(cohort);
	uint32_t now = engine->now, quiet;

	if (cohort->state == HG_COHORT_FORMING)
		return sooner(UINT32_MAX, hg_ahead(cohort->closes_at, now) > 0 ? cohort->closes_at : cohort->late_at, now);
	if (cohort->link_waits)
		return engine->cohorts.patience;
	if (cohort->sent == cohort->length)
		return is_drained(engine, cohort) ? 0 : sooner(UINT32_MAX, cohort->sent_at + hg_cohort_slowest_us(cohort) + 1, now);
	quiet = sooner(UINT32_MAX, cohort->heard_at + patience(cohort) + 1, now);
	quiet = sooner(quiet, cohort->refresh_at, now);
	if (hg_pacing_holds(&pacing, cohort->pace_at, now) && new_bytes(engine, cohort))
		quiet = sooner(quiet, cohort->pace_at, now);
	if (cohort->held_at)
		quiet = sooner(quiet, cohort->held_at + hg_cohort_hold_limit(cohort, now) - cohort->held_most + 1, now);
	if (cohort->entered < 2)
		quiet = 0;
	if (cohort->entered < cohort->count)
		quiet = hg_least(quiet, engine->cohorts.patience);
	return quiet;
}

uint32_t hg_cohorts_quiet(const struct hg_engine *engine)
{
	uint32_t quiet = UINT32_MAX;

	for (uint32_t i = 0; i < engine->cohorts.used; i++)
		if (engine->cohorts.cohorts[i].state != HG_COHORT_FREE)
			quiet = hg_least(quiet, quiet_of(engine, &engine->cohorts.cohorts[i]));
	return quiet;
}
