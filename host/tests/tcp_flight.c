/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is outstanding, against a naive model that keeps each granule's state and time. As long as the pool has runs the
 * two agree; without, the flight knows less and its sums still agree with its list.
 */
#include <string.h>

#include "flight.h"
#include "pusher_check.h"

#define GRANULES 512
#define BYTES 128
#define SEGMENT (2 * BYTES)

static uint32_t state = 1;

static uint32_t random_below(uint32_t limit)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

struct model {
	uint32_t acked, sent; /* granules */
	uint32_t now;
	struct {
		uint8_t state;
		uint32_t at;
	} granules[GRANULES];
};

static void open_pool(struct hg_runs *runs, struct hg_flight *flight, uint32_t more)
{
	CHECK_EQUAL(hg_runs_open(runs, 1, more), 0);
	memset(flight, 0, sizeof(*flight));
	hg_flight_reset(runs, flight, 0);
}

/* The list covers [acked, end) in order, and the totals are its own. */
static void check_list(const struct hg_runs *runs, const struct hg_flight *flight)
{
	uint32_t begin = flight->acked, sacked = 0, lost = 0, count = 0, last = 0;

	for (uint32_t i = flight->first; i; i = runs->runs[i].next) {
		const struct hg_run *run = &runs->runs[i];

		CHECK(run->end > begin);
		sacked += run->state & HG_RUN_SACKED ? run->end - begin : 0;
		lost += run->state & HG_RUN_LOST ? run->end - begin : 0;
		CHECK(!(run->state & HG_RUN_SACKED && run->state & HG_RUN_LOST));
		begin = run->end;
		last = i;
		count++;
	}
	CHECK_EQUAL(begin, flight->end);
	CHECK_EQUAL(sacked, flight->sacked);
	CHECK_EQUAL(lost, flight->lost);
	CHECK_EQUAL(count, flight->count);
	CHECK_EQUAL(last, flight->last);
	CHECK_EQUAL(runs->left + count, runs->size - 1);
	CHECK(flight->highest >= flight->acked);
}

static void compare(const struct hg_runs *runs, const struct hg_flight *flight, const struct model *model)
{
	uint32_t at = model->acked, first_lost = GRANULES, pipe = 0;
	struct hg_range lost;

	CHECK_EQUAL(flight->acked, model->acked * BYTES);
	CHECK_EQUAL(flight->end, model->sent * BYTES);
	for (uint32_t i = flight->first; i; i = runs->runs[i].next)
		for (; at * BYTES < runs->runs[i].end; at++) {
			CHECK_EQUAL(runs->runs[i].state, model->granules[at].state);
			if (!runs->runs[i].state)
				CHECK_EQUAL(runs->runs[i].sent_at, model->granules[at].at);
			pipe += runs->runs[i].state & (HG_RUN_SACKED | HG_RUN_LOST) ? 0 : BYTES;
			if (first_lost == GRANULES && runs->runs[i].state & HG_RUN_LOST)
				first_lost = at;
		}
	CHECK_EQUAL(hg_flight_pipe(flight, SEGMENT), pipe);
	CHECK_EQUAL(hg_flight_first_lost(runs, flight, &lost), first_lost < GRANULES);
	if (first_lost < GRANULES)
		CHECK_EQUAL(lost.start, first_lost * BYTES);
}

static void send_new(struct hg_runs *runs, struct hg_flight *flight, struct model *model)
{
	uint32_t end = model->sent + 1 + random_below(8);

	if (end > GRANULES)
		return;
	hg_flight_append(runs, flight, end * BYTES, model->now);
	for (; model->sent < end; model->sent++) {
		model->granules[model->sent].state = 0;
		model->granules[model->sent].at = model->now;
	}
}

static struct hg_range pick(const struct model *model)
{
	uint32_t start = model->acked + random_below(model->sent - model->acked);
	uint32_t end = start + 1 + random_below(12);

	return (struct hg_range){ start, end < model->sent ? end : model->sent };
}

