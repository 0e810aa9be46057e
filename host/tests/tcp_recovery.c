/* SPDX-License-Identifier: Apache-2.0 */
/* What losses and timeouts do to the window, and what is sent until they are repaired. */
#include <string.h>

#include "pusher_check.h"
#include "recovery.h"

#define SEGMENT 1408u
#define MB (1u << 20)

struct sender {
	struct hg_runs runs;
	struct hg_flight flight;
	struct hg_cubic cubic;
	struct hg_recovery recovery;
};

static void begin(struct sender *sender, uint32_t window, uint32_t sent)
{
	memset(sender, 0, sizeof(*sender));
	CHECK_EQUAL(hg_runs_open(&sender->runs, 1, 8192), 0);
	hg_cubic_init(&sender->cubic, SEGMENT);
	sender->cubic.window = window;
	for (uint32_t at = SEGMENT; at <= sent; at += SEGMENT)
		hg_flight_append(&sender->runs, &sender->flight, at, at);
}

static void has(struct sender *sender, uint32_t start, uint32_t end)
{
	struct hg_delivery delivery = { 0 };

	hg_flight_sack(&sender->runs, &sender->flight, start, end, &delivery);
}

/* Behind one hole 8 MB were selectively acknowledged: the threshold is a share of the window, not of those. */
static void threshold_after_timeout(void)
{
	struct sender sender;
	uint32_t window = 600 * 1024;

	begin(&sender, window, 8 * MB);
	has(&sender, SEGMENT, sender.flight.end);
	hg_recovery_time_out(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	CHECK(sender.cubic.threshold <= window * 7 / 10 && sender.cubic.threshold > window / 2);
	CHECK_EQUAL(sender.cubic.window, SEGMENT);
	/* A second one of the same loss leaves it alone; when all is repaired, the next is another. */
	window = sender.cubic.threshold;
	sender.cubic.window = 10 * SEGMENT;
	hg_recovery_time_out(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	CHECK_EQUAL(sender.cubic.threshold, window);
	CHECK(hg_recovery_end(&sender.recovery, &sender.cubic, sender.flight.end));
	sender.cubic.window = 100 * SEGMENT;
	hg_recovery_time_out(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	CHECK_EQUAL(sender.cubic.threshold, 70 * SEGMENT);
	hg_runs_close(&sender.runs);
}

/* A timeout within fast recovery is of the same loss. */
static void timeout_in_recovery(void)
{
	struct sender sender;

	begin(&sender, 100 * SEGMENT, 100 * SEGMENT);
	hg_recovery_begin(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	CHECK_EQUAL(sender.cubic.threshold, 70 * SEGMENT);
	hg_recovery_time_out(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	CHECK_EQUAL(sender.cubic.threshold, 70 * SEGMENT);
	CHECK_EQUAL(sender.cubic.window, SEGMENT);
	hg_runs_close(&sender.runs);
}

/* RFC 6937: seven segments leave for each ten that arrive, and what is outstanding ends at the threshold. */
static void proportional(void)
{
	struct sender sender;
	uint32_t sent = 0, pipe = 95 * SEGMENT; /* five of a hundred are lost */

	begin(&sender, 100 * SEGMENT, 100 * SEGMENT);
	hg_recovery_begin(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	for (uint32_t arrived = 1; arrived <= 95; arrived++) {
		pipe -= SEGMENT;
		hg_recovery_reduce(&sender.recovery, &sender.cubic, pipe, SEGMENT, false, SEGMENT);
		CHECK(arrived > 1 || sender.cubic.window >= pipe + SEGMENT); /* the first goes out at once */
		while (pipe + SEGMENT <= sender.cubic.window) {
			hg_recovery_sent(&sender.recovery, SEGMENT, true);
			pipe += SEGMENT;
			sent++;
		}
		CHECK(sent <= arrived * 7 / 10 + 2 || pipe <= 70 * SEGMENT);
	}
	CHECK(pipe >= 66 * SEGMENT && pipe <= 70 * SEGMENT);
	hg_runs_close(&sender.runs);
}

/* Most of a window is lost: the pipe is below the threshold, and grows no faster than what arrives. */
static void conservative(void)
{
	struct sender sender;
	uint32_t pipe = 20 * SEGMENT;

	begin(&sender, 100 * SEGMENT, 100 * SEGMENT);
	hg_recovery_begin(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	for (uint32_t i = 0; i < 20; i++) {
		pipe -= SEGMENT;
		hg_recovery_reduce(&sender.recovery, &sender.cubic, pipe, SEGMENT, false, SEGMENT);
		CHECK(sender.cubic.window <= pipe + SEGMENT);
		hg_recovery_sent(&sender.recovery, sender.cubic.window - pipe, true);
		pipe = sender.cubic.window;
	}
	hg_recovery_reduce(&sender.recovery, &sender.cubic, pipe - SEGMENT, SEGMENT, true, SEGMENT);
	CHECK_EQUAL(sender.cubic.window, pipe + SEGMENT); /* as slow start, when nothing new is lost */
	hg_runs_close(&sender.runs);
}

static void came_twice(void)
{
	struct hg_recovery recovery = { .undo = 1280 };

	CHECK(!hg_recovery_came_twice(&recovery, 1280, 1408));
	hg_recovery_sent(&recovery, 2 * SEGMENT, true);
	CHECK(!hg_recovery_came_twice(&recovery, 0, 1280));
	CHECK(!hg_recovery_came_twice(&recovery, 1280, 1280 + SEGMENT));
	CHECK(hg_recovery_came_twice(&recovery, 1280 + SEGMENT, 1280 + 2 * SEGMENT));
}

static void reordering_window(void)
{
	struct hg_recovery recovery = { 0 };
	struct hg_flight flight = { .sacked = SEGMENT };

	CHECK_EQUAL(hg_recovery_reordering_window(&recovery, &flight, 40000, SEGMENT), 10000);
	flight.sacked = 3 * SEGMENT;
	CHECK_EQUAL(hg_recovery_reordering_window(&recovery, &flight, 40000, SEGMENT), 0);
	recovery.reordering = 1;
	CHECK_EQUAL(hg_recovery_reordering_window(&recovery, &flight, 40000, SEGMENT), 10000);
	recovery.reordering = 9;
	CHECK_EQUAL(hg_recovery_reordering_window(&recovery, &flight, 40000, SEGMENT), 40000);
	CHECK_EQUAL(hg_recovery_reordering_window(&recovery, &flight, 100, SEGMENT), 4000);
}

/* All that is outstanding counts as lost, and what was sent again is not answered: something may still be sent. */
static void empty_network(void)
{
	struct sender sender;

	begin(&sender, 10 * SEGMENT, 10 * SEGMENT);
	hg_recovery_begin(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	hg_recovery_sent(&sender.recovery, SEGMENT, true);
	hg_recovery_reduce(&sender.recovery, &sender.cubic, 0, 0, false, SEGMENT);
	CHECK_EQUAL(sender.cubic.window, SEGMENT);
	hg_runs_close(&sender.runs);
}

/* After a timeout the window is a segment, and far more may be outstanding: no more is sent than is delivered. */
static void small_window(void)
{
	struct sender sender;

	begin(&sender, SEGMENT, 40 * SEGMENT);
	hg_recovery_begin(&sender.recovery, &sender.cubic, &sender.flight, SEGMENT);
	hg_recovery_reduce(&sender.recovery, &sender.cubic, 20 * SEGMENT, 10 * SEGMENT, true, SEGMENT);
	CHECK(sender.cubic.window <= 30 * SEGMENT);
	hg_runs_close(&sender.runs);
}

int main(void)
{
	threshold_after_timeout();
	timeout_in_recovery();
	proportional();
	conservative();
	empty_network();
	small_window();
	came_twice();
	reordering_window();
	return 0;
}
