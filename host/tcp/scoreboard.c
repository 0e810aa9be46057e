/* SPDX-License-Identifier: Apache-2.0 */
#include "scoreboard.h"

#include <string.h>

void hg_scoreboard_clear(struct hg_scoreboard *board, uint32_t acked)
{
	memset(board, 0, sizeof(*board));
	board->base = acked / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
	board->lost = board->again = acked;
}

static void remove_range(struct hg_scoreboard *board, uint32_t index)
{
	board->count--;
	memmove(&board->ranges[index], &board->ranges[index + 1],
		(board->count - index) * sizeof(board->ranges[0]));
}

static uint32_t granules(const struct hg_scoreboard *board, uint32_t index)
{
	return (uint32_t)(board->ranges[index].end - board->ranges[index].start);
}

/* Forgets the shortest: that loses least. true: it was the new one, of `length` granules. */
static bool make_room(struct hg_scoreboard *board, uint32_t length)
{
	uint32_t shortest = 0;

	for (uint32_t i = 1; i < board->count; i++)
		if (granules(board, i) < granules(board, shortest))
			shortest = i;
	if (length <= granules(board, shortest))
		return true;
	remove_range(board, shortest);
	return false;
}

bool hg_scoreboard_add(struct hg_scoreboard *board, uint32_t first, uint32_t last)
{
	uint32_t start = (first - board->base) / HG_SEQ_GRANULE;
	uint32_t end = (last - board->base) / HG_SEQ_GRANULE;
	uint32_t i = 0;

	if (end > UINT16_MAX)
		end = UINT16_MAX;
	if (start >= end)
		return false;
	while (i < board->count && board->ranges[i].end < start)
		i++;
	if (i < board->count && board->ranges[i].start <= start && end <= board->ranges[i].end)
		return false;
	/* All that it touches becomes part of it. */
	while (i < board->count && board->ranges[i].start <= end) {
		if (board->ranges[i].start < start)
			start = board->ranges[i].start;
		if (board->ranges[i].end > end)
			end = board->ranges[i].end;
		remove_range(board, i);
	}
	if (board->count == HG_SACK_RANGES && make_room(board, end - start))
		return false;
	for (i = board->count; i > 0 && board->ranges[i - 1].start > start; i--)
		board->ranges[i] = board->ranges[i - 1];
	board->ranges[i].start = (uint16_t)start;
	board->ranges[i].end = (uint16_t)end;
	board->count++;
	return true;
}

static uint16_t less(uint16_t from, uint32_t by)
{
	return from > by ? (uint16_t)(from - by) : 0;
}

void hg_scoreboard_advance(struct hg_scoreboard *board, uint32_t acked)
{
	uint32_t gone = (acked - board->base) / HG_SEQ_GRANULE;

	board->base += gone * HG_SEQ_GRANULE;
	while (board->count && board->ranges[0].end <= gone)
		remove_range(board, 0);
	for (uint32_t i = 0; i < board->count; i++) {
		board->ranges[i].start = less(board->ranges[i].start, gone);
		board->ranges[i].end = less(board->ranges[i].end, gone);
	}
	board->watched = less(board->watched, gone);
	if (board->lost < acked)
		board->lost = acked;
	if (board->again < acked)
		board->again = acked;
}

void hg_scoreboard_find_lost(struct hg_scoreboard *board, uint32_t segment)
{
	uint32_t above = 0;

	for (uint32_t i = board->count; i-- > 0;) {
		struct hg_range range = hg_scoreboard_range(board, i);

		above += range.end - range.start;
		if (board->count - i >= HG_DUP_THRESHOLD || above > (HG_DUP_THRESHOLD - 1) * segment) {
			if (board->lost < range.start)
				board->lost = range.start;
			return;
		}
	}
}

void hg_scoreboard_watch(struct hg_scoreboard *board)
{
	uint32_t highest = hg_scoreboard_highest(board);
	struct hg_range hole;

	if (!board->watched && hg_scoreboard_hole(board, board->lost, highest, &hole))
		board->watched = (uint16_t)((highest - board->base) / HG_SEQ_GRANULE);
}

void hg_scoreboard_give_up_watched(struct hg_scoreboard *board)
{
	uint32_t below = board->base + board->watched * HG_SEQ_GRANULE;

	if (board->lost < below)
		board->lost = below;
	board->watched = 0;
}

void hg_scoreboard_resent(struct hg_scoreboard *board, uint32_t bytes)
{
	uint32_t resent = board->resent + bytes / HG_SEQ_GRANULE;

	board->resent = resent < UINT16_MAX ? (uint16_t)resent : UINT16_MAX;
}

bool hg_scoreboard_came_twice(struct hg_scoreboard *board, uint32_t start, uint32_t end)
{
	if (!board->resent || end <= board->undo)
		return false;
	board->resent = less(board->resent, (end - start) / HG_SEQ_GRANULE);
	return board->resent == 0;
}

/* Of [from, to), the bytes that no range has. */
static uint32_t missing(const struct hg_scoreboard *board, uint32_t from, uint32_t to)
{
	uint32_t bytes;

	if (to <= from)
		return 0;
	bytes = to - from;
	for (uint32_t i = 0; i < board->count; i++) {
		struct hg_range range = hg_scoreboard_range(board, i);
		uint32_t start = range.start > from ? range.start : from;
		uint32_t end = range.end < to ? range.end : to;

		if (start < end)
			bytes -= end - start;
	}
	return bytes;
}

uint32_t hg_scoreboard_pipe(const struct hg_scoreboard *board, uint32_t acked, uint32_t sent, uint32_t segment)
{
	uint32_t lost = board->lost > acked ? board->lost : acked;
	uint32_t again = board->again < lost ? board->again : lost;
	uint32_t pipe = missing(board, lost, sent) + missing(board, acked, again);
	uint32_t left = board->duplicates * segment;

	return pipe > left ? pipe - left : 0;
}

bool hg_scoreboard_hole(const struct hg_scoreboard *board, uint32_t from, uint32_t below, struct hg_range *hole)
{
	uint32_t i = 0;

	for (; i < board->count && hg_scoreboard_range(board, i).start <= from; i++)
		if (hg_scoreboard_range(board, i).end > from)
			from = hg_scoreboard_range(board, i).end;
	if (from >= below)
		return false;
	*hole = (struct hg_range){ from, below };
	if (i < board->count && hg_scoreboard_range(board, i).start < below)
		hole->end = hg_scoreboard_range(board, i).start;
	return true;
}

uint32_t hg_scoreboard_highest(const struct hg_scoreboard *board)
{
	return board->count ? hg_scoreboard_range(board, board->count - 1).end : 0;
}

uint32_t hg_scoreboard_has(const struct hg_scoreboard *board)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < board->count; i++)
		bytes += granules(board, i) * HG_SEQ_GRANULE;
	return bytes;
}
