/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads ask of the cohorts, under the engine's lock. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>

#include "engine.h"
#include "error.h"
#include "wait.h"

/* The loop sleeps as long as its own timers let it. */
static void wake(struct hg_engine *engine)
{
	eventfd_write(engine->wake, 1);
}

static void tell_running(struct hg_engine *engine, struct hg_cohort *cohort)
{
	hg_cohort_tell(engine, cohort, 0, HG_NEWS_RUNNING, 0);
	for (uint16_t i = 0; i < cohort->count; i++) {
		const struct hg_member *member = &engine->cohorts.members[cohort->members[i]];

		hg_cohort_tell(engine, cohort, member->instance, member->entered ? HG_NEWS_HERE : HG_NEWS_JOINED, 0);
	}
}

void hg_engine_watch_cohorts(struct hg_engine *engine, uint32_t window_us, uint32_t patience_us, uint32_t most,
			     int changed)
{
	struct hg_cohorts *cohorts = &engine->cohorts;

	hg_engine_enter(engine);
	cohorts->forsaken = true;
	cohorts->window = window_us;
	cohorts->patience = patience_us;
	cohorts->most = most && most < HG_COHORT_MEMBERS_MAX ? most : HG_COHORT_MEMBERS_MAX;
	cohorts->watched = true;
	cohorts->lost = false;
	cohorts->changed = changed;
	cohorts->put = cohorts->taken = cohorts->told = 0;
	for (uint32_t i = 0; i < cohorts->used; i++)
		if (cohorts->cohorts[i].state == HG_COHORT_RUNNING)
			tell_running(engine, &cohorts->cohorts[i]);
	hg_engine_leave(engine);
	wake(engine);
}

void hg_engine_unwatch_cohorts(struct hg_engine *engine)
{
	hg_engine_enter(engine);
	engine->cohorts.watched = false;
	engine->cohorts.changed = -1;
	engine->cohorts.forsaken = true;
	hg_engine_leave(engine);
	wake(engine);
}

static void add_newcomer(const struct hg_engine *engine, const struct hg_cohort_change *change,
			 struct hg_cohort_event *event)
{
	const struct hg_cohort *cohort = hg_cohort_find(engine, change->cohort);
	uint16_t handle = cohort ? cohort->by_instance[change->instance] : 0;
	const struct hg_member *member = &engine->cohorts.members[handle];

	/* One that has left since then is told of next. */
	if (!handle)
		return;
	event->joined[event->joined_count++] = (struct hg_cohort_newcomer){
		.instance = change->instance,
		.header = hg_record_at(engine, member->flow)->header,
		.base = member->base,
	};
}

/* false: it belongs to the next event. */
static bool add_change(const struct hg_engine *engine, const struct hg_cohort_change *change,
		       struct hg_cohort_event *event)
{
	const struct hg_cohort *cohort;

	if (change->cohort != event->cohort || event->ended)
		return false;
	switch (change->news) {
	case HG_NEWS_RUNNING:
		if (event->joined_count || event->left_count || event->group_count)
			return false;
		cohort = hg_cohort_find(engine, change->cohort);
		event->entered = true;
		if (cohort) {
			event->group_count = cohort->group_count;
			memcpy(event->groups, cohort->groups, sizeof(event->groups));
		}
		return true;
	case HG_NEWS_HERE:
	case HG_NEWS_JOINED:
		if (event->left_count || event->joined_count == HG_COHORT_EVENT_MEMBERS)
			return false;
		if (event->entered != (change->news == HG_NEWS_HERE)) {
			if (event->joined_count || event->group_count)
				return false;
			event->entered = change->news == HG_NEWS_HERE;
		}
		add_newcomer(engine, change, event);
		return true;
	case HG_NEWS_LEFT:
		if (event->left_count == HG_COHORT_EVENT_MEMBERS)
			return false;
		event->left[event->left_count].instance = change->instance;
		event->left[event->left_count++].reason = change->reason;
		return true;
	default:
		event->ended = true;
		return true;
	}
}

int hg_engine_next_cohort_event(struct hg_engine *engine, struct hg_cohort_event *event)
{
	struct hg_cohorts *cohorts = &engine->cohorts;
	int ret = 0;

	hg_engine_enter(engine);
	if (cohorts->lost) {
		ret = -ENOBUFS;
		goto leave;
	}
	if (cohorts->taken == cohorts->put)
		goto leave;
	ret = 1;
	event->cohort = cohorts->changes[cohorts->taken % HG_COHORT_CHANGES].cohort;
	event->content = cohorts->changes[cohorts->taken % HG_COHORT_CHANGES].content;
	event->joined_count = event->left_count = event->group_count = 0;
	event->entered = event->ended = false;
	while (cohorts->taken != cohorts->put &&
	       add_change(engine, &cohorts->changes[cohorts->taken % HG_COHORT_CHANGES], event))
		cohorts->taken++;
leave:
	hg_engine_leave(engine);
	return ret;
}

