/* SPDX-License-Identifier: Apache-2.0 */
/* Meters against RFC 2698's text, in exact arithmetic. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "meter.h"
#include "switch_check.h"
#include "thread.h"

#define NS_PER_S 1000000000ull

static struct epoch epoch;

static void configure(struct hg_meter_cell *cell, uint64_t cir, uint64_t cburst, uint64_t pir, uint64_t pburst)
{
	struct hg_meter_config config = { true, cir, cburst, pir, pburst };

	CHECK_EQUAL(meter_set(&epoch, cell, &config), 0);
	epoch_reclaim(&epoch);
}

/* RFC 2698, 3. Tokens in billionths, so that a rate times nanoseconds is a whole number. */
struct reference {
	uint64_t last_ns;
	hg_u128 tc, tp;
};

static hg_u128 smaller(hg_u128 a, hg_u128 b)
{
	return a < b ? a : b;
}

static enum meter_colour reference_mark(struct reference *state, const struct hg_meter_config *config, uint64_t now,
					uint32_t bytes)
{
	hg_u128 elapsed = now - state->last_ns, b = (hg_u128)bytes * NS_PER_S;

	state->last_ns = now;
	state->tp = smaller(state->tp + config->pir * elapsed, (hg_u128)config->pburst * NS_PER_S);
	state->tc = smaller(state->tc + config->cir * elapsed, (hg_u128)config->cburst * NS_PER_S);
	if (state->tp < b)
		return METER_RED;
	state->tp -= b;
	if (state->tc < b)
		return METER_YELLOW;
	state->tc -= b;
	return METER_GREEN;
}

static void test_against_reference(uint64_t cir, uint64_t cburst, uint64_t pir, uint64_t pburst, uint64_t max_gap_ns)
{
	enum { PACKETS = 20000 };
	struct hg_meter_config config = { true, cir, cburst, pir, pburst };
	struct reference reference = { 0, (hg_u128)cburst * NS_PER_S, (hg_u128)pburst * NS_PER_S };
	struct hg_meter_cell cell = { .published = 0 };
	uint64_t random = 1, now = 0, colours[3] = { 0 };

	configure(&cell, cir, cburst, pir, pburst);
	for (int i = 0; i < PACKETS; i++) {
		uint32_t bytes = 64 + check_random(&random) % 1400;
		enum meter_colour expected;

		now += i ? check_random(&random) % max_gap_ns : 0;
		expected = reference_mark(&reference, &config, now, bytes);
		CHECK_EQUAL(meter_mark(&cell, 0, now, bytes), expected);
		colours[expected]++;
	}
	CHECK(colours[METER_GREEN] && colours[METER_YELLOW] && colours[METER_RED]);
	meter_clear(&cell);
}

static void test_unconfigured(void)
{
	struct hg_meter_cell cell = { .published = 0 };
	struct hg_meter_config config;

	for (uint64_t now = 0; now < 100; now++)
		CHECK_EQUAL(meter_mark(&cell, 0, now, UINT32_MAX), METER_GREEN);
	meter_get(&cell, &config);
	CHECK(!config.configured);
	config = (struct hg_meter_config){ true, 10, 1, 9, 1 };
	CHECK_EQUAL(meter_set(&epoch, &cell, &config), -EINVAL);
}

/* Of one packet each nanosecond, what passes in a second is the burst and the rate. */
static void test_rate(void)
{
	struct hg_meter_cell cells[2] = { { .published = 0 } };
	uint64_t passed[3] = { 0 };

	configure(&cells[1], 1000, 10, 3000, 20);
	for (uint64_t now = 0; now < NS_PER_S; now += 1000)
		passed[meter_mark(cells, 1, now, 1)]++;
	CHECK_EQUAL(passed[METER_GREEN], 1000 + 10 - 1); /* the last token is due when the second ends */
	CHECK_EQUAL(passed[METER_GREEN] + passed[METER_YELLOW], 3000 + 20 - 1);
	CHECK_EQUAL(passed[METER_RED], 1000000 - 3000 - 20 + 1);
	CHECK_EQUAL(meter_mark(cells, 0, 0, 1), METER_GREEN); /* its neighbour is not configured */
	meter_clear(&cells[1]);
}

