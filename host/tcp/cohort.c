/* SPDX-License-Identifier: Apache-2.0 */
#include "cohort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "wait.h"

/* In the arrays, of who does not follow yet: never the least. */
#define FAR UINT32_MAX

static int give_arrays(struct hg_cohort *cohort)
{
	/* Pages that nobody has written to cost nothing. */
	cohort->edges = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->edges));
	cohort->reached = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->reached));
	cohort->ackeds = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->ackeds));
	cohort->repairing = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->repairing));
	cohort->lowest = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->lowest));
	cohort->widest = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->widest));
	cohort->members = calloc(HG_COHORT_MEMBERS_MAX, sizeof(*cohort->members));
	cohort->by_instance = calloc(HG_COHORT_INSTANCES_MAX + 1, sizeof(*cohort->by_instance));
	cohort->log.entries = calloc(HG_PUSH_LOG, sizeof(*cohort->log.entries));
	return cohort->edges && cohort->reached && cohort->ackeds && cohort->repairing && cohort->lowest && cohort->widest && cohort->members &&
		       cohort->by_instance && cohort->log.entries ?
	       0 :
	       -ENOMEM;
}

int hg_cohorts_open(struct hg_cohorts *cohorts)
{
	memset(cohorts, 0, sizeof(*cohorts));
	cohorts->changed = -1;
	cohorts->cohorts = calloc(HG_COHORTS_MAX, sizeof(*cohorts->cohorts));
	cohorts->members = calloc(HG_MEMBERS_MAX + 1, sizeof(*cohorts->members));
	cohorts->free_members = calloc(HG_MEMBERS_MAX, sizeof(*cohorts->free_members));
	cohorts->changes = calloc(HG_COHORT_CHANGES, sizeof(*cohorts->changes));
	if (!cohorts->cohorts || !cohorts->members || !cohorts->free_members || !cohorts->changes)
		goto close;
	for (uint32_t i = 0; i < HG_COHORTS_MAX; i++)
		if (give_arrays(&cohorts->cohorts[i]))
			goto close;
	for (uint32_t i = 0; i < HG_MEMBERS_MAX; i++)
		cohorts->free_members[i] = (uint16_t)(HG_MEMBERS_MAX - i);
	cohorts->free_count = HG_MEMBERS_MAX;
	return 0;
close:
	hg_cohorts_close(cohorts);
	return -ENOMEM;
}

void hg_cohorts_close(struct hg_cohorts *cohorts)
{
	for (uint32_t i = 0; cohorts->cohorts && i < HG_COHORTS_MAX; i++) {
		free(cohorts->cohorts[i].edges);
		free(cohorts->cohorts[i].reached);
		free(cohorts->cohorts[i].ackeds);
		free(cohorts->cohorts[i].repairing);
		free(cohorts->cohorts[i].lowest);
		free(cohorts->cohorts[i].widest);
		free(cohorts->cohorts[i].members);
		free(cohorts->cohorts[i].by_instance);
		free(cohorts->cohorts[i].log.entries);
	}
	free(cohorts->cohorts);
	free(cohorts->members);
	free(cohorts->free_members);
	free(cohorts->changes);
	memset(cohorts, 0, sizeof(*cohorts));
}

struct hg_cohort *hg_cohort_of(const struct hg_engine *engine, uint32_t index, struct hg_member **member)
{
	uint16_t handle = hg_flow_at(engine, index)->timer.tag;

	if (!handle)
		return NULL;
	*member = &engine->cohorts.members[handle];
	return &engine->cohorts.cohorts[(*member)->cohort];
}

struct hg_cohort *hg_cohort_find(const struct hg_engine *engine, uint32_t number)
{
	for (uint32_t i = 0; i < engine->cohorts.used; i++)
		if (engine->cohorts.cohorts[i].state != HG_COHORT_FREE && engine->cohorts.cohorts[i].number == number)
			return &engine->cohorts.cohorts[i];
	return NULL;
}

