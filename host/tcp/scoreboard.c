/* SPDX-License-Identifier: Apache-2.0 */
#include "scoreboard.h"

#include <string.h>

void hg_scoreboard_clear(struct hg_scoreboard *board, uint32_t acked)
{
	memset(board, 0, sizeof(*board));
	board->lost = board->again = acked;
}

static void remove_range(struct hg_scoreboard *board, uint32_t index)
{
	board->count--;
	memmove(&board->ranges[index], &board->ranges[index + 1],
		(board->count - index) * sizeof(board->ranges[0]));
}

/* Forgets the shortest: that loses least. true: it was the new one, of `length` bytes. */
static bool make_room(struct hg_scoreboard *board, uint32_t length)
{
	uint32_t shortest = 0;

	for (uint32_t i = 1; i < board->count; i++)
		if (board->ranges[i].end - board->ranges[i].start <
		    board->ranges[shortest].end - board->ranges[shortest].start)
			shortest = i;
	if (length <= board->ranges[shortest].end - board->ranges[shortest].start)
		return true;
	remove_range(board, shortest);
	return false;
}

bool hg_scoreboard_add(struct hg_scoreboard *board, uint32_t start, uint32_t end)
{
	uint32_t i = 0;

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
	board->ranges[i] = (struct hg_range){ start, end };
	board->count++;
	return true;
}

void hg_scoreboard_advance(struct hg_scoreboard *board, uint32_t acked)
{
	while (board->count && board->ranges[0].end <= acked)
		remove_range(board, 0);
	if (board->count && board->ranges[0].start < acked)
		board->ranges[0].start = acked;
	if (board->lost < acked)
		board->lost = acked;
	if (board->again < acked)
		board->again = acked;
}

void hg_scoreboard_find_lost(struct hg_scoreboard *board, uint32_t segment)
{
	uint32_t above = 0;

	for (uint32_t i = board->count; i-- > 0;) {
		const struct hg_range *range = &board->ranges[i];

		above += range->end - range->start;
		if (board->count - i >= HG_DUP_THRESHOLD || above > (HG_DUP_THRESHOLD - 1) * segment) {
			if (board->lost < range->start)
				board->lost = range->start;
			return;
		}
	}
}

/* Of [from, to), the bytes that no range has. */
static uint32_t missing(const struct hg_scoreboard *board, uint32_t from, uint32_t to)
{
	uint32_t bytes;

	if (to <= from)
		return 0;
	bytes = to - from;
	for (uint32_t i = 0; i < board->count; i++) {
		uint32_t start = board->ranges[i].start > from ? board->ranges[i].start : from;
		uint32_t end = board->ranges[i].end < to ? board->ranges[i].end : to;

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

	for (; i < board->count && board->ranges[i].start <= from; i++)
		if (board->ranges[i].end > from)
			from = board->ranges[i].end;
	if (from >= below)
		return false;
	hole->start = from;
	hole->end = i < board->count && board->ranges[i].start < below ? board->ranges[i].start : below;
	return true;
}

uint32_t hg_scoreboard_highest(const struct hg_scoreboard *board)
{
	return board->count ? board->ranges[board->count - 1].end : 0;
}

uint32_t hg_scoreboard_has(const struct hg_scoreboard *board)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < board->count; i++)
		bytes += board->ranges[i].end - board->ranges[i].start;
	return bytes;
}