static void resend(struct hg_runs *runs, struct hg_flight *flight, struct model *model)
{
	struct hg_range range = pick(model);

	hg_flight_resend(runs, flight, range.start * BYTES, range.end * BYTES, model->now);
	for (uint32_t i = range.start; i < range.end; i++)
		if (!(model->granules[i].state & HG_RUN_SACKED)) {
			model->granules[i].state = HG_RUN_RESENT;
			model->granules[i].at = model->now;
		}
}

static void sack(struct hg_runs *runs, struct hg_flight *flight, struct model *model)
{
	struct hg_delivery delivery = { .now = model->now };
	struct hg_range range = pick(model);
	uint32_t news = 0;

	hg_flight_sack(runs, flight, range.start * BYTES, range.end * BYTES, &delivery);
	for (uint32_t i = range.start; i < range.end; i++) {
		news += model->granules[i].state & HG_RUN_SACKED ? 0 : BYTES;
		model->granules[i].state = HG_RUN_SACKED;
	}
	if (runs->size > GRANULES)
		CHECK_EQUAL(delivery.bytes, news);
	else
		CHECK(delivery.bytes <= news + (range.end - range.start) * BYTES);
}

static void acknowledge(struct hg_runs *runs, struct hg_flight *flight, struct model *model)
{
	struct hg_delivery delivery = { .now = model->now };
	uint32_t to = model->acked + random_below(model->sent - model->acked + 1), news = 0;

	hg_flight_ack(runs, flight, to * BYTES, &delivery);
	for (; model->acked < to; model->acked++)
		news += model->granules[model->acked].state & HG_RUN_SACKED ? 0 : BYTES;
	if (runs->size > GRANULES)
		CHECK_EQUAL(delivery.bytes, news);
}

static void lose(struct hg_runs *runs, struct hg_flight *flight, struct model *model)
{
	struct hg_range range = pick(model);

	hg_flight_lose(runs, flight, range.start * BYTES, range.end * BYTES);
	for (uint32_t i = range.start; i < range.end; i++)
		if (!(model->granules[i].state & HG_RUN_SACKED))
			model->granules[i].state |= HG_RUN_LOST;
}

static void find_lost(struct hg_runs *runs, struct hg_flight *flight, struct model *model)
{
	const struct hg_rack rack = { model->now - 50, flight->end, 50 };

	hg_flight_find_lost(runs, flight, &rack, 10, model->now);
	for (uint32_t i = model->acked; i < model->sent; i++)
		if (!(model->granules[i].state & (HG_RUN_SACKED | HG_RUN_LOST)) && (int32_t)(model->now - model->granules[i].at) >= 60)
			model->granules[i].state |= HG_RUN_LOST;
}

/* All that is done to a flight, in any order. */
static void against_model(uint32_t more)
{
	static void (*const steps[])(struct hg_runs *, struct hg_flight *, struct model *) = {
		send_new, send_new, send_new, resend, sack, sack, lose, find_lost, acknowledge,
	};
	struct hg_runs runs;
	struct hg_flight flight;
	struct model model = { .now = UINT32_MAX - 2000 }; /* across the clock's wrap */

	open_pool(&runs, &flight, more);
	for (uint32_t step = 0; step < 4000; step++) {
		if (model.sent == model.acked) {
			if (model.sent > GRANULES - 16) {
				hg_flight_reset(&runs, &flight, 0);
				model.acked = model.sent = 0;
			}
			send_new(&runs, &flight, &model);
		} else {
			steps[random_below(sizeof(steps) / sizeof(steps[0]))](&runs, &flight, &model);
		}
		check_list(&runs, &flight);
		if (more > GRANULES)
			compare(&runs, &flight, &model);
		model.now += random_below(20);
	}
	hg_flight_reset(&runs, &flight, 0);
	CHECK_EQUAL(runs.left, runs.size - 1);
	hg_runs_close(&runs);
}

