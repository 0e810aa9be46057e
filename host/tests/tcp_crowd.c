/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_crowd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "pusher_check.h"

#define STEP_US 200
#define ASK_AGAIN_US 300000

static void replicate(struct sim *sim, uint16_t group, const uint8_t *frame, uint32_t bytes)
{
	struct crowd *crowd = (struct crowd *)sim;
	uint32_t offset;

	memcpy(&offset, frame + 26, 4);
	crowd->group_pushes++;
	if (crowd->drop_times && ntohl(offset) == crowd->drop_offset) {
		crowd->drop_times--;
		return;
	}
	for (uint32_t i = 0; i < crowd->entry_count && !crowd->blank; i++) {
		const struct crowd_entry *entry = &crowd->entries[i];

		/* The entry has the connection's numbers: what another connection of the client got would be lost. */
		if (entry->stands && entry->group == group && entry->client && entry->base == entry->client->base)
			sim_deliver(sim, entry->client, frame, bytes);
	}
}

/* NULL: it has begun another connection. */
static struct client *client_of(struct crowd *crowd, const struct hg_cohort_newcomer *newcomer)
{
	for (uint32_t i = 0; i < crowd->sim.crowd_count; i++)
		if (memcmp(&crowd->sim.crowd[i].key, &newcomer->header.key, sizeof(newcomer->header.key)) == 0)
			return &crowd->sim.crowd[i];
	return NULL;
}

static uint16_t group_of(struct crowd *crowd, uint32_t cohort, uint16_t instance)
{
	for (uint32_t i = 0; i < crowd->entry_count; i++)
		if (crowd->entries[i].cohort == cohort &&
		    (!crowd->split || crowd->entries[i].instance % 2 == instance % 2))
			return crowd->entries[i].group;
	crowd->formed++;
	return ++crowd->last_group;
}

static void add_entry(struct crowd *crowd, uint32_t cohort, const struct hg_cohort_newcomer *newcomer)
{
	uint16_t group = group_of(crowd, cohort, newcomer->instance);

	CHECK(crowd->entry_count < CROWD_ENTRIES);
	crowd->entries[crowd->entry_count++] = (struct crowd_entry){
		.due = crowd->sim.engine.now + crowd->latency,
		.cohort = cohort,
		.group = group,
		.instance = newcomer->instance,
		.base = newcomer->base,
		.client = client_of(crowd, newcomer),
	};
}

static void remove_entry(struct crowd *crowd, uint32_t place)
{
	crowd->entries[place] = crowd->entries[--crowd->entry_count];
}

static void take_event(struct crowd *crowd, const struct hg_cohort_event *event)
{
	for (uint32_t i = 0; i < event->joined_count && !event->entered; i++)
		add_entry(crowd, event->cohort, &event->joined[i]);
	for (uint32_t i = 0; i < event->left_count; i++) {
		crowd->left[event->left[i].reason]++;
		for (uint32_t e = crowd->entry_count; e-- > 0;)
			if (crowd->entries[e].cohort == event->cohort &&
			    crowd->entries[e].instance == event->left[i].instance)
				remove_entry(crowd, e);
	}
	crowd->ended += event->ended;
	for (uint32_t e = crowd->entry_count; event->ended && e-- > 0;)
		CHECK(crowd->entries[e].cohort != event->cohort);
}

static void answer(struct crowd *crowd, struct crowd_entry *entry)
{
	uint32_t groups[2], count = 0, instance = entry->instance;
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_cohort_entries entries = {
		.cohort = entry->cohort, .groups = groups, .entered = &instance, .entered_count = 1,
	};

	entry->stands = true;
	for (uint32_t i = 0; i < crowd->entry_count; i++)
		if (crowd->entries[i].cohort == entry->cohort &&
		    (count == 0 || (count == 1 && groups[0] != crowd->entries[i].group)))
			groups[count++] = crowd->entries[i].group;
	entries.group_count = count;
	CHECK_EQUAL(hg_engine_enter_cohort(&crowd->sim.engine, &entries, error), 0);
}

static void control(struct crowd *crowd)
{
	static struct hg_cohort_event event;
	int ret;

	while ((ret = hg_engine_next_cohort_event(&crowd->sim.engine, &event)) > 0)
		take_event(crowd, &event);
	CHECK_EQUAL(ret, 0);
	for (uint32_t i = 0; i < crowd->entry_count && !crowd->deaf; i++)
		if (!crowd->entries[i].stands && hg_ahead(crowd->sim.engine.now, crowd->entries[i].due) >= 0)
			answer(crowd, &crowd->entries[i]);
}

void crowd_watch(struct crowd *crowd, uint32_t window, uint32_t patience)
{
	hg_engine_watch_cohorts(&crowd->sim.engine, window, patience, 0, -1);
}

void crowd_open(struct crowd *crowd, const char *flows, const char *content, uint32_t clients)
{
	struct client *many = crowd->sim.crowd;

	memset(crowd, 0, sizeof(*crowd));
	sim_open(&crowd->sim, flows, content);
	crowd->sim.replicate = replicate;
	crowd->sim.crowd = many ? many : calloc(CROWD_MAX, sizeof(struct client));
	CHECK(crowd->sim.crowd && clients <= CROWD_MAX);
	memset(crowd->sim.crowd, 0, CROWD_MAX * sizeof(struct client));
	crowd->sim.crowd_count = clients;
	crowd->latency = 2000;
	crowd->last_group = HG_COHORT_GROUP_FIRST;
	crowd_watch(crowd, 5000, 20000);
}

void crowd_close(struct crowd *crowd)
{
	sim_close(&crowd->sim);
}

static void ask(struct crowd *crowd, uint32_t i)
{
	crowd->asked_seq[i] = crowd->sim.focus->seq;
	crowd->asked_at[i] = crowd->sim.engine.now;
	sim_get(&crowd->sim);
	crowd->sim.focus = &crowd->sim.client;
}

void crowd_get(struct crowd *crowd, uint32_t i)
{
	static uint16_t port = 20000;

	crowd->sim.focus = &crowd->sim.crowd[i];
	sim_connect(&crowd->sim, port++, true);
	ask(crowd, i);
}

/* As its TCP would: the request was lost. */
static void ask_again(struct crowd *crowd, uint32_t i)
{
	struct client *client = &crowd->sim.crowd[i];

	if (!client->base || client->reset || client->received || client->last_ack_no != crowd->asked_seq[i] ||
	    crowd->sim.engine.now - crowd->asked_at[i] < ASK_AGAIN_US)
		return;
	crowd->sim.focus = client;
	client->seq = crowd->asked_seq[i];
	ask(crowd, i);
}

void crowd_run(struct crowd *crowd, uint32_t us)
{
	for (uint32_t passed = 0; passed < us; passed += STEP_US) {
		sim_run(&crowd->sim, STEP_US);
		control(crowd);
		for (uint32_t i = 0; i < crowd->sim.crowd_count; i++)
			ask_again(crowd, i);
	}
}

bool crowd_run_until_done(struct crowd *crowd, uint32_t us, uint64_t without)
{
	for (uint32_t passed = 0; passed < us; passed += 2000) {
		bool done = true;

		for (uint32_t i = 0; i < crowd->sim.crowd_count; i++)
			done &= without >> i & 1 || crowd->sim.crowd[i].finished || crowd->sim.crowd[i].reset;
		if (done)
			return true;
		crowd_run(crowd, 2000);
	}
	return false;
}
