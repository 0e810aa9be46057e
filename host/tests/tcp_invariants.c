/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_invariants.h"

#include <stdio.h>
#include <stdlib.h>

/* As CHECK(), but of one flow or cohort. */
#define HOLDS(what, number, condition)                                                                          \
	do {                                                                                                    \
		if (!(condition)) {                                                                             \
			fprintf(stderr, "%s:%d: %s %u: not true: %s\n", __FILE__, __LINE__, what, number, #condition); \
			abort();                                                                                \
		}                                                                                               \
	} while (0)

/* What runs of one list add up to. */
struct sums {
	uint32_t count, sacked, lost, last, end;
};

static struct sums add_up(const struct hg_engine *engine, uint32_t index)
{
	const struct hg_flight *flight = &hg_flow_at(engine, index)->flight;
	struct sums sums = { .end = flight->acked };

	for (uint32_t i = flight->first; i; i = engine->runs.runs[i].next) {
		const struct hg_run *run = &engine->runs.runs[i];

		HOLDS("flow", index, i < engine->runs.fresh && sums.count < engine->runs.size);
		HOLDS("flow", index, run->end > sums.end && run->end % HG_SEQ_GRANULE == 0);
		if (run->state & HG_RUN_SACKED)
			sums.sacked += run->end - sums.end;
		if (run->state & HG_RUN_LOST)
			sums.lost += run->end - sums.end;
		sums.end = run->end;
		sums.last = i;
		sums.count++;
	}
	return sums;
}

static void check_flight(const struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	const struct hg_flow *flow = hg_flow_at(engine, index);
	const struct hg_flight *flight = &flow->flight;
	struct sums sums = add_up(engine, index);

	HOLDS("flow", index, sums.count == flight->count && sums.last == flight->last);
	HOLDS("flow", index, sums.sacked == flight->sacked && sums.lost == flight->lost);
	HOLDS("flow", index, sums.end == flight->end);
	HOLDS("flow", index, flight->highest >= flight->acked && flight->highest <= flight->end);
	HOLDS("flow", index, hg_flight_pipe(flight, 0) <= flight->end - flight->acked);
	/* Of one that has not been heard of since a restart nothing is known before its client's answer. */
	if (record->state == HG_FLOW_RESPONSE && !(flow->soft & HG_SOFT_RESUMING))
		HOLDS("flow", index, flight->acked == record->acked && flight->end == record->sent);
}

static void check_positions(const struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	const struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);

	if (record->state != HG_FLOW_RESPONSE)
		return;
	HOLDS("flow", index, record->acked <= record->sent);
	HOLDS("flow", index, record->acked % HG_SEQ_GRANULE == 0 && record->sent % HG_SEQ_GRANULE == 0);
	HOLDS("flow", index, flow->segment > 0);
	HOLDS("flow", index, flow->cubic.window >= flow->segment * HG_SEQ_GRANULE && flow->cubic.window <= HG_WINDOW_MAX);
	/* Another content may have taken the number of the one that it had. */
	if (response && hg_content_serves(content) && !(flow->soft & HG_SOFT_RESUMING))
		HOLDS("flow", index, record->sent <= response->length);
}

/* Nobody is forgotten: each waits for something that comes to pass by itself. */
static void check_timer(const struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow *flow = hg_flow_at(engine, index);

	HOLDS("flow", index, flow->timer.slot != HG_TIMER_IDLE || flow->timer.tag || flow->soft & HG_SOFT_LINK_WAITS);
}

static void check_flows(const struct hg_engine *engine)
{
	uint32_t used = 0, runs = 0;

	/* Those beyond the last are free, or closing all of them finds that there are too many. */
	for (uint32_t i = 0; used < engine->table.used; i++) {
		HOLDS("flow", i, i < engine->table.fresh);
		if (hg_record_at(engine, i)->state == HG_FLOW_FREE)
			continue;
		used++;
		HOLDS("flow", i, hg_flow_table_find(&engine->table, &hg_record_at(engine, i)->header.key) == i);
		check_flight(engine, i);
		check_positions(engine, i);
		check_timer(engine, i);
		runs += hg_flow_at(engine, i)->flight.count;
	}
	HOLDS("runs", runs, runs + engine->runs.left == engine->runs.size - 1);
}

static uint32_t count_flows(const struct hg_engine *engine, uint32_t content)
{
	uint32_t flows = 0;

	for (uint32_t i = 0, seen = 0; seen < engine->table.used; i++) {
		const struct hg_flow_record *record = hg_record_at(engine, i);

		seen += record->state != HG_FLOW_FREE;
		flows += record->state == HG_FLOW_RESPONSE && record->content == content;
	}
	return flows;
}

static void check_contents(const struct hg_engine *engine)
{
	for (uint32_t i = 0; i < engine->contents.count; i++) {
		const struct hg_content *content = engine->contents.contents[i];

		HOLDS("content", content->spec.id, content->flows == count_flows(engine, content->spec.id));
	}
}

static void check_member(const struct hg_engine *engine, const struct hg_cohort *cohort, uint16_t place)
{
	uint16_t handle = cohort->members[place];
	const struct hg_member *member = &engine->cohorts.members[handle];
	uint32_t number = cohort->number;

	HOLDS("cohort", number, member->place == place && cohort->by_instance[member->instance] == handle);
	HOLDS("cohort", number, &engine->cohorts.cohorts[member->cohort] == cohort);
	HOLDS("cohort", number, hg_flow_at(engine, member->flow)->timer.tag == handle);
	HOLDS("cohort", number, hg_record_at(engine, member->flow)->state == HG_FLOW_RESPONSE);
	HOLDS("cohort", number, hg_record_at(engine, member->flow)->content == cohort->content);
	if (!member->entered)
		HOLDS("cohort", number, cohort->edges[place] == UINT32_MAX);
	else if (cohort->state == HG_COHORT_RUNNING)
		HOLDS("cohort", number, cohort->ackeds[place] <= cohort->sent && cohort->reached[place] <= cohort->sent);
}

static void check_cohort(const struct hg_engine *engine, const struct hg_cohort *cohort)
{
	uint16_t entered = 0;

	HOLDS("cohort", cohort->number, cohort->sent <= cohort->length);
	HOLDS("cohort", cohort->number, cohort->state == HG_COHORT_RUNNING || !cohort->sent);
	for (uint16_t i = 0; i < cohort->count; i++) {
		check_member(engine, cohort, i);
		entered = (uint16_t)(entered + engine->cohorts.members[cohort->members[i]].entered);
	}
	HOLDS("cohort", cohort->number, entered == cohort->entered);
}

static void check_cohorts(const struct hg_engine *engine)
{
	uint32_t members = 0;

	for (uint32_t i = 0; i < engine->cohorts.used; i++) {
		const struct hg_cohort *cohort = &engine->cohorts.cohorts[i];

		if (cohort->state == HG_COHORT_FREE)
			continue;
		check_cohort(engine, cohort);
		members += cohort->count;
	}
	HOLDS("members", members, members + engine->cohorts.free_count == HG_MEMBERS_MAX);
}

void check_engine(const struct hg_engine *engine)
{
	check_flows(engine);
	check_contents(engine);
	check_cohorts(engine);
}