/* Setting it again starts it with full buckets, also by the same values; taking it away makes all green. */
static void test_restart(void)
{
	struct hg_meter_cell cell = { .published = 0 };

	for (int i = 0; i < 2; i++) {
		configure(&cell, 1, 1, 1, 1);
		CHECK_EQUAL(meter_mark(&cell, 0, 5, 1), METER_GREEN);
		CHECK_EQUAL(meter_mark(&cell, 0, 5, 1), METER_RED);
	}
	CHECK_EQUAL(meter_set(&epoch, &cell, &(struct hg_meter_config){ .configured = false }), 0);
	epoch_reclaim(&epoch);
	CHECK_EQUAL(meter_mark(&cell, 0, 5, 1), METER_GREEN);
}

/* Years of idleness at the highest rates overflow nothing. */
static void test_extremes(void)
{
	struct hg_meter_cell cell = { .published = 0 };

	configure(&cell, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX);
	CHECK_EQUAL(meter_mark(&cell, 0, 0, UINT32_MAX), METER_GREEN);
	CHECK_EQUAL(meter_mark(&cell, 0, UINT64_MAX, UINT32_MAX), METER_GREEN);
	configure(&cell, 0, 0, 0, 0);
	CHECK_EQUAL(meter_mark(&cell, 0, UINT64_MAX, 1), METER_RED);
	CHECK_EQUAL(meter_mark(&cell, 0, UINT64_MAX, 0), METER_GREEN);
	meter_clear(&cell);
}

#define MARKERS 3u
#define MARKS 20000u

static struct hg_meter_cell common;
static _Atomic uint32_t passed[3]; /* by colour */

static void *mark_many(void *opaque)
{
	(void)opaque;
	for (uint32_t i = 0; i < MARKS; i++)
		atomic_fetch_add(&passed[meter_mark_shared(&common, 0, 5000 + i, 1)], 1);
	return NULL;
}

/* Of several workers: no token is given twice. */
static void test_shared(void)
{
	pthread_t markers[MARKERS];

	configure(&common, 0, 1000, 0, 3000);
	for (uintptr_t i = 0; i < MARKERS; i++)
		CHECK_EQUAL(thread_start(&markers[i], "marker", mark_many, (void *)i), 0);
	for (uint32_t i = 0; i < MARKERS; i++)
		pthread_join(markers[i], NULL);
	CHECK_EQUAL(atomic_load(&passed[METER_GREEN]), 1000);
	CHECK_EQUAL(atomic_load(&passed[METER_YELLOW]), 2000);
	CHECK_EQUAL(atomic_load(&passed[METER_RED]), MARKERS * MARKS - 3000);
	meter_clear(&common);
}

/* Another worker's batch may have begun later: time that was paid for is not paid for again. */
static void test_clocks(void)
{
	configure(&common, NS_PER_S, 10, NS_PER_S, 10);
	for (int i = 0; i < 10; i++)
		CHECK_EQUAL(meter_mark_shared(&common, 0, 100, 1), METER_GREEN);
	CHECK_EQUAL(meter_mark_shared(&common, 0, 90, 1), METER_RED);
	CHECK_EQUAL(meter_mark_shared(&common, 0, 100, 1), METER_RED);
	CHECK_EQUAL(meter_mark_shared(&common, 0, 105, 5), METER_GREEN);
	CHECK_EQUAL(meter_mark_shared(&common, 0, 105, 1), METER_RED);
	meter_clear(&common);
}

int main(void)
{
	epoch_init(&epoch, 1);
	test_against_reference(1000000, 3000, 2000000, 5000, 700000);
	test_against_reference(125000000, 15000, 250000000, 30000, 4000);
	test_against_reference(1, 2000, 200000007, 9000, 5000);
	test_unconfigured();
	test_rate();
	test_restart();
	test_extremes();
	test_shared();
	test_clocks();
	return 0;
}
