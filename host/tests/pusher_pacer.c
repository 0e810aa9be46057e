/* SPDX-License-Identifier: Apache-2.0 */
/* The pacer against a clock of the test's own. */
#include "pacer.h"
#include "pusher_check.h"

#define SECOND 1000000000ULL
#define PAYLOAD 1452

/* Sends `batches` at their time, each `delay` ns late; returns the time of the last. */
static uint64_t run(struct hg_pacer *pacer, uint64_t now, uint32_t batches, uint64_t delay, uint64_t *frames)
{
	*frames = 0;
	while (batches--) {
		uint32_t batch = hg_pacer_batch(pacer, PAYLOAD, 64);
		uint64_t next = hg_pacer_next(pacer);

		CHECK(batch >= 1 && batch <= HG_PACER_BATCH_FRAMES);
		now = (next > now ? next : now) + delay;
		hg_pacer_sent(pacer, now, batch, (uint64_t)batch * PAYLOAD);
		*frames += batch;
	}
	return now;
}

static void keeps_rate(uint64_t bits, uint64_t packets, uint64_t delay)
{
	double rate = bits ? (double)bits / (8 * PAYLOAD) : (double)packets;
	struct hg_pacer pacer;
	uint64_t frames, end;

	hg_pacer_init(&pacer, bits, packets);
	hg_pacer_idle(&pacer, 5 * SECOND);
	end = run(&pacer, 0, 20000, delay, &frames);
	CHECK((double)frames / rate > (double)(end - 5 * SECOND) / SECOND * 0.999);
	CHECK((double)frames / rate < (double)(end - 5 * SECOND) / SECOND * 1.001 + 0.01 + 2 / rate);
	CHECK_EQUAL(pacer.skipped, 0);
}

static void rates(void)
{
	keeps_rate(100000000, 0, 0);
	keeps_rate(1000000000, 0, 0);
	keeps_rate(1000000000, 0, 22000); /* wake-ups 22 us late, as on a virtual machine */
	keeps_rate(8 * PAYLOAD * 3, 0, 100); /* three frames a second */
	keeps_rate(0, 1, 0);
	keeps_rate(0, 7, 0); /* a second is not a multiple of the distance */
	keeps_rate(0, 333333, 0);
}

static void batches(void)
{
	struct hg_pacer pacer;

	hg_pacer_init(&pacer, 100000000, 0);
	CHECK_EQUAL(hg_pacer_batch(&pacer, PAYLOAD, 64), 2); /* 250 us at 116 us a frame */
	hg_pacer_init(&pacer, 10000000000, 0);
	CHECK_EQUAL(hg_pacer_batch(&pacer, PAYLOAD, 64), HG_PACER_BATCH_FRAMES);
	hg_pacer_init(&pacer, 1000, 0);
	CHECK_EQUAL(hg_pacer_batch(&pacer, PAYLOAD, 64), 1);
	hg_pacer_init(&pacer, UINT64_MAX, 0);
	CHECK_EQUAL(hg_pacer_batch(&pacer, 1, 64), HG_PACER_BATCH_FRAMES);
	hg_pacer_init(&pacer, 0, 0);
	CHECK_EQUAL(hg_pacer_batch(&pacer, PAYLOAD, 64), 64);
	hg_pacer_sent(&pacer, SECOND, 64, 64 * PAYLOAD);
	CHECK(hg_pacer_next(&pacer) <= SECOND);
}

/* After a stall: the loss is bounded and reported, and batches keep their distance. */
static void stall(void)
{
	struct hg_pacer pacer;
	uint64_t now = SECOND;
	uint64_t before;

	hg_pacer_init(&pacer, 0, 8000); /* two frames every 250 us */
	hg_pacer_idle(&pacer, now);
	hg_pacer_sent(&pacer, now, 2, 2 * PAYLOAD);
	CHECK_EQUAL(hg_pacer_next(&pacer), now + 250000);
	before = now;
	now += SECOND; /* one second too late */
	hg_pacer_sent(&pacer, now, 2, 2 * PAYLOAD);
	CHECK_EQUAL(pacer.late, now - before - 250000);
	CHECK_EQUAL(pacer.skipped, pacer.late - HG_PACER_CATCH_UP_NS);
	for (int i = 0; i < 1000; i++) {
		uint64_t next = hg_pacer_next(&pacer);

		CHECK(next >= now + 187500);
		now = next;
		hg_pacer_sent(&pacer, now, 2, 2 * PAYLOAD);
	}
	/* Caught up with what was not given up, and in step again. */
	CHECK_EQUAL(hg_pacer_next(&pacer), now + 250000);
}

static void idle_is_not_late(void)
{
	struct hg_pacer pacer;

	hg_pacer_init(&pacer, 0, 1000);
	hg_pacer_idle(&pacer, SECOND);
	hg_pacer_sent(&pacer, SECOND, 1, PAYLOAD);
	hg_pacer_idle(&pacer, 3 * SECOND);
	hg_pacer_sent(&pacer, 3 * SECOND, 1, PAYLOAD);
	CHECK_EQUAL(pacer.late, 0);
	CHECK_EQUAL(pacer.skipped, 0);
}

int main(void)
{
	rates();
	batches();
	stall();
	idle_is_not_late();
	return 0;
}
