/* SPDX-License-Identifier: Apache-2.0 */
/* CUBIC against RFC 9438's own formulas, computed here in double precision. */
#include <math.h>

#include "cubic.h"
#include "pusher_check.h"

#define SEGMENT 1408
#define RTT 100000 /* us */

static void initial_windows(void)
{
	/* RFC 6928: min(10 * MSS, max(2 * MSS, 14600)) */
	CHECK_EQUAL(hg_initial_window(512), 5120);
	CHECK_EQUAL(hg_initial_window(1152), 11520);
	CHECK_EQUAL(hg_initial_window(1408), 14080);
	CHECK_EQUAL(hg_initial_window(8832), 17664);
}

static void slow_start(void)
{
	struct hg_cubic cubic;

	hg_cubic_init(&cubic, SEGMENT);
	CHECK(hg_cubic_in_slow_start(&cubic));
	for (int i = 0; i < 10; i++)
		hg_cubic_acked(&cubic, SEGMENT, SEGMENT, RTT, 1000);
	CHECK_EQUAL(cubic.window, 20 * SEGMENT);
	for (int i = 0; i < 100; i++)
		hg_cubic_acked(&cubic, 1u << 24, SEGMENT, RTT, 1000);
	CHECK_EQUAL(cubic.window, HG_WINDOW_MAX);
}

/* A round of 20 acknowledgements, the last 8 of which take at least `late`, all others `rtt`. */
static void round_of(struct hg_cubic *cubic, uint32_t number, uint32_t rtt, uint32_t late)
{
	for (uint32_t i = 0; i < 24; i++)
		hg_cubic_sampled(cubic, (i < 16 ? rtt : late) + 1000 * (i % 8), number * 100 + i, number * 100 + 100);
}

/* The last eight of a round take longer: one round without growth, and slow start ends if all of that does. */
static void slow_start_ends(void)
{
	struct hg_cubic cubic;

	hg_cubic_init(&cubic, SEGMENT);
	round_of(&cubic, 1, RTT, RTT + 12000); /* an eighth is 12,500 */
	hg_cubic_acked(&cubic, 4 * SEGMENT, SEGMENT, RTT, 1000);
	CHECK_EQUAL(cubic.window, 14 * SEGMENT);
	round_of(&cubic, 2, RTT, RTT + 13000);
	hg_cubic_acked(&cubic, 4 * SEGMENT, SEGMENT, RTT, 1000);
	CHECK_EQUAL(cubic.window, 14 * SEGMENT);
	/* A delay: it is over in the next round. */
	round_of(&cubic, 3, RTT + 13000, RTT);
	round_of(&cubic, 4, RTT, RTT);
	CHECK(hg_cubic_in_slow_start(&cubic));
	hg_cubic_acked(&cubic, 4 * SEGMENT, SEGMENT, RTT, 1000);
	CHECK_EQUAL(cubic.window, 18 * SEGMENT);
	/* A queue. */
	round_of(&cubic, 5, RTT, RTT + 13000);
	round_of(&cubic, 6, RTT + 13000, RTT + 14000);
	CHECK(hg_cubic_in_slow_start(&cubic));
	round_of(&cubic, 7, RTT + 13000, RTT + 14000);
	CHECK(!hg_cubic_in_slow_start(&cubic));
	CHECK_EQUAL(cubic.threshold, 18 * SEGMENT);
}

/* A round of one acknowledgement is judged when it ends. */
static void few_samples(void)
{
	struct hg_cubic cubic;

	hg_cubic_init(&cubic, SEGMENT);
	hg_cubic_sampled(&cubic, RTT, 0, 100);
	hg_cubic_sampled(&cubic, RTT + 20000, 100, 200);
	CHECK(!cubic.held);
	hg_cubic_sampled(&cubic, RTT + 20000, 200, 300);
	CHECK(cubic.held);
	hg_cubic_sampled(&cubic, RTT + 20000, 300, 400);
	CHECK(!hg_cubic_in_slow_start(&cubic));
}