static int check_entries(const struct hg_cohort *cohort, const struct hg_cohort_entries *entries, char *error)
{
	if (!cohort)
		return hg_fail(error, -ENOENT, "there is no cohort %" PRIu32, entries->cohort);
	if (entries->group_count > HG_COHORT_GROUPS_MAX)
		return hg_fail(error, -EINVAL, "%" PRIu32 " groups; a cohort has at most %d", entries->group_count,
			       HG_COHORT_GROUPS_MAX);
	for (uint32_t i = 0; i < entries->group_count; i++)
		if (entries->groups[i] < HG_COHORT_GROUP_FIRST || entries->groups[i] > UINT16_MAX)
			return hg_fail(error, -EINVAL, "group %" PRIu32 ": a cohort's is %d to 65535", entries->groups[i],
				       HG_COHORT_GROUP_FIRST);
	return 0;
}

static uint16_t find_member(const struct hg_cohort *cohort, uint32_t instance)
{
	return instance <= HG_COHORT_INSTANCES_MAX ? cohort->by_instance[instance] : 0;
}

static void note(struct hg_engine *engine, const struct hg_cohort *cohort, const uint32_t *instances, uint32_t count,
		 enum hg_entry entry)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t handle = find_member(cohort, instances[i]);

		if (handle)
			engine->cohorts.members[handle].entry = (uint8_t)entry;
	}
}

int hg_engine_enter_cohort(struct hg_engine *engine, const struct hg_cohort_entries *entries, char *error)
{
	struct hg_cohort *cohort;
	int ret;

	hg_engine_enter(engine);
	cohort = hg_cohort_find(engine, entries->cohort);
	ret = check_entries(cohort, entries, error);
	if (ret)
		goto leave;
	cohort->unwanted = !entries->group_count;
	cohort->group_count = (uint8_t)entries->group_count;
	for (uint32_t i = 0; i < entries->group_count; i++)
		cohort->groups[i] = (uint16_t)entries->groups[i];
	note(engine, cohort, entries->refused, entries->refused_count, HG_ENTRY_REFUSED);
	note(engine, cohort, entries->entered, entries->entered_count, HG_ENTRY_STANDS);
	cohort->answered = true;
leave:
	hg_engine_leave(engine);
	wake(engine);
	return ret;
}

static void describe(const struct hg_cohort *cohort, struct hg_cohort_status *status)
{
	bool runs = cohort->state == HG_COHORT_RUNNING && cohort->entered && cohort->acked != UINT32_MAX;

	*status = (struct hg_cohort_status){
		.number = cohort->number,
		.content = cohort->content,
		.state = (uint8_t)cohort->state,
		.members = cohort->count,
		.length = cohort->length,
		.sent = cohort->sent,
		.acked = runs ? cohort->acked : 0,
		.segment_bytes = cohort->segment * HG_SEQ_GRANULE,
		.window = cohort->cubic.window,
		.rtt_us = cohort->rtt.smoothed,
		.group_count = cohort->group_count,
		.age_us = (hg_now() - cohort->begun) / 1000,
		.pushes = cohort->pushes,
		.payload_bytes = cohort->payload_bytes,
		.repairs = cohort->repairs,
		.repair_bytes = cohort->repair_bytes,
		.group_repairs = cohort->group_repairs,
		.joined_late = cohort->joined_late,
	};
	memcpy(status->groups, cohort->groups, sizeof(status->groups));
	memcpy(status->left, cohort->left, sizeof(status->left));
}

/* The one with the least number that is `from` or more. */
static const struct hg_cohort *find_next(const struct hg_engine *engine, uint32_t from)
{
	const struct hg_cohort *next = NULL;

	for (uint32_t i = 0; i < engine->cohorts.used; i++) {
		const struct hg_cohort *cohort = &engine->cohorts.cohorts[i];

		if (cohort->state != HG_COHORT_FREE && cohort->number >= from && (!next || cohort->number < next->number))
			next = cohort;
	}
	return next;
}

uint32_t hg_engine_cohorts(struct hg_engine *engine, uint32_t from, struct hg_cohort_status *statuses, uint32_t count)
{
	const struct hg_cohort *cohort;
	uint32_t n = 0;

	hg_engine_enter(engine);
	while (n < count && (cohort = find_next(engine, from))) {
		describe(cohort, &statuses[n++]);
		from = cohort->number + 1;
	}
	hg_engine_leave(engine);
	return n;
}

int hg_engine_cohort_members(struct hg_engine *engine, uint32_t number, uint32_t from,
			     struct hg_member_status *statuses, uint32_t count, char *error)
{
	const struct hg_cohort *cohort;
	int n = 0;

	hg_engine_enter(engine);
	cohort = hg_cohort_find(engine, number);
	if (!cohort)
		n = hg_fail(error, -ENOENT, "there is no cohort %" PRIu32, number);
	for (uint32_t i = from; cohort && i <= cohort->instances && (uint32_t)n < count; i++) {
		const struct hg_member *member = &engine->cohorts.members[cohort->by_instance[i]];

		if (!cohort->by_instance[i])
			continue;
		statuses[n++] = (struct hg_member_status){
			.instance = member->instance,
			.key = hg_record_at(engine, member->flow)->header.key,
			.entered = member->entered,
			.acked = hg_record_at(engine, member->flow)->acked,
			.window = hg_flow_at(engine, member->flow)->window,
			.repair_bytes = member->repair_bytes,
		};
	}
	hg_engine_leave(engine);
	return n;
}
