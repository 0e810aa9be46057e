/* SPDX-License-Identifier: Apache-2.0 */
#include "flight.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "flow_header.h"

/* Of one flow: as many as a window of single segments has, and in a pool that is half used much less. */
#define RUNS_MAX 4096
#define RUNS_MAX_SCARCE 64

int hg_runs_open(struct hg_runs *runs, uint32_t flows, uint32_t more)
{
	uint32_t size = 1 + flows + more;
	void *memory = mmap(NULL, size * sizeof(struct hg_run), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	*runs = (struct hg_runs){ .runs = memory, .size = size, .fresh = 1, .left = size - 1, .reserved = flows };
	return 0;
}

void hg_runs_close(struct hg_runs *runs)
{
	if (runs->runs)
		munmap(runs->runs, runs->size * sizeof(struct hg_run));
	*runs = (struct hg_runs){ 0 };
}

/* A flow's first run is always there: who holds none has one reserved. 0: no more for this flow. */
static uint32_t take(struct hg_runs *runs, const struct hg_flight *flight)
{
	uint32_t most = runs->left > runs->size / 2 ? RUNS_MAX : RUNS_MAX_SCARCE;
	uint32_t index;

	if (flight->count && (runs->left <= runs->reserved || flight->count >= most))
		return 0;
	index = runs->free;
	if (index)
		runs->free = runs->runs[index].next;
	else
		index = runs->fresh++;
	runs->left--;
	return index;
}

static void give_back(struct hg_runs *runs, uint32_t index)
{
	runs->runs[index].next = runs->free;
	runs->free = index;
	runs->left++;
}

/* Into the totals (sign 1), or out of them (sign -1). */
static void account(struct hg_flight *flight, uint8_t state, uint32_t bytes, int sign)
{
	if (state & HG_RUN_SACKED)
		flight->sacked += (uint32_t)sign * bytes;
	if (state & HG_RUN_LOST)
		flight->lost += (uint32_t)sign * bytes;
}

static void set_state(struct hg_flight *flight, struct hg_run *run, uint32_t bytes, uint8_t state)
{
	account(flight, run->state, bytes, -1);
	run->state = state;
	account(flight, state, bytes, 1);
}

void hg_flight_reset(struct hg_runs *runs, struct hg_flight *flight, uint32_t position)
{
	while (flight->first) {
		uint32_t next = runs->runs[flight->first].next;

		give_back(runs, flight->first);
		flight->first = next;
	}
	*flight = (struct hg_flight){ .acked = position, .end = position, .highest = position };
}

/* All of it in one run, as if just sent: forgets what is known of it. */
static void collapse(struct hg_runs *runs, struct hg_flight *flight, uint32_t now)
{
	struct hg_run *last = &runs->runs[flight->last];

	while (flight->first != flight->last) {
		uint32_t next = runs->runs[flight->first].next;

		give_back(runs, flight->first);
		flight->first = next;
	}
	*last = (struct hg_run){ .end = flight->end, .sent_at = now, .state = HG_RUN_RESENT };
	flight->sacked = flight->lost = 0;
	flight->count = 1;
}

void hg_flight_append(struct hg_runs *runs, struct hg_flight *flight, uint32_t end, uint32_t now)
{
	uint32_t index = take(runs, flight);

	if (!index) {
		if (runs->runs[flight->last].state & (HG_RUN_SACKED | HG_RUN_LOST))
			collapse(runs, flight, now);
		runs->runs[flight->last].end = flight->end = end;
		runs->runs[flight->last].sent_at = now;
		return;
	}
	runs->runs[index] = (struct hg_run){ .end = end, .sent_at = now };
	if (flight->last)
		runs->runs[flight->last].next = index;
	else
		flight->first = index;
	flight->last = index;
	flight->end = end;
	flight->count++;
}

/* The run is cut at `position`, which is inside it; false: it cannot be. */
static bool split(struct hg_runs *runs, struct hg_flight *flight, struct hg_run *run, uint32_t position)
{
	uint32_t index = take(runs, flight);
	struct hg_run *after = &runs->runs[index];

	if (!index)
		return false;
	*after = *run;
	run->next = index;
	run->end = position;
	if (flight->last == (uint32_t)(run - runs->runs))
		flight->last = index;
	flight->count++;
	return true;
}

static bool is_alike(const struct hg_run *a, const struct hg_run *b)
{
	uint8_t dead = HG_RUN_SACKED | HG_RUN_LOST; /* when those were sent no longer matters */

	return a->state == b->state && (a->state & dead || a->sent_at == b->sent_at);
}

/* Takes in the run that follows if there is no difference. */
static bool absorb(struct hg_runs *runs, struct hg_flight *flight, struct hg_run *run)
{
	uint32_t index = run->next;

	if (!index || !is_alike(run, &runs->runs[index]))
		return false;
	run->end = runs->runs[index].end;
	run->next = runs->runs[index].next;
	if (flight->last == index)
		flight->last = (uint32_t)(run - runs->runs);
	give_back(runs, index);
	flight->count--;
	return true;
}

/* What is done to each run of a range: it lies inside, but where the pool had no run to cut it with. */
typedef void (*run_change)(struct hg_flight *flight, struct hg_run *run, uint32_t start, void *context);

/*
 * Does `change` to the runs in [start, end), cut to it. `whole`: to all of a run that cannot
 * be cut; else to none of it.
 */
static void change_range(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end, bool whole,
			 run_change change, void *context)
{
	struct hg_run *before = NULL, *run;
	uint32_t begin = flight->acked;

	for (uint32_t index = flight->first; index && begin < end; index = run->next) {
		bool inside;

		run = &runs->runs[index];
		if (begin < start && run->end > start && split(runs, flight, run, start)) {
			before = run;
			begin = start;
			continue;
		}
		inside = begin >= start || (whole && run->end > start);
		if (inside && run->end > end)
			inside = split(runs, flight, run, end) || whole;
		if (inside)
			change(flight, run, begin, context);
		begin = run->end;
		if (before && absorb(runs, flight, before))
			run = before;
		else
			before = run;
	}
	if (before)
		absorb(runs, flight, before);
}

static void resend_run(struct hg_flight *flight, struct hg_run *run, uint32_t start, void *context)
{
	const uint32_t *now = context;

	if (run->state & HG_RUN_SACKED)
		return;
	set_state(flight, run, run->end - start, HG_RUN_RESENT);
	run->sent_at = *now;
}

void hg_flight_resend(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end, uint32_t now)
{
	change_range(runs, flight, start, end, true, resend_run, &now);
}

/* RFC 8985, 5.2: of what was sent at the same time, what ends later was sent later. */
static bool is_sent_after(uint32_t at, uint32_t end, uint32_t other_at, uint32_t other_end)
{
	int32_t ahead = hg_ahead(at, other_at);

	return ahead > 0 || (ahead == 0 && end > other_end);
}

static void deliver(const struct hg_flight *flight, const struct hg_run *run, uint32_t start, uint32_t end,
		    struct hg_delivery *delivery)
{
	if (run->state & HG_RUN_SACKED)
		return;
	delivery->bytes += end - start;
	if (!(run->state & HG_RUN_RESENT)) {
		if (end < flight->highest)
			delivery->reordered = true;
		else if (!delivery->once || hg_ahead(run->sent_at, delivery->once_at) > 0)
			delivery->once_at = run->sent_at;
		delivery->once |= end >= flight->highest;
		if (run->state & HG_RUN_LOST)
			delivery->not_lost = true;
	} else {
		delivery->resent = true;
		if (delivery->now - run->sent_at < delivery->least_rtt)
			return;
	}
	if (!delivery->any || is_sent_after(run->sent_at, end, delivery->sent_at, delivery->end)) {
		delivery->sent_at = run->sent_at;
		delivery->end = end;
	}
	delivery->any = true;
}

void hg_flight_ack(struct hg_runs *runs, struct hg_flight *flight, uint32_t position, struct hg_delivery *delivery)
{
	while (flight->first && flight->acked < position) {
		uint32_t index = flight->first;
		struct hg_run *run = &runs->runs[index];
		uint32_t end = run->end < position ? run->end : position;

		deliver(flight, run, flight->acked, end, delivery);
		account(flight, run->state, end - flight->acked, -1);
		flight->acked = end;
		if (end < run->end)
			break;
		flight->first = run->next;
		flight->count--;
		give_back(runs, index);
	}
	if (!flight->first)
		flight->last = 0;
	if (flight->acked < position)
		flight->acked = flight->end = position;
	if (flight->highest < flight->acked)
		flight->highest = flight->acked;
}

static void sack_run(struct hg_flight *flight, struct hg_run *run, uint32_t start, void *context)
{
	struct hg_delivery *delivery = context;

	deliver(flight, run, start, run->end, delivery);
	set_state(flight, run, run->end - start, HG_RUN_SACKED);
}

void hg_flight_sack(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end,
		    struct hg_delivery *delivery)
{
	change_range(runs, flight, start, end, false, sack_run, delivery);
	if (flight->highest < end)
		flight->highest = end;
}

static void lose_run(struct hg_flight *flight, struct hg_run *run, uint32_t start, void *context)
{
	(void)context;
	if (!(run->state & HG_RUN_SACKED))
		set_state(flight, run, run->end - start, run->state | HG_RUN_LOST);
}

void hg_flight_lose(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end)
{
	change_range(runs, flight, start, end, true, lose_run, NULL);
}

static void renege_run(struct hg_flight *flight, struct hg_run *run, uint32_t start, void *context)
{
	(void)context;
	if (run->state & HG_RUN_SACKED)
		set_state(flight, run, run->end - start, HG_RUN_LOST | HG_RUN_RESENT);
}

void hg_flight_renege(struct hg_runs *runs, struct hg_flight *flight)
{
	change_range(runs, flight, flight->acked, flight->end, true, renege_run, NULL);
	flight->highest = flight->acked;
}

static void restore_run(struct hg_flight *flight, struct hg_run *run, uint32_t start, void *context)
{
	(void)context;
	set_state(flight, run, run->end - start, run->state & (uint8_t)~HG_RUN_LOST);
}

void hg_flight_restore(struct hg_runs *runs, struct hg_flight *flight)
{
	change_range(runs, flight, flight->acked, flight->end, true, restore_run, NULL);
}

void hg_rack_update(struct hg_rack *rack, const struct hg_delivery *delivery)
{
	uint32_t rtt = delivery->now - delivery->sent_at;

	if (!delivery->any)
		return;
	if (rack->rtt && !is_sent_after(delivery->sent_at, delivery->end, rack->sent_at, rack->end))
		return;
	*rack = (struct hg_rack){ delivery->sent_at, delivery->end, rtt ? rtt : 1 };
}

uint32_t hg_flight_find_lost(struct hg_runs *runs, struct hg_flight *flight, const struct hg_rack *rack,
			     uint32_t window, uint32_t now)
{
	uint32_t begin = flight->acked, wait = 0;
	struct hg_run *run;

	for (uint32_t index = rack->rtt ? flight->first : 0; index; index = run->next) {
		int32_t left;

		run = &runs->runs[index];
		left = hg_ahead(run->sent_at + rack->rtt + window, now);
		if (!(run->state & (HG_RUN_SACKED | HG_RUN_LOST)) &&
		    is_sent_after(rack->sent_at, rack->end, run->sent_at, run->end)) {
			if (left <= 0)
				set_state(flight, run, run->end - begin, run->state | HG_RUN_LOST);
			else if ((uint32_t)left > wait)
				wait = (uint32_t)left;
		}
		begin = run->end;
	}
	return wait;
}

bool hg_flight_first_lost(const struct hg_runs *runs, const struct hg_flight *flight, struct hg_range *range)
{
	uint32_t begin = flight->acked;

	if (!flight->lost)
		return false;
	for (uint32_t index = flight->first; index; index = runs->runs[index].next) {
		const struct hg_run *run = &runs->runs[index];

		if (run->state & HG_RUN_LOST) {
			while (run->next && runs->runs[run->next].state & HG_RUN_LOST)
				run = &runs->runs[run->next];
			*range = (struct hg_range){ begin, run->end };
			return true;
		}
		begin = run->end;
	}
	return false;
}
