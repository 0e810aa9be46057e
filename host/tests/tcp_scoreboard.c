/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scoreboard against a naive model that keeps a flag for each granule: as long as
 * the ranges fit the two agree; beyond, the scoreboard knows less and never more.
 */
#include <string.h>

#include "pusher_check.h"
#include "scoreboard.h"

#define GRANULES 64
#define BYTES 128
#define SEGMENT (2 * BYTES)

static uint32_t state = 1;

static uint32_t random_below(uint32_t limit)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

struct model {
	bool has[GRANULES];
	uint32_t acked;
};

static uint32_t model_ranges(const struct model *model)
{
	uint32_t count = 0;

	for (uint32_t i = model->acked; i < GRANULES; i++)
		count += model->has[i] && (i == model->acked || !model->has[i - 1]);
	return count;
}

/* RFC 6675, IsLost: three ranges above, or more than two segments in them. */
static bool model_lost(const struct model *model, uint32_t granule)
{
	uint32_t ranges = 0, above = 0;

	for (uint32_t i = granule + 1; i < GRANULES; i++) {
		above += model->has[i];
		ranges += model->has[i] && !model->has[i - 1];
	}
	return ranges >= HG_DUP_THRESHOLD || above * BYTES > (HG_DUP_THRESHOLD - 1) * SEGMENT;
}

static void compare(const struct hg_scoreboard *board, const struct model *model, uint32_t sent)
{
	uint32_t pipe = 0;

	for (uint32_t i = model->acked; i < sent; i++) {
		struct hg_range hole;
		bool missing = hg_scoreboard_hole(board, i * BYTES, (i + 1) * BYTES, &hole);
		bool lost = !model->has[i] && model_lost(model, i);

		CHECK_EQUAL(missing, !model->has[i]);
		CHECK_EQUAL(missing && i * BYTES < board->lost, lost);
		pipe += missing && !lost ? BYTES : 0;
		pipe += missing && lost && i * BYTES < board->again ? BYTES : 0;
	}
	CHECK_EQUAL(hg_scoreboard_pipe(board, model->acked * BYTES, sent * BYTES, SEGMENT), pipe);
}

static void never_more(const struct hg_scoreboard *board, const struct model *model)
{
	CHECK(board->count <= HG_SACK_RANGES);
	for (uint32_t i = 0; i < board->count; i++) {
		struct hg_range range = hg_scoreboard_range(board, i);

		CHECK(range.start < range.end);
		CHECK(i == 0 || board->ranges[i - 1].end < board->ranges[i].start);
		for (uint32_t at = range.start; at < range.end; at += BYTES)
			CHECK(model->has[at / BYTES]);
	}
}

static void run(uint32_t steps)
{
	struct hg_scoreboard board;
	struct model model = { 0 };
	bool forgot = false;

	hg_scoreboard_clear(&board, 0);
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t start = model.acked + 1 + random_below(GRANULES - 1 - model.acked);
		uint32_t end = start + 1 + random_below(6);
		bool news = false;

		if (end > GRANULES)
			end = GRANULES;
		for (uint32_t i = start; i < end; i++) {
			news |= !model.has[i];
			model.has[i] = true;
		}
		if (!forgot)
			CHECK(hg_scoreboard_add(&board, start * BYTES, end * BYTES) == news ||
			      board.count == HG_SACK_RANGES);
		else
			hg_scoreboard_add(&board, start * BYTES, end * BYTES);
		forgot |= model_ranges(&model) > HG_SACK_RANGES;
		if (random_below(4) == 0) {
			model.acked += random_below(4);
			while (model.acked < GRANULES && model.has[model.acked])
				model.acked++;
			if (model.acked >= GRANULES - 1)
				return;
			hg_scoreboard_advance(&board, model.acked * BYTES);
		}
		never_more(&board, &model);
		hg_scoreboard_find_lost(&board, SEGMENT);
		if (random_below(3) == 0 && board.again < board.lost)
			board.again += BYTES;
		if (!forgot)
			compare(&board, &model, GRANULES);
	}
}