void hg_cohort_tell(struct hg_engine *engine, const struct hg_cohort *cohort, uint16_t instance,
		    enum hg_cohort_news news, enum hg_cohort_reason reason)
{
	struct hg_cohorts *cohorts = &engine->cohorts;

	if (!cohorts->watched)
		return;
	if (cohorts->put - cohorts->taken == HG_COHORT_CHANGES) {
		cohorts->lost = true;
		return;
	}
	cohorts->changes[cohorts->put++ % HG_COHORT_CHANGES] = (struct hg_cohort_change){
		.cohort = cohort->number,
		.content = cohort->content,
		.instance = instance,
		.news = (uint8_t)news,
		.reason = (uint8_t)reason,
	};
}

/* What is to be kept of a place when another cohort takes it. */
static void clear(struct hg_cohort *cohort)
{
	struct hg_cohort arrays = *cohort;

	memset(cohort, 0, sizeof(*cohort));
	cohort->edges = arrays.edges;
	cohort->reached = arrays.reached;
	cohort->ackeds = arrays.ackeds;
	cohort->repairing = arrays.repairing;
	cohort->lowest = arrays.lowest;
	cohort->widest = arrays.widest;
	cohort->members = arrays.members;
	cohort->by_instance = arrays.by_instance;
	cohort->log.entries = arrays.log.entries;
	memset(cohort->by_instance, 0, (arrays.instances + 1u) * sizeof(*cohort->by_instance));
}

struct hg_cohort *hg_cohort_new(struct hg_engine *engine, uint32_t content, uint32_t length, uint8_t segment)
{
	struct hg_cohorts *cohorts = &engine->cohorts;

	for (uint32_t i = 0; i < HG_COHORTS_MAX; i++) {
		struct hg_cohort *cohort = &cohorts->cohorts[i];

		if (cohort->state != HG_COHORT_FREE)
			continue;
		clear(cohort);
		cohort->number = ++cohorts->last;
		cohort->content = content;
		cohort->length = length;
		cohort->segment = segment;
		cohort->state = HG_COHORT_FORMING;
		cohort->begun_at = engine->now;
		cohort->begun = hg_now();
		if (cohorts->used <= i)
			cohorts->used = i + 1;
		hg_count(engine, HG_TCP_cohorts);
		return cohort;
	}
	return NULL;
}

bool hg_cohort_join(struct hg_engine *engine, struct hg_cohort *cohort, uint32_t index, uint32_t base)
{
	struct hg_cohorts *cohorts = &engine->cohorts;
	uint16_t place = cohort->count, handle;

	if (!cohorts->free_count || place == HG_COHORT_MEMBERS_MAX || place == cohorts->most ||
	    cohort->instances == HG_COHORT_INSTANCES_MAX)
		return false;
	handle = cohorts->free_members[--cohorts->free_count];
	cohorts->members[handle] = (struct hg_member){
		.flow = index,
		.base = base,
		.joined_at = engine->now,
		.cohort = (uint16_t)(cohort - cohorts->cohorts),
		.place = place,
		.instance = ++cohort->instances,
	};
	cohort->edges[place] = cohort->reached[place] = cohort->ackeds[place] = FAR;
	cohort->widest[place] = cohort->repairing[place] = 0;
	cohort->lowest[place] = 0;
	cohort->members[place] = handle;
	cohort->by_instance[cohort->instances] = handle;
	cohort->count++;
	hg_flow_at(engine, index)->timer.tag = handle;
	hg_count(engine, HG_TCP_cohort_joins);
	hg_cohort_tell(engine, cohort, cohort->instances, HG_NEWS_JOINED, 0);
	return true;
}