/* RFC 8985, 6.2: by order of sending; what was sent again counts from then. */
static void rack(void)
{
	struct hg_delivery delivery = { .now = 1100, .least_rtt = 100 };
	struct hg_rack rack = { 0 };
	struct hg_runs runs;
	struct hg_flight flight;
	struct hg_range lost;

	open_pool(&runs, &flight, 100);
	for (uint32_t i = 1; i <= 4; i++)
		hg_flight_append(&runs, &flight, i * BYTES, 1000 + i);
	hg_flight_sack(&runs, &flight, 2 * BYTES, 3 * BYTES, &delivery);
	hg_rack_update(&rack, &delivery);
	CHECK_EQUAL(rack.sent_at, 1003);
	CHECK_EQUAL(hg_flight_find_lost(&runs, &flight, &rack, 20, 1100), 19); /* 1002 + 97 + 20 */
	CHECK_EQUAL(flight.lost, 0);
	CHECK_EQUAL(hg_flight_find_lost(&runs, &flight, &rack, 20, 1119), 0);
	CHECK_EQUAL(flight.lost, 2 * BYTES); /* the fourth was sent later */
	CHECK(hg_flight_first_lost(&runs, &flight, &lost) && lost.start == 0 && lost.end == 2 * BYTES);
	hg_flight_resend(&runs, &flight, 0, 2 * BYTES, 1119);
	CHECK_EQUAL(hg_flight_find_lost(&runs, &flight, &rack, 20, 5000), 0);
	CHECK_EQUAL(flight.lost, 0);
	/* What was sent after the retransmission arrives, and not that: it is lost again. */
	hg_flight_append(&runs, &flight, 5 * BYTES, 1120);
	delivery = (struct hg_delivery){ .now = 1240, .least_rtt = 100 };
	hg_flight_sack(&runs, &flight, 4 * BYTES, 5 * BYTES, &delivery);
	hg_rack_update(&rack, &delivery);
	hg_flight_find_lost(&runs, &flight, &rack, 0, 1240);
	CHECK_EQUAL(flight.lost, 3 * BYTES);
	/* Sooner than any answer could be: it is the original's. */
	hg_flight_resend(&runs, &flight, 0, BYTES, 1300);
	delivery = (struct hg_delivery){ .now = 1350, .least_rtt = 100 };
	hg_flight_ack(&runs, &flight, BYTES, &delivery);
	CHECK(!delivery.any && !delivery.once && delivery.bytes == BYTES);
	hg_runs_close(&runs);
}

/* Two pieces sent at one time: the one that ends later was sent later. */
static void one_run(void)
{
	struct hg_delivery delivery = { .now = 1100 };
	struct hg_rack rack = { 0 };
	struct hg_runs runs;
	struct hg_flight flight;

	open_pool(&runs, &flight, 100);
	hg_flight_append(&runs, &flight, 10 * BYTES, 1000);
	hg_flight_sack(&runs, &flight, 4 * BYTES, 6 * BYTES, &delivery);
	hg_rack_update(&rack, &delivery);
	hg_flight_find_lost(&runs, &flight, &rack, 0, 1100);
	CHECK_EQUAL(flight.lost, 4 * BYTES);
	CHECK(!delivery.reordered);
	hg_flight_ack(&runs, &flight, 4 * BYTES, &delivery);
	CHECK(delivery.reordered && delivery.not_lost);
	hg_runs_close(&runs);
}

/* One flow takes what it can: the others still have a run each. */
static void scarce(void)
{
	struct hg_delivery delivery = { 0 };
	struct hg_flight flights[8];
	struct hg_runs runs;

	CHECK_EQUAL(hg_runs_open(&runs, 8, 200), 0);
	memset(flights, 0, sizeof(flights));
	for (uint32_t f = 0; f < 8; f++) {
		for (uint32_t i = 1; i <= 300; i++)
			hg_flight_append(&runs, &flights[f], i * BYTES, i);
		for (uint32_t i = 1; i < 299; i += 2)
			hg_flight_sack(&runs, &flights[f], i * BYTES, (i + 1) * BYTES, &delivery);
		CHECK(flights[f].count >= 1);
		CHECK_EQUAL(flights[f].end, 300 * BYTES);
	}
	CHECK(flights[7].count <= 64);
	for (uint32_t f = 0; f < 8; f++)
		hg_flight_reset(&runs, &flights[f], 0);
	CHECK_EQUAL(runs.left, runs.size - 1);
	hg_runs_close(&runs);
}

int main(void)
{
	for (uint32_t i = 0; i < 20; i++)
		against_model(8 * GRANULES);
	for (uint32_t i = 0; i < 20; i++)
		against_model(i);
	rack();
	one_run();
	scarce();
	return 0;
}