static void undone(void)
{
	struct hg_cubic cubic;

	hg_cubic_init(&cubic, SEGMENT);
	cubic.window = 100 * SEGMENT;
	hg_cubic_lost(&cubic, 100 * SEGMENT, SEGMENT);
	hg_cubic_undo(&cubic);
	CHECK(fabs(cubic.window / (double)SEGMENT - 100) < 0.01);
	CHECK(hg_cubic_in_slow_start(&cubic));
	hg_cubic_lost(&cubic, 100 * SEGMENT, SEGMENT);
	hg_cubic_lost(&cubic, 70 * SEGMENT, SEGMENT);
	hg_cubic_undo(&cubic);
	CHECK(fabs(cubic.window / (double)SEGMENT - 70) < 0.01);
	CHECK(!hg_cubic_in_slow_start(&cubic));
}

static void reductions(void)
{
	struct hg_cubic cubic;

	hg_cubic_init(&cubic, SEGMENT);
	cubic.window = 100 * SEGMENT;
	hg_cubic_lost(&cubic, 100 * SEGMENT, SEGMENT); /* 4.6 */
	CHECK(fabs(cubic.window / (double)SEGMENT - 70) < 0.01);
	CHECK_EQUAL(cubic.threshold, cubic.window);
	CHECK(fabs(cubic.w_max - 100) < 0.01);
	hg_cubic_lost(&cubic, 70 * SEGMENT, SEGMENT); /* 4.7: below W_max, so it gives way */
	CHECK(fabs(cubic.w_max - 70 * 0.85) < 0.1);
	hg_cubic_lost(&cubic, SEGMENT, SEGMENT);
	CHECK_EQUAL(cubic.threshold, 2 * SEGMENT);
	cubic.window = 50 * SEGMENT;
	hg_cubic_idle(&cubic, SEGMENT);
	CHECK_EQUAL(cubic.window, hg_initial_window(SEGMENT));
}

/* A window acknowledged each round-trip time follows W_cubic(t) = C (t - K)^3 + W_max. */
static void curve(void)
{
	const double w_max = 1000, window = 700;
	const double k = cbrt((w_max - window) / 0.4);
	struct hg_cubic cubic;
	uint32_t now = 123456;

	hg_cubic_init(&cubic, SEGMENT);
	cubic.window = (uint32_t)(w_max * SEGMENT);
	hg_cubic_lost(&cubic, cubic.window, SEGMENT);
	for (int round = 1; round <= 150; round++) {
		uint32_t segments = cubic.window / SEGMENT;
		double t, expected;

		for (uint32_t i = 0; i < segments; i++)
			hg_cubic_acked(&cubic, SEGMENT, SEGMENT, RTT, now + (uint32_t)((uint64_t)i * RTT / segments));
		now += RTT;
		t = round * (RTT * 1e-6);
		expected = 0.4 * pow(t - k, 3) + w_max;
		CHECK(fabs(cubic.window / (double)SEGMENT - expected) < 0.03 * expected);
	}
	CHECK(cubic.window > 1050 * SEGMENT); /* beyond the plateau, it probes */
}

/* 4.3: with a short round-trip time it is as Reno: alpha segments each round, then one. */
static void reno_friendly(void)
{
	struct hg_cubic cubic;
	double alpha = 3 * 0.3 / 1.7;
	uint32_t now = 1;

	hg_cubic_init(&cubic, SEGMENT);
	cubic.window = 20 * SEGMENT;
	hg_cubic_lost(&cubic, cubic.window, SEGMENT);
	for (int round = 1; round <= 8; round++) {
		uint32_t segments = cubic.window / SEGMENT;

		for (uint32_t i = 0; i < segments; i++)
			hg_cubic_acked(&cubic, SEGMENT, SEGMENT, 1000, now);
		now += 1000;
		CHECK(fabs(cubic.window / (double)SEGMENT - (14 + alpha * round)) < 0.5);
	}
}

/* Slow start has begun again, because a queue was gone, before the loss turns out to have been none. */
static void undone_late(void)
{
	struct hg_cubic cubic;

	hg_cubic_init(&cubic, SEGMENT);
	hg_cubic_undo(&cubic);
	CHECK_EQUAL(cubic.window, hg_initial_window(SEGMENT));
	CHECK_EQUAL(cubic.threshold, UINT32_MAX);
}

int main(void)
{
	initial_windows();
	slow_start();
	slow_start_ends();
	few_samples();
	undone();
	undone_late();
	reductions();
	curve();
	reno_friendly();
	return 0;
}