/* The last one's place becomes free instead. */
static void take_out(struct hg_engine *engine, struct hg_cohort *cohort, uint16_t handle)
{
	struct hg_cohorts *cohorts = &engine->cohorts;
	struct hg_member *member = &cohorts->members[handle];
	uint16_t place = member->place, last = --cohort->count;

	cohort->edges[place] = cohort->edges[last];
	cohort->reached[place] = cohort->reached[last];
	cohort->ackeds[place] = cohort->ackeds[last];
	cohort->repairing[place] = cohort->repairing[last];
	cohort->lowest[place] = cohort->lowest[last];
	cohort->widest[place] = cohort->widest[last];
	cohort->members[place] = cohort->members[last];
	cohorts->members[cohort->members[place]].place = place;
	cohort->by_instance[member->instance] = 0;
	cohort->entered = (uint16_t)(cohort->entered - member->entered);
	cohort->stale = true;
	/* Whoever is last now may have been done long ago (Karn). */
	cohort->sample = 0;
	cohorts->free_members[cohorts->free_count++] = handle;
	hg_flow_at(engine, member->flow)->timer.tag = 0;
}

/* Alone, with what the cohort knew of the path. */
static void go_alone(struct hg_engine *engine, const struct hg_cohort *cohort, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	if (record->state != HG_FLOW_RESPONSE)
		return;
	/* Until its entry is gone it gets what the others get: it may acknowledge more than was sent to it alone. */
	if (cohort->state == HG_COHORT_RUNNING)
		record->flags |= HG_FLOW_ADOPTED;
	if (!flow->rtt.smoothed) {
		flow->rtt.smoothed = cohort->rtt.smoothed;
		flow->rtt.variation = cohort->rtt.variation;
	}
	if (cohort->state == HG_COHORT_RUNNING && flow->cubic.window > cohort->cubic.window)
		flow->cubic.window = cohort->cubic.window;
	hg_transmit(engine, index);
	hg_timeout_arm(engine, index, true);
}

void hg_cohort_leave(struct hg_engine *engine, uint32_t index, enum hg_cohort_reason reason)
{
	uint16_t handle = hg_flow_at(engine, index)->timer.tag;
	struct hg_member *member;
	struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);

	if (!cohort)
		return;
	hg_cohort_sync(engine, index);
	if (reason == HG_LEFT_CLOSED && cohort->state == HG_COHORT_RUNNING && cohort->sent == cohort->length)
		reason = HG_LEFT_ALL_SENT;
	cohort->left[reason]++;
	hg_count(engine, HG_TCP_cohort_left_lone + (reason - HG_LEFT_LONE));
	hg_cohort_tell(engine, cohort, member->instance, HG_NEWS_LEFT, reason);
	take_out(engine, cohort, handle);
	if (reason != HG_LEFT_RESET && reason != HG_LEFT_CLOSED)
		go_alone(engine, cohort, index);
}

void hg_cohort_end(struct hg_engine *engine, struct hg_cohort *cohort, enum hg_cohort_reason reason)
{
	/* From the last, so that nobody's place changes. */
	while (cohort->count)
		hg_cohort_leave(engine, engine->cohorts.members[cohort->members[cohort->count - 1]].flow, reason);
	hg_cohort_tell(engine, cohort, 0, HG_NEWS_ENDED, reason);
	cohort->state = HG_COHORT_FREE;
	while (engine->cohorts.used && engine->cohorts.cohorts[engine->cohorts.used - 1].state == HG_COHORT_FREE)
		engine->cohorts.used--;
}

bool hg_cohort_holds(const struct hg_engine *engine, uint32_t index)
{
	struct hg_member *member;

	return hg_cohort_of(engine, index, &member) &&
	       !(member->entered && engine->cohorts.cohorts[member->cohort].state == HG_COHORT_RUNNING);
}

void hg_cohort_sync(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_member *member;
	const struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);

	if (cohort && member->entered && cohort->state == HG_COHORT_RUNNING && cohort->sent > record->sent) {
		struct hg_flight *flight = &hg_flow_at(engine, index)->flight;

		for (uint32_t i = hg_push_log_find(&cohort->log, record->sent); i != cohort->log.put; i++)
			hg_flight_append(&engine->runs, flight, hg_push_log_at(&cohort->log, i)->end,
					 hg_push_log_at(&cohort->log, i)->at);
		record->sent = cohort->sent;
		if (cohort->sent == cohort->length)
			record->flags |= HG_FLOW_FIN_SENT;
	}
}
