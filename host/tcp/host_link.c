/* SPDX-License-Identifier: Apache-2.0 */
#include "host_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "mark.h"

/* Every flow and every cohort may wait, and some may have come and gone. */
#define SENDERS (2 * HG_FLOWS_MAX)

/* What a turn is worth: as much as Linux puts into one TSO frame. */
#define TURN_BYTES 65536

int hg_host_link_open(struct hg_host_link *host_link)
{
	host_link->turn = HG_SENDER_NONE;
	/* Touched only as far as it is used. */
	host_link->senders = calloc(SENDERS, sizeof(*host_link->senders));
	return host_link->senders ? 0 : -ENOMEM;
}

void hg_host_link_close(struct hg_host_link *host_link)
{
	free(host_link->senders);
	host_link->senders = NULL;
}

/* Whether it is written down that this one waits. */
static bool waits(const struct hg_engine *engine, uint32_t sender)
{
	if (sender & HG_SENDER_COHORT)
		return engine->cohorts.cohorts[sender & ~HG_SENDER_COHORT].link_waits;
	return hg_flow_at(engine, sender)->soft & HG_SOFT_LINK_WAITS;
}

static void set_waits(struct hg_engine *engine, uint32_t sender, bool now)
{
	if (sender & HG_SENDER_COHORT)
		engine->cohorts.cohorts[sender & ~HG_SENDER_COHORT].link_waits = now;
	else if (now)
		hg_flow_at(engine, sender)->soft |= HG_SOFT_LINK_WAITS;
	else
		hg_flow_at(engine, sender)->soft &= (uint8_t)~HG_SOFT_LINK_WAITS;
}

/* Room for at least one frame, beyond those that the outbox holds already. */
static bool has_room(struct hg_engine *engine)
{
	struct hg_outbox *outbox = &engine->outbox;
	const struct hg_link_window *window = &outbox->link.window;

	if (hg_link_window_room(window) > outbox->count)
		return true;
	/* Several may leave in one frame: how many they are is known when they have left. */
	if (outbox->count)
		hg_outbox_flush(outbox);
	return hg_link_window_room(window) > 0;
}

static void wait_for_turn(struct hg_engine *engine, uint32_t sender)
{
	struct hg_host_link *host_link = &engine->host_link;

	hg_count(engine, HG_TCP_link_waits);
	host_link->senders[(host_link->first + host_link->count++) % SENDERS] = sender;
	set_waits(engine, sender, true);
}

bool hg_host_link_admits(struct hg_engine *engine, uint32_t sender)
{
	struct hg_host_link *host_link = &engine->host_link;
	bool its_turn = host_link->turn == sender && engine->outbox.put_bytes < host_link->turn_until;

	if (!host_link->senders || host_link->count == SENDERS)
		return true;
	if (waits(engine, sender))
		return false;
	if ((its_turn || !host_link->count) && has_room(engine))
		return true;
	hg_link_window_limits(&engine->outbox.link.window);
	wait_for_turn(engine, sender);
	return false;
}

static void go_on(struct hg_engine *engine, uint32_t sender)
{
	if (sender & HG_SENDER_COHORT) {
		hg_cohort_run(engine, &engine->cohorts.cohorts[sender & ~HG_SENDER_COHORT]);
		return;
	}
	if (hg_record_at(engine, sender)->state == HG_FLOW_RESPONSE) {
		hg_cohort_sync(engine, sender);
		hg_transmit(engine, sender);
		hg_timeout_arm(engine, sender, true);
	} else if (hg_record_at(engine, sender)->state != HG_FLOW_FREE) {
		hg_timeout_schedule(engine, sender);
	}
}

static void give_turn(struct hg_engine *engine)
{
	struct hg_host_link *host_link = &engine->host_link;
	uint32_t sender = host_link->senders[host_link->first];

	/* An empty one begins anew, so that little of its memory is touched. */
	host_link->first = --host_link->count ? (host_link->first + 1) % SENDERS : 0;
	if (!waits(engine, sender))
		return;
	set_waits(engine, sender, false);
	host_link->turn = sender;
	host_link->turn_until = engine->outbox.put_bytes + TURN_BYTES;
	go_on(engine, sender);
	host_link->turn = HG_SENDER_NONE;
}

/* For the log and for the counters. */
static void note(struct hg_engine *engine)
{
	const struct hg_link_window *window = &engine->outbox.link.window;
	uint64_t *values = engine->counters.values;

	values[HG_TCP_link_marks] = window->marks_sent;
	values[HG_TCP_link_echoes] = window->echoes;
	values[HG_TCP_link_marks_lost] = window->lost;
	values[HG_TCP_link_silences] = window->silences;
	if (engine->host_link.count)
		values[HG_TCP_link_wait_us] += engine->now - engine->host_link.ran_at;
	engine->host_link.ran_at = engine->now;
	if (window->answered == engine->host_link.answered)
		return;
	engine->host_link.answered = window->answered;
	fprintf(stderr, "%s: the switch sends marks back%s\n", engine->interface,
		window->answered ? ": what is on its way there is bounded" : " no more: nothing bounds what is on its way there");
}

void hg_host_link_run(struct hg_engine *engine)
{
	struct hg_host_link *host_link = &engine->host_link;

	hg_mark_poll(&engine->outbox.link, engine->now);
	note(engine);
	while (host_link->count && has_room(engine))
		give_turn(engine);
}

void hg_host_link_status(const struct hg_engine *engine, struct hg_link_status *status)
{
	const struct hg_link_window *window = &engine->outbox.link.window;

	*status = (struct hg_link_status){
		.answers = window->answered,
		.window = window->frames,
		.outstanding = window->sent - window->through,
		.trip_us = window->trip,
		.lowest_trip_us = window->answered ? window->lowest : 0,
		.waiting = engine->host_link.count,
	};
}

uint32_t hg_host_link_quiet(const struct hg_engine *engine)
{
	return engine->outbox.link.echo_fd < 0 ? UINT32_MAX : hg_link_window_quiet(&engine->outbox.link.window);
}