static void new_reno(void)
{
	struct hg_scoreboard board;

	hg_scoreboard_clear(&board, 0);
	board.duplicates = 3;
	CHECK_EQUAL(hg_scoreboard_pipe(&board, 0, 10 * SEGMENT, SEGMENT), 7 * SEGMENT);
	board.lost = SEGMENT;
	CHECK_EQUAL(hg_scoreboard_pipe(&board, 0, 10 * SEGMENT, SEGMENT), 6 * SEGMENT);
	board.again = SEGMENT;
	CHECK_EQUAL(hg_scoreboard_pipe(&board, 0, 10 * SEGMENT, SEGMENT), 7 * SEGMENT);
	board.duplicates = 100;
	CHECK_EQUAL(hg_scoreboard_pipe(&board, 0, 10 * SEGMENT, SEGMENT), 0);
}

/* Four are kept, and the shortest gives way. */
static void bounded(void)
{
	struct hg_scoreboard board;

	hg_scoreboard_clear(&board, 0);
	for (uint32_t i = 1; i <= 4; i++)
		CHECK(hg_scoreboard_add(&board, i * 1024, i * 1024 + i * BYTES));
	CHECK(!hg_scoreboard_add(&board, 8192, 8192 + BYTES));
	CHECK(hg_scoreboard_add(&board, 8192, 8192 + 3 * BYTES));
	CHECK_EQUAL(hg_scoreboard_range(&board, 0).start, 2048);
	CHECK_EQUAL(hg_scoreboard_highest(&board), 8192 + 3 * BYTES);
	CHECK_EQUAL(hg_scoreboard_has(&board), (2 + 3 + 4 + 3) * BYTES);
}

/* Watched holes are lost when they are given up, not those above; late ones are no more watched. */
static void watched(void)
{
	struct hg_scoreboard board;

	hg_scoreboard_clear(&board, 0);
	hg_scoreboard_watch(&board);
	CHECK_EQUAL(board.watched, 0);
	hg_scoreboard_add(&board, 1024, 2048);
	hg_scoreboard_watch(&board);
	hg_scoreboard_add(&board, 3072, 4096);
	hg_scoreboard_watch(&board);
	hg_scoreboard_advance(&board, 128);
	hg_scoreboard_give_up_watched(&board);
	CHECK_EQUAL(board.lost, 2048);
	hg_scoreboard_watch(&board);
	hg_scoreboard_advance(&board, 4096);
	CHECK_EQUAL(board.watched, 0);
	CHECK_EQUAL(board.count, 0);
}

/* All that was sent again came twice; what is below where recovery began does not count. */
static void came_twice(void)
{
	struct hg_scoreboard board;

	hg_scoreboard_clear(&board, 1280);
	board.undo = 1280;
	CHECK(!hg_scoreboard_came_twice(&board, 1280, 1408));
	hg_scoreboard_resent(&board, 2 * SEGMENT);
	CHECK(!hg_scoreboard_came_twice(&board, 0, 1280));
	CHECK(!hg_scoreboard_came_twice(&board, 1280, 1280 + SEGMENT));
	CHECK(hg_scoreboard_came_twice(&board, 1280 + SEGMENT, 1280 + 2 * SEGMENT));
}

/* Further than the ranges can tell is forgotten, at the latest when it would wrap. */
static void reach(void)
{
	struct hg_scoreboard board;

	hg_scoreboard_clear(&board, 256);
	CHECK(!hg_scoreboard_add(&board, 256 + HG_SACK_REACH, 256 + HG_SACK_REACH + BYTES));
	CHECK(hg_scoreboard_add(&board, 256 + BYTES, 256 + 2 * HG_SACK_REACH));
	CHECK_EQUAL(hg_scoreboard_highest(&board), 256 + HG_SACK_REACH);
	hg_scoreboard_advance(&board, 256 + HG_SACK_REACH - BYTES);
	CHECK_EQUAL(hg_scoreboard_has(&board), BYTES);
}

int main(void)
{
	for (uint32_t i = 0; i < 20000; i++)
		run(1 + random_below(30));
	new_reno();
	bounded();
	watched();
	came_twice();
	reach();
	return 0;
}
